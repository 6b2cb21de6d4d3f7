"""Events and the check-in list at the door."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.models import Event, Family, Interaction, Member, Place, SavedView
from crm.selectors.events import EVENTS_PER_PAGE, FAMILIES_PER_PAGE, event_numbers
from crm.selectors.naming import families_named
from crm.services import add_places, set_attendance
from tests.factories import guardian, make_event, make_family, make_user

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def family() -> Family:
    return make_family("Martinez family", child=True)


@pytest.fixture
def fair(family: Family) -> Event:
    event = make_event()
    add_places(event=event, members=family.members.all(), by_id=None)
    return event


def tick(client: Client, event: Event, *words: str, **extra: Any) -> Any:
    return client.post(reverse("crm:check-in", args=[event.pk]), {"tick": words}, **extra)


def state(member: Member) -> str:
    return Place.objects.get(member=member).state


def log_of(family: Family) -> list[str]:
    return list(Interaction.objects.filter(family=family).order_by("id").values_list("interaction_type", flat=True))


def undo_of(answer: Any) -> str:
    page = answer.content.decode()
    return page.split('<div class="toasty">')[1].split('action="')[1].split('"')[0].replace("&amp;", "&")


@pytest.mark.parametrize("name", ["event", "check-in", "event-people", "event-counts", "event-sheet"])
def test_strangers_are_sent_to_log_in(client: Client, fair: Event, name: str) -> None:
    path = reverse(f"crm:{name}", args=[fair.pk])
    assert client.get(path).headers["Location"].startswith(reverse("login"))
    assert client.post(path, {"tick": "1:attended"}).headers["Location"].startswith(reverse("login"))
    assert Interaction.objects.filter(interaction_type="event_attended").count() == 0


def test_a_tap_checks_in_at_once_and_is_in_the_timeline(staff_client: Client, fair: Event, family: Family) -> None:
    elena = guardian(family)
    answer = tick(staff_client, fair, f"{elena.pk}:attended", **HTMX)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert f'id="check-in-family-{family.pk}"' in page
    assert f'value="{elena.pk}:expected" aria-pressed="true"' in page
    assert 'id="event-counts"' in page
    assert "Elena is checked in" in page
    assert log_of(family) == ["event_expected", "event_expected", "event_attended"]


def test_without_script_the_page_comes_back_with_an_undo(staff_client: Client, fair: Event, family: Family) -> None:
    elena = guardian(family)
    answer = tick(staff_client, fair, f"{elena.pk}:attended", follow=True)
    assert answer.redirect_chain[-1][0] == reverse("crm:event", args=[fair.pk])
    staff_client.post(undo_of(answer))
    assert state(elena) == "expected"
    assert log_of(family)[-1] == "correction"


def test_however_often_it_is_tapped_one_interaction_stands(staff_client: Client, fair: Event, family: Family) -> None:
    elena = guardian(family)
    for _again in range(3):
        tick(staff_client, fair, f"{elena.pk}:attended", **HTMX)
    assert log_of(family).count("event_attended") == 1
    tick(staff_client, fair, f"{elena.pk}:expected", **HTMX)
    tick(staff_client, fair, f"{elena.pk}:attended", **HTMX)
    assert log_of(family).count("event_attended") == 2
    assert log_of(family).count("correction") == 1


def test_two_browsers_lose_no_tick(staff_client: Client, fair: Event, family: Family) -> None:
    elena, sofia = family.members.order_by("id")
    other = Client()
    other.force_login(staff_client.get(reverse("crm:events")).wsgi_request.user)
    seen = event_numbers(fair).token
    tick(staff_client, fair, f"{elena.pk}:attended", **HTMX)
    tick(other, fair, f"{sofia.pk}:attended", **HTMX)
    tick(other, fair, f"{elena.pk}:attended", **HTMX)
    assert {state(elena), state(sofia)} == {"attended"}
    news = other.get(reverse("crm:event-counts", args=[fair.pk]), {"seen": seen}).content.decode()
    assert news.count('aria-pressed="true"') == 2
    assert log_of(family).count("event_attended") == 2


def test_everyone_of_a_family_at_once_and_back(staff_client: Client, fair: Event, family: Family) -> None:
    path = reverse("crm:check-in", args=[fair.pk])
    answer = staff_client.post(path, {"everyone": family.pk}, **HTMX)
    assert "2 people are checked in" in answer.content.decode()
    assert "Everyone is here" not in answer.content.decode()
    staff_client.post(undo_of(answer))
    assert set(Place.objects.values_list("state", flat=True)) == {"expected"}


def test_counts_answer_204_until_something_changes(staff_client: Client, fair: Event, family: Family) -> None:
    path = reverse("crm:event-counts", args=[fair.pk])
    seen = event_numbers(fair).token
    assert staff_client.get(path, {"seen": seen}).status_code == 204
    set_attendance(event=fair, member=guardian(family), state="attended", by_id=None)
    answer = staff_client.get(path, {"seen": seen})
    assert answer.status_code == 200
    assert "of 2 people are here" in answer.content.decode()
    for odd in ("", "x", "1-2-3-99999999999999999999", "---"):
        assert staff_client.get(path, {"seen": odd}).status_code == 200


def test_the_rest_did_not_come_and_that_can_be_undone(staff_client: Client, fair: Event, family: Family) -> None:
    elena, sofia = family.members.order_by("id")
    tick(staff_client, fair, f"{elena.pk}:attended", **HTMX)
    path = reverse("crm:check-in", args=[fair.pk])
    answer = staff_client.post(path, {"rest": "no_show"}, follow=True)
    assert (state(elena), state(sofia)) == ("attended", "no_show")
    assert log_of(family)[-1] == "event_no_show"
    undo = undo_of(answer)
    staff_client.post(undo)
    staff_client.post(undo)
    assert (state(elena), state(sofia)) == ("attended", "expected")
    assert log_of(family).count("correction") == 1
    tick(staff_client, fair, f"{sofia.pk}:attended")
    assert state(sofia) == "attended"


def test_marking_the_rest_takes_the_same_number_of_queries_for_any_number(
    staff_client: Client, fair: Event, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        add_places(event=fair, members=make_family(f"Family {number}").members.all(), by_id=None)
    with django_assert_max_num_queries(25):
        staff_client.post(reverse("crm:check-in", args=[fair.pk]), {"rest": "no_show"})
    assert Place.objects.filter(state="no_show").count() == 32


@pytest.mark.parametrize(
    "given",
    [{}, {"tick": "x"}, {"tick": "999999:attended"}, {"tick": "1:gone"}, {"everyone": "x"}, {"rest": "x"},
     {"rest": "2026-99-99T00:00:00+00:00"}, {"rest": "2026-01-01T00:00:00"}, {"tick": "9" * 40 + ":attended"}],
)  # fmt: skip
def test_bad_ticks_are_refused_and_change_nothing(staff_client: Client, fair: Event, given: dict[str, str]) -> None:
    answer = staff_client.post(reverse("crm:check-in", args=[fair.pk]), given)
    assert answer.status_code == 400
    assert set(Place.objects.values_list("state", flat=True)) == {"expected"}


def test_an_unknown_event_is_not_found(staff_client: Client) -> None:
    for name in ("event", "event-people", "event-counts"):
        assert staff_client.get(reverse(f"crm:{name}", args=[404])).status_code == 404


def test_the_filter_finds_by_first_letters(staff_client: Client, fair: Event) -> None:
    add_places(event=fair, members=make_family("Okafor family").members.all(), by_id=None)
    path = reverse("crm:event", args=[fair.pk])
    page = staff_client.get(path, {"find": "oka"}, HTTP_HX_REQUEST="true", HTTP_HX_TARGET="people").content.decode()
    assert "Okafor" in page
    assert "Martinez" not in page
    assert "<html" not in page
    assert "Look among all families" in staff_client.get(path, {"find": "nobody"}).content.decode()


def test_the_list_is_paged_with_constant_queries(
    staff_client: Client, fair: Event, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    path = reverse("crm:event", args=[fair.pk])
    with django_assert_max_num_queries(12) as few:
        staff_client.get(path)
    for number in range(FAMILIES_PER_PAGE + 5):
        add_places(event=fair, members=make_family(f"Family {number:03d}").members.all(), by_id=None)
    with django_assert_num_queries(len(few)):
        first = staff_client.get(path)
    assert len(first.context["families"]) == FAMILIES_PER_PAGE
    second = staff_client.get(path, {"after": first.context["next"]})
    assert len(second.context["families"]) == 6
    assert staff_client.get(path, {"after": "nonsense"}).status_code == 200


def test_people_are_added_by_name_by_tag_and_as_they_walk_in(staff_client: Client, staff: Any) -> None:
    event = make_event()
    tagged = make_family("Okafor family", tags=["fair"])
    left = make_family("Wu family", tags=["fair"], stage="left")
    walker = make_family("Novak family", child=True)
    path = reverse("crm:event-people", args=[event.pk])
    found = staff_client.get(path, {"find": "novak"}, HTTP_HX_REQUEST="true", HTTP_HX_TARGET="found").content.decode()
    assert "Novak family" in found
    assert "<html" not in found
    staff_client.post(path, {"group": f"tag:{tagged.tags.get().pk}"})
    staff_client.post(path, {"group": f"tag:{tagged.tags.get().pk}"})
    staff_client.post(path, {"person": f"{guardian(walker).pk}:attended"})
    staff_client.post(path, {"family": walker.pk})
    states = dict(Place.objects.values_list("member__name", "state"))
    assert states == {"Elena Okafor": "expected", "Elena Novak": "attended", "Sofia Novak": "expected"}
    assert not Place.objects.filter(family=left).exists()
    assert log_of(tagged) == ["event_expected"]


def test_people_are_expected_by_a_saved_view(staff_client: Client, staff: Any) -> None:
    event = make_event()
    path = reverse("crm:event-people", args=[event.pk])
    trial, _other = make_family("Okafor family", stage="enquiry"), make_family("Wu family", stage="enrolled")
    mine = SavedView.objects.create(name="On trial", query={"stage": "enquiry"}, owner=staff)
    theirs = SavedView.objects.create(name="Theirs", query={}, owner=make_user("priya"))
    broken = SavedView.objects.create(name="Old", query={"tag": "gone"}, owner=staff)
    assert "On trial" in staff_client.get(path).content.decode()
    assert staff_client.post(path, {"group": f"view:{theirs.pk}"}).status_code == 422
    refused = staff_client.post(path, {"group": f"view:{broken.pk}"})
    assert refused.status_code == 422
    assert "no longer works" in refused.content.decode()
    for _twice in range(2):
        assert staff_client.post(path, {"group": f"view:{mine.pk}"}).status_code == 302
    assert set(Place.objects.values_list("member__family", flat=True)) == {trial.pk}


def test_a_guest_gets_a_family_page_once(staff_client: Client) -> None:
    event = make_event()
    path = reverse("crm:event-people", args=[event.pk])
    reference = staff_client.get(path).context["guest_ref"]
    given = {"guest": "Ada Guest", "guest_email": "Ada@Example.org", "guest_ref": reference}
    for _again in range(2):
        assert staff_client.post(path, given).status_code == 302
    guest = Family.objects.get(name="Ada Guest")
    assert guest.contact_points.get().value == "ada@example.org"
    assert log_of(guest) == ["event_attended"]
    staff_client.post(path, {"guest": "Bob", "guest_ref": reference})
    assert Family.objects.get(name="Bob").external_ref != guest.external_ref


@pytest.mark.parametrize(
    ("given", "status"),
    [({}, 400), ({"person": "1:gone"}, 400), ({"person": "x:expected"}, 400), ({"person": "404:expected"}, 404),
     ({"group": "tag:404"}, 422), ({"group": "view:404"}, 422), ({"group": ""}, 422), ({"guest": ""}, 422),
     ({"guest": "A", "guest_email": "no"}, 422)],
)  # fmt: skip
def test_bad_people_are_refused(staff_client: Client, given: dict[str, str], status: int) -> None:
    event = make_event()
    assert staff_client.post(reverse("crm:event-people", args=[event.pk]), given).status_code == status
    assert not Place.objects.exists()


def test_an_event_is_made_and_changed(staff_client: Client) -> None:
    given = {
        "name": "Park day",
        "place": "St George Park",
        "starts_at": "2026-12-01T13:00",
        "ends_at": "2026-12-01T16:00",
    }
    staff_client.post(reverse("crm:event-new"), given)
    event = Event.objects.get()
    assert event.starts_at.isoformat() == "2026-12-01T13:00:00+00:00"
    path = reverse("crm:event", args=[event.pk])
    assert "Park day" in staff_client.get(path, {"edit": 1}).content.decode()
    staff_client.post(path, {**given, "name": "Park day II"})
    event.refresh_from_db()
    assert event.name == "Park day II"


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"starts_at": "soon"}, {"ends_at": "2026-11-01T10:00"}, {"starts_at": "0001-01-01T00:00"},
     {"starts_at": "9999-12-31T23:59"}],
)  # fmt: skip
def test_a_bad_event_comes_back_with_what_was_typed(staff_client: Client, wrong: dict[str, str]) -> None:
    given = {"name": "Park day", "place": "Kept place", "starts_at": "2026-12-01T13:00", **wrong}
    answer = staff_client.post(reverse("crm:event-new"), given)
    assert answer.status_code == 422
    assert "Kept place" in answer.content.decode()
    assert not Event.objects.exists()


def test_the_events_are_paged_with_constant_queries(
    staff_client: Client, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    path = reverse("crm:events")
    assert "Nothing is planned" in staff_client.get(path).content.decode()
    make_event("First", timezone.now() + timedelta(days=1))
    with django_assert_max_num_queries(6) as few:
        staff_client.get(path)
    for day in range(EVENTS_PER_PAGE + 2):
        make_event(f"Event {day}", timezone.now() + timedelta(days=day + 2))
        make_event(f"Past {day}", timezone.now() - timedelta(days=day + 2))
    with django_assert_num_queries(len(few)):
        first = staff_client.get(path)
    assert [row.event.name for row in first.context["rows"]][:2] == ["First", "Event 0"]
    second = staff_client.get(path, {"after": first.context["next"]})
    assert [row.event.name for row in second.context["rows"]] == ["Event 19", "Event 20", "Event 21"]
    past = staff_client.get(path, {"show": "past"})
    assert [row.event.name for row in past.context["rows"]][:2] == ["Past 0", "Past 1"]
    later = staff_client.get(path, {"show": "past", "after": past.context["next"]})
    assert [row.event.name for row in later.context["rows"]] == ["Past 20", "Past 21"]


def test_an_event_to_come_has_no_absentees_yet(staff_client: Client, family: Family) -> None:
    tomorrow = make_event("Winter fair", timezone.now() + timedelta(days=1))
    staff_client.post(reverse("crm:event-people", args=[tomorrow.pk]), {"family": family.pk})
    page = staff_client.get(tomorrow.get_absolute_url()).content.decode()
    assert "Once it has begun" in page
    assert "rest-confirm" not in page
    answer = staff_client.post(reverse("crm:check-in", args=[tomorrow.pk]), {"rest": "no_show"}, follow=True)
    assert "has not begun" in answer.content.decode()
    assert not Place.objects.filter(state="no_show").exists()


def test_whom_the_rest_did_not_come_is_asked_before_with_the_number(staff_client: Client, fair: Event) -> None:
    expected = Place.objects.filter(event=fair, state="expected").count()
    assert f"Yes, {expected} did not come" in staff_client.get(fair.get_absolute_url()).content.decode()
    staff_client.post(reverse("crm:check-in", args=[fair.pk]), {"rest": "no_show"})
    assert "Everybody is marked" in staff_client.get(fair.get_absolute_url()).content.decode()


def test_past_events_speak_in_the_past(staff_client: Client, family: Family) -> None:
    past = make_event("Spring fair", timezone.now() - timedelta(days=30))
    assert "Nobody was on the list" in staff_client.get(reverse("crm:events"), {"show": "past"}).content.decode()
    staff_client.post(reverse("crm:event-people", args=[past.pk]), {"family": family.pk})
    listed = staff_client.get(reverse("crm:events"), {"show": "past"}).content.decode()
    assert "were expected, none is marked" in listed
    assert "people came" in staff_client.get(past.get_absolute_url()).content.decode()


def test_a_guest_of_another_window_appears_in_this_one(staff_client: Client, fair: Event) -> None:
    page = staff_client.get(fair.get_absolute_url())
    numbers = page.context["numbers"]
    known = {"seen": numbers.token, "known": numbers.people}
    path = reverse("crm:event-counts", args=[fair.pk])
    assert staff_client.get(path, known).status_code == 204
    staff_client.post(reverse("crm:event-people", args=[fair.pk]), {"guest": "Ines Rocha", "guest_email": ""})
    news = staff_client.get(path, known).content.decode()
    assert "Ines" in news
    assert re.search(r'id="people"[^>]* hx-swap-oob="true"', news)
    elsewhere = staff_client.get(path, known | {"find": "nobody of that name"}).content.decode()
    assert "Ines" not in elsewhere


def test_news_of_families_that_the_page_does_not_show_are_left_out(
    staff_client: Client, fair: Event, family: Family
) -> None:
    numbers = staff_client.get(fair.get_absolute_url()).context["numbers"]
    staff_client.post(reverse("crm:check-in", args=[fair.pk]), {"tick": f"{guardian(family).pk}:attended"})
    given = {"seen": numbers.token, "known": numbers.people}
    path = reverse("crm:event-counts", args=[fair.pk])
    assert f"check-in-family-{family.pk}" in staff_client.get(path, given).content.decode()
    assert "check-in-family" not in staff_client.get(path, given | {"find": "zzzz"}).content.decode()


def test_a_sheet_is_printed_and_typed_in_by_number(staff_client: Client, fair: Event, family: Family) -> None:
    path = reverse("crm:event-sheet", args=[fair.pk])
    page = staff_client.get(path).content.decode()
    elena, sofia = family.members.order_by("id")
    assert elena.name in page
    staff_client.post(reverse("crm:check-in", args=[fair.pk]), {"rest": "no_show"}, follow=True)
    answer = staff_client.post(path, {"numbers": "1-2"}, follow=True)
    assert "2 people are checked in" in answer.content.decode()
    assert (state(elena), state(sofia)) == ("attended", "attended")
    staff_client.post(path, {"numbers": "1 2"})
    assert [kind for kind in log_of(family) if kind == "event_attended"] == ["event_attended"] * 2
    staff_client.post(undo_of(answer))
    assert (state(elena), state(sofia)) == ("no_show", "no_show")


@pytest.mark.parametrize("typed", ["", "7", "1, ten", "0", "2-1", "1-99999"])
def test_numbers_that_are_not_on_the_sheet_are_refused(staff_client: Client, fair: Event, typed: str) -> None:
    answer = staff_client.post(reverse("crm:event-sheet", args=[fair.pk]), {"numbers": typed})
    assert answer.status_code == 422
    assert typed in answer.content.decode()
    assert not Place.objects.filter(state="attended").exists()


def test_a_sheet_takes_the_same_queries_for_any_number(
    staff_client: Client, fair: Event, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        add_places(event=fair, members=make_family(f"Family {number}").members.all(), by_id=None)
    path = reverse("crm:event-sheet", args=[fair.pk])
    with django_assert_max_num_queries(6):
        staff_client.get(path)
    with django_assert_max_num_queries(30):
        staff_client.post(path, {"numbers": "1-32"})
    assert Place.objects.filter(state="attended").count() == 32


def named(client: Client, event: Event, *lines: str) -> Any:
    return client.post(reverse("crm:event-people", args=[event.pk]), {"named": "\n".join(lines)})


def test_a_typed_list_expects_whole_families(staff_client: Client, django_assert_num_queries: Any) -> None:
    event = make_event()
    wanted = [
        make_family("Zebra family", ref="RB-7001", child=True),
        make_family("Österreich family", phone="+447700900177"),
        make_family("Okafor family"),
        make_family("Novak family"),
    ]
    make_family("Unasked family")
    lines = ("rb-7001".upper(), "07700 900177", "okafor", "Elena NOVAK\tmore; columns", "", "  Okafor family ")
    answer = named(staff_client, event, *lines)
    assert answer.headers["Location"] == event.get_absolute_url()
    assert set(event.places.values_list("family", flat=True)) == {one.pk for one in wanted}
    assert event.places.count() == 5
    with django_assert_num_queries(4):
        families_named([f"Family {number}" for number in range(400)])


def test_unclear_lines_come_back_and_the_others_are_taken(staff_client: Client) -> None:
    event = make_event()
    for name in ("Smith family", "Smith family", "Okafor family"):
        make_family(name)
    answer = named(staff_client, event, "Okafor family", "Smith family", "Nobody <b>", "x" * 300)
    assert answer.status_code == 422
    assert answer.context["unclear"] == ["Smith family", "Nobody <b>", "x" * 300]
    page = answer.content.decode()
    assert "3 lines name nobody, or more than one." in page
    assert "Nobody &lt;b&gt;" in page
    assert event.places.count() == 1
    assert named(staff_client, event, "", " ").status_code == 422
    again = named(staff_client, event, "Okafor family")
    assert again.status_code == 302
    assert event.places.count() == 1
