"""Entries of a timeline one by one: found by filters, opened by their address, kept on top, corrected, printed."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from analytics.jobs import recalculate_preferences
from crm.errors import Invalid
from crm.models import ChannelTally, ContactPoint, Family, Interaction, Pin
from crm.selectors.timeline import Shown, find_place, read_timeline
from crm.services import change_interaction, correct_interaction, pin_interaction
from tests.factories import guardian, make_family, make_interaction, make_user

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 12, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _on_thursday() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


def ago(**parts: float) -> datetime:
    return NOON - timedelta(**parts)


def ids(family: Family, **shown: Any) -> list[int]:
    return [card.id for card in read_timeline(family, Shown(**shown)).cards]


def url_of(name: str, pk: int) -> str:
    return reverse(f"crm:{name}", args=[pk])


def call(family: Family, **extra: Any) -> Interaction:
    extra.setdefault("metadata", {"notes": "Asked about robotics", "duration": 120})
    return make_interaction(family, "phone_call_made", ago(hours=1), outcome="no_answer", **extra)


def script(client: Client, method: str, url: str, data: Any = None, **headers: str) -> Any:
    return getattr(client, method)(url, data or {}, headers={"HX-Request": "true", **headers})


def test_it_searches_what_was_written_by_anybody_in_any_case() -> None:
    family, other = make_family(), make_family()
    note = make_interaction(family, "note", ago(hours=1), metadata={"notes": "Zoë asks for the TIMETABLE"})
    letter = make_interaction(
        family, "email_sent", ago(hours=2), external_id="m1", metadata={"subject": "Timetable of spring"}
    )
    make_interaction(family, "email_sent", ago(hours=3), external_id="m2", metadata={"subject": "Fees"})
    answer = make_interaction(
        family, "email_replied", ago(hours=1), in_reply_to="m2", metadata={"text": "And the time-table? 100%"}
    )
    make_interaction(other, "note", metadata={"notes": "timetable"})
    assert ids(family, text="timetable") == [note.pk, letter.pk]
    assert ids(family, text="zoe Timetable") == [note.pk]
    assert ids(family, text="TIME-TABLE") == [answer.pk]
    assert ids(family, text="100%") == [answer.pk]
    assert ids(family, text="%") == [answer.pk]
    assert ids(family, text="timetable nowhere") == []


def test_it_finds_an_entry_by_what_a_correction_says() -> None:
    family = make_family()
    entry = call(family)
    change_interaction(interaction=entry, changes={"notes": "It was about swimming"}, reason="", by_id=None)
    assert ids(family, text="swimming") == [entry.pk]
    assert ids(family, text="robotics") == [entry.pk]


def test_filters_hold_all_together() -> None:
    family = make_family(child=True)
    elena, sofia = family.members.order_by("id")
    wanted = make_interaction(
        family, "sms_received", ago(days=3), member_id=elena.pk, metadata={"text": "Is there a place in robotics?"}
    )
    for change in (
        {"kind": "sms_sent"}, {"at": ago(days=9)}, {"member_id": sofia.pk}, {"metadata": {"text": "Thank you"}},
        {"kind": "email_received"},
    ):  # fmt: skip
        row: dict[str, Any] = {"kind": "sms_received", "at": ago(days=3), "member_id": elena.pk}
        row |= {"metadata": {"text": "robotics"}, **change}
        make_interaction(family, row.pop("kind"), row.pop("at"), **row)
    shown = Shown("sms", "in", "sms_received", elena.pk, date(2026, 11, 9), date(2026, 11, 9), "robotics")
    assert [card.id for card in read_timeline(family, shown).cards] == [wanted.pk]


def test_a_type_finds_the_message_that_it_is_news_of() -> None:
    family = make_family()
    seen = make_interaction(family, "email_sent", ago(hours=3), external_id="m1")
    make_interaction(family, "email_opened", ago(hours=2), in_reply_to="m1")
    make_interaction(family, "email_sent", ago(hours=1), external_id="m2")
    assert ids(family, kind="email_opened") == [seen.pk]
    own = make_interaction(family, "lesson_booked", ago(minutes=5))
    assert ids(family, kind="lesson_booked") == [own.pk]


def test_a_period_is_days_of_the_family() -> None:
    family = make_family(time_zone="Asia/Tokyo")
    make_interaction(family, "note", datetime(2026, 11, 10, 14, 59, tzinfo=UTC))
    inside = make_interaction(family, "note", datetime(2026, 11, 10, 15, 1, tzinfo=UTC))
    make_interaction(family, "note", datetime(2026, 11, 11, 15, 1, tzinfo=UTC))
    assert ids(family, since=date(2026, 11, 11), until=date(2026, 11, 11)) == [inside.pk]


@pytest.mark.parametrize(
    "query",
    [
        "type=%00", "person=999999999999999999999", "person=x", "since=2026-13-01", "until=0001-01-01",
        "since=9999-12-31",
        "text=%00", "text=" + "a%20" * 60, "since=2026-11-12&until=2026-11-01", "entry=0", "entry=99999999999999999999",
        "after=1.1", "after=x", "to=1.1", "to=%00", "entry=%C2%B2",
    ],
)  # fmt: skip
def test_odd_filters_are_answered(staff_client: Client, query: str) -> None:
    family = make_family()
    make_interaction(family, "note", metadata={"notes": "here"})
    for url in (family.get_absolute_url(), url_of("family-timeline", family.pk), url_of("family-print", family.pk)):
        assert staff_client.get(f"{url}?{query}").status_code == 200


def test_filters_survive_pages_news_and_the_way_back(staff_client: Client) -> None:
    family = make_family()
    for number in range(70):
        make_interaction(family, "note", ago(minutes=2 * number), metadata={"notes": f"robotics {number}."})
        make_interaction(family, "note", ago(minutes=2 * number + 1), metadata={"notes": f"other {number}."})
    first = staff_client.get(f"{family.get_absolute_url()}?text=robotics&type=note").content.decode()
    assert "other 3." not in first
    assert re.search(r"type=note&amp;text=robotics&amp;floor=\S+version=", first)
    found = re.search(r'hx-get="(/families/\d+/timeline/\?type=note&amp;text=robotics&amp;before=[^"]+)"', first)
    assert found
    second = script(staff_client, "get", found[1].replace("&amp;", "&"))
    assert "robotics 30." in second.content.decode()
    assert "other" not in second.content.decode()
    back = staff_client.get(second.headers["HX-Replace-Url"]).content.decode()
    assert all(f"robotics {number}." in back for number in range(60))
    assert "robotics 60." not in back
    assert "before=" in back


def test_typing_into_the_search_swaps_the_list_and_remembers_the_address(staff_client: Client) -> None:
    family = make_family()
    make_interaction(family, "note", metadata={"notes": "robotics"})
    answer = script(
        staff_client,
        "get",
        f"{url_of('family-timeline', family.pk)}?text=robo&channel=",
        **{"HX-Target": f"timeline-list-{family.pk}"},
    )
    page = answer.content.decode()
    assert answer.headers["HX-Replace-Url"] == f"{family.get_absolute_url()}?text=robo"
    assert 'id="id_text"' not in page
    assert page.count("<article") == 1
    assert "text=robo" in page[page.index("timeline-filters") :]


def test_texts_of_a_day_with_one_person_are_one_thread() -> None:
    family = make_family(child=True)
    elena, sofia = family.members.order_by("id")
    for number, at in enumerate((ago(hours=3), ago(hours=1))):
        make_interaction(
            family, "sms_sent", at, external_id=f"t{number}", member_id=elena.pk, metadata={"text": f"Ours {number}"}
        )
    make_interaction(
        family, "sms_replied", ago(hours=2), in_reply_to="t0", member_id=elena.pk, metadata={"text": "Theirs"}
    )
    make_interaction(family, "sms_undelivered", ago(minutes=59), in_reply_to="t1", metadata={"error": "switched off"})
    make_interaction(family, "sms_sent", ago(hours=2), external_id="t7", member_id=sofia.pk, metadata={"text": "Hello"})
    make_interaction(family, "sms_sent", ago(days=1), external_id="t8", member_id=elena.pk, metadata={"text": "Before"})
    thread, to_sofia, yesterday = read_timeline(family, Shown()).cards
    assert (thread.title, thread.who, thread.time) == ("Texts with Elena", "3 messages", "09:00 – 11:00")
    assert [(one.text, one.from_us, one.failed) for one in thread.bubbles] == [
        ("Ours 0", True, ""),
        ("Theirs", False, ""),
        ("Ours 1", True, "Not delivered: switched off"),
    ]
    assert [to_sofia.title, yesterday.title] == ["Text to Sofia", "Text to Elena"]


def test_letters_of_a_day_under_one_subject_are_one_thread() -> None:
    family = make_family()
    make_interaction(family, "email_received", ago(hours=3), metadata={"subject": "Fees", "text": "How much?"})
    make_interaction(family, "email_sent", ago(hours=1), metadata={"subject": "RE: Fwd: fees", "text": "Ten"})
    make_interaction(family, "email_sent", ago(hours=2), metadata={"subject": "Summer"})
    thread, other = read_timeline(family, Shown()).cards
    assert (thread.title, [one.text for one in thread.bubbles]) == ("Fees", ["How much?", "Ten"])
    assert other.title == "Summer"


def test_steps_tell_how_long_each_took() -> None:
    family = make_family()
    make_interaction(family, "email_sent", ago(hours=5), external_id="m1")
    for kind, at in (("delivered", ago(hours=5, seconds=-4)), ("opened", ago(hours=2)), ("clicked", ago(minutes=108))):
        make_interaction(family, f"email_{kind}", at, in_reply_to="m1")
    (card,) = read_timeline(family, Shown()).cards
    assert [step.took for step in card.steps] == ["", "4 s", "3 h", "12 min"]


def test_an_old_entry_opens_where_it_stands(staff_client: Client) -> None:
    family = make_family()
    notes = [
        make_interaction(family, "note", ago(days=number), metadata={"notes": f"n{number}."}) for number in range(90)
    ]
    answer = staff_client.get(url_of("interaction", notes[60].pk))
    assert answer.headers["Location"] == f"{family.get_absolute_url()}?entry={notes[60].pk}#interaction-{notes[60].pk}"
    page = staff_client.get(answer.headers["Location"].partition("#")[0]).content.decode()
    assert re.search(rf'class="ev found" id="interaction-{notes[60].pk}"', page)
    assert "n55." in page
    assert "n54." not in page
    assert "n84." in page
    assert "Back to the newest" in page
    later = re.search(r'href="(/families/\d+/\?after=[^"]+)"', page)
    assert later
    above = staff_client.get(later[1]).content.decode()
    assert "n54." in above
    assert "n25." in above
    assert "n55." not in above


def test_news_folds_and_corrections_open_on_their_card(staff: Any) -> None:
    family = make_family(portal=True)
    sent = make_interaction(family, "email_sent", ago(days=2), external_id="m1")
    opened = make_interaction(family, "email_opened", ago(hours=30), in_reply_to="m1")
    early, late = (make_interaction(family, "portal_login", ago(hours=hours)) for hours in (3, 1))
    entry = call(family)
    correct_interaction(interaction=entry, reason="", by_id=staff.pk)
    correction = Interaction.objects.get(interaction_type="correction")
    found = {one.pk: place.card for one in (opened, early, correction) if (place := find_place(family, one.pk))}
    assert found == {opened.pk: sent.pk, early.pk: late.pk, correction.pk: entry.pk}
    assert find_place(make_family(), entry.pk) is None


def test_a_pin_stays_on_top_until_it_is_taken_down(staff_client: Client) -> None:
    family = make_family()
    note = make_interaction(family, "note", ago(days=40), metadata={"notes": "Ring after four"})
    for number in range(35):
        make_interaction(family, "note", ago(days=number), metadata={"notes": "daily"})
    assert "Ring after four" not in staff_client.get(family.get_absolute_url()).content.decode()
    for _twice in range(2):
        answer = script(staff_client, "post", url_of("interaction-pin", note.pk), {"pinned": "1"})
        assert answer.status_code == 200
    page = staff_client.get(family.get_absolute_url()).content.decode()
    assert page.index("Ring after four") < page.index("<h3")
    assert "pinned by Nora" in page
    staff_client.post(url_of("interaction-pin", note.pk), {"pinned": "0"})
    assert not Pin.objects.exists()


def test_only_what_people_wrote_is_pinned_and_not_without_end(staff_client: Client) -> None:
    family = make_family()
    visit = make_interaction(family, "portal_login")
    with pytest.raises(Invalid):
        pin_interaction(interaction=visit, by_id=None)
    for _number in range(10):
        pin_interaction(interaction=make_interaction(family, "note"), by_id=None)
    refused = script(staff_client, "post", url_of("interaction-pin", make_interaction(family, "note").pk))
    assert "At most 10 entries" in refused.content.decode()
    assert Pin.objects.count() == 10


def test_a_pin_that_was_taken_back_is_not_shown(staff_client: Client) -> None:
    family = make_family()
    note = make_interaction(family, "note", metadata={"notes": "Wrong family"})
    pin_interaction(interaction=note, by_id=None)
    correct_interaction(interaction=note, reason="", by_id=None)
    assert 'class="pin"' not in staff_client.get(family.get_absolute_url()).content.decode()


def corrected(client: Client, entry: Interaction, **fields: Any) -> Any:
    told = {"outcome": "answered", "member": "", "minutes": "2", "notes": "Asked about robotics", "seen": "0"}
    told |= {"direction": entry.direction, "number": entry.metadata.get("number", "")}
    told |= {"occurred_at": f"{entry.occurred_at.astimezone(entry.family.zone):%Y-%m-%dT%H:%M}", **fields}
    return script(client, "post", url_of("interaction-correct", entry.pk), told)


def test_staff_correct_a_call_long_after(staff_client: Client) -> None:
    family = make_family()
    entry = call(family)
    form = script(staff_client, "get", url_of("interaction-correct", entry.pk)).content.decode()
    assert "Asked about robotics" in form
    answer = corrected(
        staff_client, entry, member=str(guardian(family).pk), notes="Will come to the fair"
    ).content.decode()
    assert f'id="interaction-{entry.pk}"' in answer
    assert "Call to Elena" in answer
    assert "Will come to the fair" in answer
    correction = Interaction.objects.get(interaction_type="correction")
    assert (correction.in_reply_to, correction.metadata["changed"]) == (str(entry.pk), ["member", "notes", "outcome"])
    assert Interaction.objects.get(pk=entry.pk).metadata == {"notes": "Asked about robotics", "duration": 120}


def test_the_same_correction_twice_is_one_and_a_colleagues_is_a_conflict(staff_client: Client) -> None:
    entry = call(make_family())
    assert corrected(staff_client, entry).status_code == 200
    assert corrected(staff_client, entry).status_code == 200
    assert Interaction.objects.filter(interaction_type="correction").count() == 1
    colleague = Client()
    colleague.force_login(make_user("priya"))
    refused = corrected(colleague, entry, outcome="busy", notes="My words")
    assert refused.status_code == 422
    assert "A colleague has just corrected this entry" in refused.content.decode()
    assert "My words" in refused.content.decode()
    assert corrected(colleague, entry, outcome="busy", seen="1").status_code == 200


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"outcome": "teleported"}, "Select a valid choice"),
        ({"minutes": "-3"}, "greater than or equal to 0"),
        ({"member": "999999"}, "Select a valid choice"),
        ({"outcome": "no_answer"}, "Nothing was changed"),
        ({"notes": "x" * 20_001}, "at most 20000 characters"),
        ({"seen": "x"}, "Enter a whole number"),
    ],
)
def test_a_bad_correction_changes_nothing_and_loses_nothing(
    staff_client: Client, fields: dict[str, str], said: str
) -> None:
    entry = call(make_family())
    refused = corrected(staff_client, entry, **fields)
    assert refused.status_code == 422
    assert said in refused.content.decode()
    assert not Interaction.objects.filter(interaction_type="correction").exists()


def test_what_machines_told_and_what_was_taken_back_is_not_corrected(staff_client: Client) -> None:
    family = make_family()
    assert staff_client.get(url_of("interaction-correct", make_interaction(family, "email_sent").pk)).status_code == 404
    entry = call(family)
    correct_interaction(interaction=entry, reason="", by_id=None)
    assert "nothing to correct" in staff_client.get(url_of("interaction-correct", entry.pk)).content.decode()
    assert corrected(staff_client, entry).status_code == 422


def test_a_call_corrected_to_a_wrong_number_sets_the_number_aside(staff_client: Client) -> None:
    family = make_family(phone="+447700900142")
    entry = call(family, metadata={"number": "+447700900142", "notes": "Asked about robotics", "duration": 120})
    corrected(staff_client, entry, outcome="wrong_number")
    assert not ContactPoint.objects.get(family=family, channel="phone").is_valid


def test_learning_counts_the_last_correction() -> None:
    family = make_family()
    entries = [call(family, external_id=f"c{number}") for number in range(3)]
    for entry in entries:
        change_interaction(interaction=entry, changes={"outcome": "answered"}, reason="", by_id=None)
    change_interaction(interaction=entries[0], changes={"outcome": "busy"}, reason="", by_id=None, seen=1)
    correct_interaction(interaction=entries[1], reason="", by_id=None)
    recalculate_preferences()
    tally = ChannelTally.objects.get(family=family, channel="phone")
    assert (tally.attempts, tally.engaged) == (2, 1)


def test_a_period_is_printed_whole(staff_client: Client, django_assert_max_num_queries: Callable[..., Any]) -> None:
    family = make_family()
    for number in range(130):
        make_interaction(family, "note", ago(days=number), metadata={"notes": f"note {number}."})
    url = url_of("family-print", family.pk)
    with django_assert_max_num_queries(10):
        page = staff_client.get(url).content.decode()
    assert page.count("<article") == 91
    assert "note 90." in page
    assert "note 91." not in page
    some = staff_client.get(f"{url}?since=2026-11-01&until=2026-11-03").content.decode()
    assert some.count("<article") == 3
    assert "1 November 2026 to 3 November 2026" in some
    assert "Nothing happened" in staff_client.get(f"{url}?since=2020-01-01&until=2020-01-02").content.decode()


@pytest.mark.parametrize("name", ["interaction", "interaction-correct", "interaction-pin", "family-print"])
def test_a_stranger_is_sent_to_log_in(name: str) -> None:
    family = make_family()
    entry = make_interaction(family, "note")
    answer = Client().post(url_of(name, family.pk if name == "family-print" else entry.pk))
    assert answer.status_code == 302
    assert "/login/" in answer.headers["Location"]
    assert not Pin.objects.exists()


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        ("note", {"notes": "{}"}),
        ("phone_call_made", {"text": "{}"}),
        ("sms_received", {"text": "{}"}),
        ("email_received", {"body": "{}"}),
    ],
)
def test_a_long_text_is_shown_to_its_end(staff_client: Client, kind: str, details: dict[str, str]) -> None:
    family = make_family()
    long = "begin " + "word " * 5_900 + "the very end"
    entry = make_interaction(family, kind, metadata={name: text.format(long) for name, text in details.items()})
    for page in (family.get_absolute_url(), f"{family.get_absolute_url()}?entry={entry.pk}"):
        assert "the very end" in staff_client.get(page).content.decode()
    paper = staff_client.get(url_of("family-print", family.pk)).content.decode()
    assert "the very end" in paper
    assert "Show all" not in paper


def test_a_long_text_is_folded_and_loses_no_character(staff_client: Client) -> None:
    family = make_family()
    long = "ä" * 1_990 + " " + "b" * 3_000
    make_interaction(family, "note", metadata={"notes": long})
    page = staff_client.get(family.get_absolute_url()).content.decode()
    assert "Show all (4991 characters)" in page
    before, _opened, after = page.partition('<details class="said-rest"')
    assert before.endswith("ä" * 1_990)
    assert f" {'b' * 3_000}</details>" in after


def test_paper_tells_the_time_of_the_family_and_does_not_drop_a_bound(staff_client: Client) -> None:
    family = make_family(time_zone="Pacific/Auckland")
    make_interaction(family, "note", ago(days=200), metadata={"notes": "long ago"})
    url = url_of("family-print", family.pk)
    page = staff_client.get(url).content.decode()
    there = datetime.now(UTC).astimezone(family.zone)
    assert f"times in Pacific/Auckland, as of {there.day} {there:%B %Y %H:%M}" in page
    odd = staff_client.get(f"{url}?since=garbage").content.decode()
    assert "“garbage” is no date" in odd
    assert "long ago" not in odd
    assert "long ago" in staff_client.get(f"{url}?since=").content.decode()
