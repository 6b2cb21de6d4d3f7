"""The list of families, the page of one, and what staff log on it."""

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.http import HttpRequest
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from crm import panels, urls
from crm.models import CallTask, ChannelTally, ContactPoint, Family, Interaction, Member
from crm.services import (
    ContactDetails,
    FamilyDetails,
    MemberDetails,
    create_call_task,
    record_consent,
    refresh_family_text,
    state_preference,
    upsert_family,
)
from tests.factories import guardian, make_family, make_interaction, make_user

pytestmark = pytest.mark.django_db
HX = {"HX-Request": "true"}


def words(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def call(**changes: Any) -> dict[str, Any]:
    """What the form of a call sends."""
    typed = {
        "token": uuid.uuid4().hex,
        "outcome": "answered",
        "direction": "out",
        "who": "",
        "notes": "About the fair",
        "occurred_at": timezone.localtime().strftime("%Y-%m-%dT%H:%M"),
        "next": "",
    }
    return typed | changes


def url_of(name: str, family: Family) -> str:
    return reverse(f"crm:{name}", args=[family.pk])


# Doors


@pytest.mark.parametrize("pattern", urls.urlpatterns, ids=lambda pattern: pattern.name)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_stranger_is_sent_to_log_in(client: Client, pattern: Any, method: str) -> None:
    arguments = [1] * len(pattern.pattern.converters)
    url = reverse(f"crm:{pattern.name}", args=arguments)
    answer = getattr(client, method)(url)
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"{reverse('login')}?next=")


@pytest.mark.parametrize("name", ["family", "family-timeline", "log-call", "log-conversation", "log-note"])
def test_an_unknown_family_is_not_found(staff_client: Client, name: str) -> None:
    assert staff_client.get(reverse(f"crm:{name}", args=[4_000_000_000])).status_code == 404


def test_every_route_of_the_floor_has_one_name() -> None:
    names = [pattern.name for pattern in urls.urlpatterns]
    assert len(names) == len(set(names))
    assert get_resolver().namespace_dict["crm"]


# The list


def test_it_finds_a_family_by_anything_known(staff_client: Client) -> None:
    make_family("Zebra family", ref="RB-Z-1", email="elena.z@example.org", phone="+447700900142")
    make_family("Other family")
    numbers = ("07700 900142", "+44 7700 900142", "(07700) 900-142", "900142")
    for text in ("zebra", "ZEBRA fam", "Zébra", "elena.z@", "RB-Z-1", *numbers):
        found = words(staff_client.get(reverse("crm:families"), {"q": text}))
        assert "Zebra family" in found, text
        assert "Other family" not in found, text


def test_it_filters_by_stage_tag_wish_and_answers(staff_client: Client) -> None:
    wanted = make_family("Wanted family", tags=["Tuesday & more"], stage="paused")
    state_preference(family=wanted, preferred_channel="sms")
    ChannelTally.objects.create(
        family=wanted, channel="phone", attempts=4, arrived=4, engaged=2, responded=2, last_calculated=timezone.now()
    )
    other = make_family("Other family", tags=["Wednesday"])
    ChannelTally.objects.create(
        family=other, channel="phone", attempts=9, arrived=9, engaged=2, responded=2, last_calculated=timezone.now()
    )
    for query in ({"stage": "paused"}, {"tag": "Tuesday & more"}, {"prefers": "sms"}, {"answers": "phone"}):
        found = words(staff_client.get(reverse("crm:families"), query))
        assert "Wanted family" in found, query
        assert "Other family" not in found, query


@pytest.mark.parametrize("query", ["stage=bogus", "tag=nothing", "q=%00", "after=zzz", "prefers=x", "q=" + "a" * 500])
def test_an_odd_query_of_the_list_is_answered(staff_client: Client, query: str) -> None:
    make_family()
    assert staff_client.get(f"{reverse('crm:families')}?{query}").status_code == 200


def test_an_empty_list_teaches(staff_client: Client) -> None:
    assert "No families yet" in words(staff_client.get(reverse("crm:families")))
    make_family()
    nothing = words(staff_client.get(reverse("crm:families"), {"q": "xyzzy"}))
    assert "No family found" in nothing
    assert "Clear search and filters" in nothing


def test_it_tells_of_a_family_what_one_needs(staff_client: Client) -> None:
    family = make_family("Zebra family", phone="+447700900142")
    make_interaction(family, "sms_received", timezone.now() - timedelta(hours=1))
    make_interaction(family, "note")
    ChannelTally.objects.create(
        family=family, channel="phone", attempts=10, arrived=10, engaged=8, responded=8, last_calculated=timezone.now()
    )
    page = words(staff_client.get(reverse("crm:families")))
    assert "Elena Zebra , 07700 900142" in page
    assert "8 of 10" in page
    assert "from them, SMS" in page


def many_families(number: int) -> None:
    Family.objects.bulk_create(
        [Family(name=f"Same {place // 3:02}", external_ref=f"R{place}") for place in range(number)]
    )
    refresh_family_text(family_ids=list(Family.objects.values_list("pk", flat=True)))


def test_pages_of_the_list_hold_every_family_once(staff_client: Client) -> None:
    many_families(120)
    seen: list[str] = []
    url = reverse("crm:families") + "?q=same"
    while url:
        page = staff_client.get(url).content.decode()
        seen += re.findall(r'href="/families/(\d+)/"', page)
        link = re.search(r'class="pager"><a class="btn" href="([^"]+)"', page)
        url = link[1].replace("&amp;", "&") if link else ""
        assert not url or "q=same" in url
    assert len(seen) == len(set(seen)) == 120


def test_by_script_the_list_answers_with_its_part(staff_client: Client) -> None:
    many_families(60)
    part = staff_client.get(reverse("crm:families"), headers={**HX, "HX-Target": "families-list"})
    assert part.content.decode().lstrip().startswith("<section")
    more = staff_client.get(reverse("crm:families"), headers={**HX, "HX-Target": "families-more"})
    assert more.content.decode().lstrip().startswith("<tbody")
    assert "HX-Request" in part["Vary"]


def test_the_list_asks_a_fixed_number_of_queries(
    staff_client: Client, django_assert_num_queries: Callable[..., Any]
) -> None:
    make_family(tags=["a", "b"])
    url = reverse("crm:families")
    # Session, user, own fields; families, tags, tallies, addresses, adults; kept views; filter's tags; calls due.
    with django_assert_num_queries(11):
        staff_client.get(url)
    for number in range(20):
        make_interaction(make_family(tags=["a", f"t{number}"]), "sms_received")
    with django_assert_num_queries(11):
        staff_client.get(url)


# The page of one


def test_a_family_without_anybody_and_anything_has_a_page(staff_client: Client) -> None:
    family = Family.objects.create(name="Empty")
    page = words(staff_client.get(family.get_absolute_url()))
    assert "Nobody is known yet" in page
    assert "No conversation yet" in page
    assert "Nothing was said on either side" in page


@pytest.mark.parametrize(
    "name", ["عائلة الخطيب", "👩‍👧‍👦 Smith", "<img src=x onerror=alert(1)>", 'O\'Neil & "Sons"', "N" * 200]
)
def test_any_name_is_shown_as_it_is(staff_client: Client, name: str) -> None:
    family = upsert_family(details=FamilyDetails(external_ref="X1", name=name, members=[MemberDetails(name)]))[0]
    make_interaction(family, "note", member_id=guardian(family).pk, metadata={"notes": name})
    for url in (
        family.get_absolute_url(),
        reverse("crm:families"),
        url_of("log-call", family),
        url_of("log-note", family),
    ):
        page = staff_client.get(url)
        assert page.status_code == 200
        assert b"<img src=x" not in page.content


def test_what_is_written_is_never_markup(staff_client: Client) -> None:
    family = make_family()
    evil = "<script>alert(1)</script>"
    for kind in ("note", "email_sent", "sms_received", "portal_page_viewed", "event_attended", "odd_kind"):
        told = dict.fromkeys(("notes", "subject", "text", "title", "name", "event", "error", evil), evil)
        make_interaction(family, kind, metadata=told, outcome=evil[:60])
    page = staff_client.get(family.get_absolute_url()).content.decode()
    assert evil not in page
    assert "&lt;script&gt;" in page


def test_two_hundred_people_are_folded_away(
    staff_client: Client, django_assert_num_queries: Callable[..., Any]
) -> None:
    family = make_family()
    few = staff_client.get(family.get_absolute_url())
    assert "more people" not in words(few)
    Member.objects.bulk_create([Member(family=family, name=f"Adult {number}") for number in range(200)])
    Member.objects.bulk_create([Member(family=family, name=f"Child {number}", role="child") for number in range(50)])
    page = staff_client.get(family.get_absolute_url())
    assert "196 more people" in words(page)
    assert "50 children" in words(page)
    for member in family.members.all()[:9]:
        make_interaction(family, "event_attended", member_id=member.pk, metadata={"event": "x"})
    assert re.search(r"and \d more", words(staff_client.get(family.get_absolute_url())))


def test_it_says_which_address_works(staff_client: Client) -> None:
    family = make_family(email="elena@example.org", phone="+447700900142")
    ContactPoint.objects.filter(channel="email").update(
        is_valid=False, invalid_reason="bounced", invalid_since=timezone.now()
    )
    ContactPoint.objects.filter(channel="phone").update(last_ok_at=timezone.now())
    record_consent(granted=False, source="stop_word", address="+447700900142", channel="sms")
    page = staff_client.get(family.get_absolute_url())
    assert "line-through" in page.content.decode()
    assert "bounced," in words(page)
    assert "works," in words(page)
    assert "no SMS, since" in words(page)


def test_it_shows_what_they_agreed_to(staff_client: Client) -> None:
    family = make_family()
    other = make_family()
    record_consent(family=family, granted=True, source="staff", channel="email")
    record_consent(family=other, granted=False, source="staff", channel="sms")
    page = staff_client.get(family.get_absolute_url()).content.decode()
    cells = re.findall(r'<td><span class="(state ok|muted)"', page)
    # Email, SMS and phone for each topic; what another family said is not ours.
    assert cells
    assert set(cells[0::3]) == {"state ok"}
    assert set(cells[1::3]) | set(cells[2::3]) == {"muted"}


@pytest.fixture
def panel() -> Iterator[Callable[..., Any]]:
    before = dict(panels._FAMILY_PANELS)
    yield panels.register_family_panel
    panels._FAMILY_PANELS.clear()
    panels._FAMILY_PANELS.update(before)


def test_floors_above_put_panels_beside(staff_client: Client, panel: Callable[..., Any], rf: Any) -> None:
    def early(request: HttpRequest, family: Family) -> str:
        return f"<b>{family.name}</b>"

    def late(request: HttpRequest, family: Family) -> str:
        return ""

    panels._FAMILY_PANELS.clear()
    panel(late, order=1)
    panel(early, order=-5)
    panel(early, order=-5)
    family = make_family("A & B")
    assert panels.family_panels(rf.get("/"), family) == ["&lt;b&gt;A &amp; B&lt;/b&gt;"]
    assert "&lt;b&gt;A &amp; B" in staff_client.get(family.get_absolute_url()).content.decode()


# Logging


def test_a_call_is_logged_without_script(staff_client: Client, staff: Any) -> None:
    family = make_family(phone="+447700900142")
    elena = guardian(family)
    answer = staff_client.post(
        url_of("log-call", family), call(who=f"{elena.pk}:+447700900142", length="180", notes="Sibling discount")
    )
    logged = Interaction.objects.get(family=family)
    assert answer["Location"] == f"{family.get_absolute_url()}#interaction-{logged.pk}"
    assert (logged.interaction_type, logged.outcome, logged.member) == ("phone_call_made", "answered", elena)
    told = {"duration": 180, "about": True, "notes": "Sibling discount", "number": "+447700900142"}
    assert logged.metadata == told
    assert logged.created_by == staff
    page = staff_client.get(answer["Location"])
    assert "Call saved" in words(page)
    assert "Sibling discount" in words(page)


def test_a_call_is_logged_in_the_drawer(staff_client: Client) -> None:
    family = make_family()
    form = staff_client.get(url_of("log-call", family), headers=HX)
    assert "<html" not in form.content.decode()
    here = {**HX, "HX-Current-URL": f"https://testserver{family.get_absolute_url()}?channel=sms#x"}
    saved = staff_client.post(url_of("log-call", family), call(), headers=here)
    page = saved.content.decode()
    logged = Interaction.objects.get(family=family)
    assert saved.status_code == 200
    assert saved["HX-Trigger"] == "logged"
    assert f'id="timeline-{family.pk}" aria-labelledby="timeline-title" hx-swap-oob="true"' in page
    assert f'id="interaction-{logged.pk}" data-focus' in page
    assert reverse("crm:undo-interaction", args=[logged.pk]) in page
    # What is not swapped elsewhere lands in the drawer: nothing.
    assert not re.sub(r"<(section|div)[^>]* hx-swap-oob.*", "", page, flags=re.DOTALL).strip()


def test_over_another_page_the_drawer_brings_only_the_toast(staff_client: Client) -> None:
    family, other = make_family(), make_family()
    for there in (reverse("crm:families"), other.get_absolute_url()):
        here = {**HX, "HX-Current-URL": f"https://testserver{there}"}
        saved = staff_client.post(url_of("log-call", family), call(), headers=here)
        assert "Call saved" in words(saved)
        assert b"<article" not in saved.content


def test_a_double_click_is_one_call(staff_client: Client) -> None:
    family = make_family()
    task = create_call_task(family=family, reason="Ring them", due_at=timezone.now())
    typed = call(next="tomorrow", next_what="Again", task=str(task.pk))
    for _time in range(2):
        assert staff_client.post(url_of("log-call", family), typed).status_code == 302
    assert Interaction.objects.filter(family=family).count() == 1
    assert CallTask.objects.filter(family=family).count() == 2


@pytest.mark.parametrize(
    ("changes", "field", "error"),
    [
        ({"outcome": ""}, "outcome", "Choose what happened."),
        ({"outcome": "bogus"}, "outcome", "bogus"),
        ({"direction": "sideways"}, "direction", "sideways"),
        ({"who": "99999999:+44"}, "who", "Select a valid choice"),
        ({"other_number": "abc"}, "other_number", "not a phone number"),
        ({"minutes": "-1"}, "minutes", "greater than or equal to 0"),
        ({"minutes": "99999"}, "minutes", "less than or equal to"),
        ({"notes": "x" * 20_001}, "notes", "at most"),
        ({"notes": "a\x00b"}, "notes", "Null characters"),
        ({"occurred_at": ""}, "occurred_at", "required"),
        ({"occurred_at": "yesterday"}, "occurred_at", "valid date"),
        ({"occurred_at": "0202-01-01T10:00"}, "occurred_at", "check the year"),
        ({"occurred_at": "2126-01-01T10:00"}, "occurred_at", "future"),
        ({"next": "day"}, "next_day", "Choose the day."),
        ({"next": "day", "next_day": "2020-01-01"}, "next_day", "That day is over."),
        ({"next": "day", "next_day": "2199-01-01"}, "next_day", "check the year"),
        ({"token": "not-a-token"}, "token", "valid UUID"),
    ],
)
def test_a_bad_call_is_given_back_with_what_was_typed(
    staff_client: Client, changes: dict[str, str], field: str, error: str
) -> None:
    family = make_family()
    answer = staff_client.post(url_of("log-call", family), call(notes="Keep this") | changes, headers=HX)
    assert answer.status_code == 422
    assert any(error in told for told in answer.context["form"].errors[field]), answer.context["form"].errors
    assert error in words(answer)
    assert "notes" in changes or "Keep this" in answer.content.decode()
    assert not Interaction.objects.exists()
    assert not CallTask.objects.exists()


def test_a_wrong_number_is_set_aside(staff_client: Client) -> None:
    family = make_family(phone="+447700900142")
    who = f"{guardian(family).pk}:+447700900142"
    staff_client.post(url_of("log-call", family), call(outcome="wrong_number", who=who))
    assert not ContactPoint.objects.get(family=family, channel="phone").is_valid
    page = words(staff_client.get(family.get_absolute_url()))
    assert "Wrong number" in page
    assert "is set aside, nobody will ring it again" in page
    assert "set aside: wrong number" in words(staff_client.get(url_of("log-call", family)))


def test_exact_minutes_and_another_number_count_more(staff_client: Client) -> None:
    family = make_family()
    typed = call(length="600", minutes="7", other_number="020 7946 0018", direction="in")
    staff_client.post(url_of("log-call", family), typed)
    logged = Interaction.objects.get(family=family)
    assert logged.interaction_type == "phone_call_received"
    assert (logged.metadata["duration"], logged.metadata["number"]) == (420, "+442079460018")


def test_the_time_is_read_where_the_family_lives(staff_client: Client) -> None:
    family = make_family(time_zone="Asia/Tokyo")
    staff_client.post(url_of("log-call", family), call(occurred_at="2026-01-05T09:30"))
    assert Interaction.objects.get(family=family).occurred_at == datetime(2026, 1, 5, 0, 30, tzinfo=UTC)
    assert "Their time, Asia/Tokyo." in words(staff_client.get(url_of("log-call", family)))


def test_the_hours_of_changing_clocks(staff_client: Client) -> None:
    family = make_family(time_zone="Europe/London")
    with time_machine.travel(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), tick=False):
        staff_client.post(url_of("log-call", family), call(occurred_at="2026-10-25T01:30"))
        assert Interaction.objects.get(family=family).occurred_at == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
        never = staff_client.post(url_of("log-call", family), call(occurred_at="2026-03-29T01:30"))
        assert "this time never was" in words(never)


def test_a_follow_up_becomes_a_call_to_make(staff_client: Client, staff: Any) -> None:
    family = make_family(phone="+447700900142", time_zone="Asia/Tokyo")
    who = f"{guardian(family).pk}:+447700900142"
    staff_client.post(url_of("log-call", family), call(who=who, next="tomorrow", next_what="Confirm the place"))
    task = CallTask.objects.get(family=family)
    there = task.due_at.astimezone(family.zone)
    assert there.date() == timezone.localdate(timezone=family.zone) + timedelta(days=1)
    assert (there.hour, task.reason, task.number, task.assignee) == (10, "Confirm the place", "+447700900142", staff)
    assert "Confirm the place" in words(staff_client.get(family.get_absolute_url()))


def test_a_call_closes_the_task_that_it_was_asked_by(staff_client: Client) -> None:
    family = make_family(phone="+447700900142")
    task = create_call_task(
        family=family,
        reason="Missing form",
        script="Ask kindly.",
        number="+447700900142",
        member_id=guardian(family).pk,
        due_at=timezone.now(),
    )
    url = f"{url_of('log-call', family)}?task={task.pk}"
    form = staff_client.get(url)
    assert "Ask kindly." in words(form)
    assert f'<option value="{task.pk}" selected>' in form.content.decode()
    staff_client.post(url, call(task=str(task.pk)))
    task.refresh_from_db()
    assert (task.state, task.outcome) == ("done", "answered")


@pytest.mark.parametrize("task", ["", "0", "x", "99999999999999999999"])
def test_an_unknown_task_closes_nothing(staff_client: Client, task: str) -> None:
    family, other = make_family(), make_family()
    theirs = create_call_task(family=other, reason="Ring", due_at=timezone.now())
    assert staff_client.get(f"{url_of('log-call', family)}?task={task or theirs.pk}").status_code == 200
    staff_client.post(f"{url_of('log-call', family)}?task={task}", call(task=task or str(theirs.pk)))
    theirs.refresh_from_db()
    assert theirs.state == "open"


def test_a_conversation_and_a_note_are_logged(staff_client: Client) -> None:
    family = make_family()
    typed = {
        "token": uuid.uuid4().hex,
        "kind": "concern",
        "member": str(guardian(family).pk),
        "notes": "Stairs are icy",
        "occurred_at": timezone.localtime().strftime("%Y-%m-%dT%H:%M"),
    }
    for _time in range(2):
        assert staff_client.post(url_of("log-conversation", family), typed).status_code == 302
    note = {"token": uuid.uuid4().hex, "notes": "Prefers Spanish"}
    for _time in range(2):
        assert staff_client.post(url_of("log-note", family), note, headers=HX).status_code == 200
    assert Interaction.objects.filter(family=family).count() == 2
    page = words(staff_client.get(family.get_absolute_url()))
    for told in ("Conversation with Elena", "Concern", "Stairs are icy", "Prefers Spanish", "by Nora"):
        assert told in page


def test_an_empty_note_and_a_talk_without_kind_are_given_back(staff_client: Client) -> None:
    family = make_family()
    token = uuid.uuid4().hex
    assert staff_client.post(url_of("log-note", family), {"token": token, "notes": " "}).status_code == 422
    talk = staff_client.post(url_of("log-conversation", family), {"token": token, "notes": "Said this", "kind": ""})
    assert talk.status_code == 422
    assert "Choose what it was." in words(talk)
    assert "Said this" in words(talk)


def test_somebody_elses_person_is_refused(staff_client: Client) -> None:
    family, other = make_family(), make_family()
    stranger = str(guardian(other).pk)
    typed = {
        "token": uuid.uuid4().hex,
        "kind": "other",
        "notes": "x",
        "member": stranger,
        "occurred_at": "2026-01-01T10:00",
    }
    assert staff_client.post(url_of("log-conversation", family), typed).status_code == 422
    assert staff_client.post(url_of("log-call", family), call(who=f"{stranger}:")).status_code == 422


# Undo


def undo(client: Client, interaction: Interaction, **options: Any) -> Any:
    return client.post(reverse("crm:undo-interaction", args=[interaction.pk]), **options)


def test_what_was_just_saved_can_be_taken_back_once(staff_client: Client) -> None:
    family = make_family()
    staff_client.post(url_of("log-call", family), call(next="tomorrow"))
    logged = Interaction.objects.get(family=family)
    for _time in range(2):
        assert undo(staff_client, logged).status_code == 302
    assert Interaction.objects.filter(family=family, interaction_type="correction").count() == 1
    assert CallTask.objects.get(family=family).state == "cancelled"
    page = words(staff_client.get(family.get_absolute_url()))
    assert "Call taken back" in page
    assert "withdrawn by Nora" in page
    led = staff_client.get(reverse("crm:undo-interaction", args=[logged.pk]))
    assert led.headers["Location"] == family.get_absolute_url()


def test_after_ten_minutes_only_a_superuser_takes_back(staff_client: Client) -> None:
    family = make_family()
    staff_client.post(url_of("log-call", family), call())
    logged = Interaction.objects.get(family=family)
    Interaction.objects.filter(pk=logged.pk).update(recorded_at=timezone.now() - timedelta(minutes=11))
    answer = undo(staff_client, logged, headers=HX)
    assert "more than ten minutes ago" in words(answer)
    assert not Interaction.objects.filter(interaction_type="correction").exists()
    boss = Client()
    boss.force_login(make_user("boss", superuser=True))
    undo(boss, logged)
    assert Interaction.objects.filter(interaction_type="correction").exists()


def test_nobody_takes_back_what_another_saved_or_a_machine_told(staff_client: Client) -> None:
    family = make_family()
    other = Client()
    other.force_login(make_user("priya"))
    other.post(url_of("log-call", family), call())
    assert undo(staff_client, Interaction.objects.get(family=family)).status_code == 403
    boss = Client()
    boss.force_login(make_user("boss", superuser=True))
    assert undo(boss, make_interaction(family, "email_sent")).status_code == 404
    assert not Interaction.objects.filter(interaction_type="correction").exists()


# Whom the call was with


def test_it_leads_from_a_search_to_the_form(staff_client: Client) -> None:
    family = make_family("Zebra family", phone="+447700900142")
    make_family("Other family")
    url = reverse("crm:pick-family-for-call")
    assert "Type a few letters" in words(staff_client.get(url))
    found = staff_client.get(url, {"q": "07700 900142"})
    assert url_of("log-call", family) in found.content.decode()
    assert "Other family" not in words(found)
    part = staff_client.get(url, {"q": "zeb"}, headers={**HX, "HX-Target": "picked"}).content.decode()
    assert part.lstrip().startswith("<ul")
    assert "Nobody found" in words(staff_client.get(url, {"q": "xyzzy\x00"}))


def test_it_offers_numbers_that_work_first(staff_client: Client) -> None:
    details = FamilyDetails(
        external_ref="N1",
        name="Numbers",
        members=[
            MemberDetails("Ann One", "guardian", contact_points=[ContactDetails("phone", "+447700900101")]),
            MemberDetails("Ben Two", "guardian", contact_points=[ContactDetails("phone", "+447700900102")]),
            MemberDetails("Cat Three", "student"),
        ],
    )
    family = upsert_family(details=details)[0]
    ContactPoint.objects.filter(value="+447700900101").update(is_valid=False, invalid_reason="gone")
    form = staff_client.get(url_of("log-call", family)).context["form"]
    offered = [str(told) for _key, told in form.fields["who"].choices]
    assert offered == ["Ben, 07700 900102", "Cat Three", "Somebody else", "Ann, 07700 900101 (set aside: gone)"]
