"""The conversation with a family: folding, order, pages without loss, filters, news while one looks."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from crm.models import Family, Interaction
from crm.selectors.timeline import Shown, Spot, read_activity, read_timeline
from crm.services import (
    NewInteraction,
    add_places,
    change_interaction,
    correct_interaction,
    create_call_task,
    record_interactions,
    set_attendance,
)
from tests.factories import guardian, make_event, make_family, make_interaction

pytestmark = pytest.mark.django_db
MANY = 24
NOON = datetime(2026, 11, 12, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _on_thursday() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


def cards(family: Family, shown: Shown | None = None, **options: Any) -> list[Any]:
    page = read_timeline(family, shown or Shown(), **options)
    return [card for day in page.days for card in day.cards]


def ago(**parts: float) -> datetime:
    return NOON - timedelta(**parts)


def email(family: Family, number: str, at: datetime, **news: datetime) -> Interaction:
    """An email and its news, each by its type's suffix."""
    sent = make_interaction(
        family, "email_sent", at, external_id=number, metadata={"subject": f"Letter {number}", "text": "Dear all"}
    )
    for kind, when in news.items():
        make_interaction(family, f"email_{kind}", when, external_id=f"{number}-{kind}-{when}", in_reply_to=number)
    return sent


def test_it_folds_a_message_and_its_news_into_one_card() -> None:
    family = make_family()
    sent = email(family, "m1", ago(hours=3), opened=ago(hours=1), delivered=ago(hours=3), clicked=ago(minutes=30))
    (card,) = cards(family)
    assert card.id == sent.pk
    assert card.title == "Letter m1"
    assert [step.words for step in card.steps] == ["Sent 09:00", "Delivered 09:00", "Opened 11:00", "Clicked 11:30"]
    assert {step.state for step in card.steps} == {"did"}


def test_it_says_once_what_happened_often_and_names_programs() -> None:
    family = make_family()
    make_interaction(family, "email_sent", ago(hours=3), external_id="m1")
    for minute in (10, 20, 30):
        make_interaction(family, "email_opened", ago(minutes=60 - minute), in_reply_to="m1")
    make_interaction(family, "email_opened", ago(hours=2), in_reply_to="m1", is_machine=True)
    steps = cards(family)[0].steps
    assert [(step.words, step.state) for step in steps] == [
        ("Sent 09:00", "did"),
        ("Opened by a mail program 10:00", ""),
        ("Opened 3 times, first 11:10", "did"),
    ]


def test_it_marks_a_failure_with_its_reason(staff_client: Client) -> None:
    family = make_family()
    make_interaction(family, "email_sent", ago(hours=3), external_id="m1")
    make_interaction(
        family, "email_bounced", ago(hours=2), in_reply_to="m1", metadata={"error": "mailbox does not exist"}
    )
    assert cards(family)[0].steps[-1].state == "fail"
    page = staff_client.get(family.get_absolute_url()).content.decode()
    assert 'class="fail"' in page
    assert "Bounced 10:00: mailbox does not exist" in page


def test_it_shows_what_they_wrote_back_beside_what_we_wrote() -> None:
    family = make_family()
    make_interaction(family, "sms_sent", ago(hours=2), external_id="t1", metadata={"text": "Coming tomorrow?"})
    make_interaction(family, "sms_replied", ago(hours=1), in_reply_to="t1", metadata={"text": "Yes!"})
    (card,) = cards(family)
    assert [(bubble.text, bubble.from_us) for bubble in card.bubbles] == [("Coming tomorrow?", True), ("Yes!", False)]


def test_it_keeps_a_card_at_the_time_of_its_message() -> None:
    family = make_family()
    old = email(family, "m1", ago(days=2), clicked=ago(minutes=5))
    note = make_interaction(family, "note", ago(days=1), metadata={"notes": "Rang twice"})
    assert [card.id for card in cards(family)] == [note.pk, old.pk]
    assert cards(family)[1].steps[-1].words == "Clicked Thu 12 Nov 11:55"


def test_news_of_a_message_that_nobody_saw_leave_stand_alone() -> None:
    family = make_family()
    make_interaction(family, "email_opened", ago(hours=1))
    (card,) = cards(family)
    assert [step.words for step in card.steps] == ["Opened 11:00"]


def test_it_folds_the_visits_of_a_day_into_one_quiet_line() -> None:
    family = make_family(portal=True)
    for hours in (2, 1.5, 1):
        make_interaction(family, "portal_page_viewed", ago(hours=hours), metadata={"title": "Fees"})
    make_interaction(family, "portal_login", ago(hours=3))
    make_interaction(family, "portal_login", ago(days=1))
    today, yesterday = cards(family)
    assert (today.title, today.quiet, today.time) == ("4 portal visits", True, "09:00 – 11:00")
    assert today.summary == "Fees 3 times, Portal log-in"
    assert len(today.lines) == 4
    assert (yesterday.title, yesterday.text) == ("1 portal visit", "Portal log-in")


def test_days_are_days_of_the_family() -> None:
    family = make_family(time_zone="Asia/Tokyo")
    make_interaction(family, "note", datetime(2026, 11, 11, 14, 59, tzinfo=UTC))
    make_interaction(family, "note", datetime(2026, 11, 11, 15, 1, tzinfo=UTC))
    days = read_timeline(family, Shown()).days
    assert [(day.heading, day.words) for day in days] == [
        ("Today", "Thursday 12 November"),
        ("Yesterday", "Wednesday 11 November"),
    ]
    assert [card.time for day in days for card in day.cards] == ["00:01", "23:59"]


def test_it_labels_a_foreign_zone_and_only_that(staff_client: Client) -> None:
    there, here = make_family(time_zone="Asia/Tokyo"), make_family()
    assert "times in Asia/Tokyo" in staff_client.get(there.get_absolute_url()).content.decode()
    assert "times in" not in staff_client.get(here.get_absolute_url()).content.decode()


def test_it_names_the_year_of_another_year() -> None:
    family = make_family()
    make_interaction(family, "note", datetime(2025, 3, 4, 10, tzinfo=UTC))
    (day,) = read_timeline(family, Shown()).days
    assert (day.heading, day.words) == ("Tuesday", "4 March 2025")


def test_it_folds_an_event_over_its_people() -> None:
    family = make_family(child=True)
    event, (elena, sofia) = make_event(), family.members.order_by("id")
    add_places(event=event, members=[elena, sofia], by_id=None)
    (expected,) = cards(family)
    assert (expected.title, expected.who) == ("Expected at Harvest fair", "Elena, Sofia")
    set_attendance(event=event, member=sofia, state="attended", by_id=None)
    (card,) = cards(family)
    assert (card.title, card.who, card.text) == ("Came to Harvest fair", "Sofia", "Expected: Elena.")
    assert card.event_id == event.pk
    set_attendance(event=event, member=elena, state="no_show", by_id=None)
    assert cards(family)[0].text == "Did not come: Elena."


def test_attendance_that_was_taken_back_is_gone_from_the_fold() -> None:
    family = make_family()
    event, elena = make_event(), guardian(family)
    set_attendance(event=event, member=elena, state="attended", by_id=None)
    set_attendance(event=event, member=elena, state="expected", by_id=None)
    assert [card.withdrawn is not None for card in cards(family)] == [True]
    set_attendance(event=event, member=elena, state="attended", by_id=None)
    (card,) = cards(family)
    assert (card.who, card.withdrawn) == ("Elena", None)


def test_events_that_name_no_event_are_not_folded_together() -> None:
    family = make_family()
    for event in (None, None, "7", "7"):
        make_interaction(family, "event_attended", ago(hours=1), metadata={"event": event, "name": "Fair"})
    make_interaction(family, "event_attended", ago(hours=1), metadata={"name": "Fair"})
    assert len(cards(family)) == 4


def test_a_withdrawn_entry_is_hidden_behind_who_withdrew_it(staff_client: Client, staff: Any) -> None:
    family = make_family()
    call = make_interaction(
        family, "phone_call_made", ago(hours=1), outcome="answered", metadata={"notes": "Long talk"}
    )
    correct_interaction(interaction=call, reason="wrong family", by_id=staff.pk)
    (card,) = cards(family)
    assert (card.withdrawn.by, card.withdrawn.reason) == ("Nora", "wrong family")
    page = staff_client.get(family.get_absolute_url()).content.decode()
    assert "withdrawn by Nora" in page
    original = page[page.index(f'id="original-{call.pk}"') :]
    assert "Long talk" in original[: original.index("</article>")]
    assert read_activity(family).entries == 0


def test_a_corrected_entry_shows_what_is_right_and_keeps_what_was_written(staff_client: Client, staff: Any) -> None:
    family = make_family()
    call = make_interaction(
        family, "phone_call_made", ago(hours=1), outcome="no_answer", metadata={"notes": "Nobody there", "duration": 60}
    )
    right = {"outcome": "answered", "notes": "Long talk", "member": guardian(family).pk}
    change_interaction(interaction=call, changes=right, reason="wrong button", by_id=staff.pk)
    change_interaction(interaction=call, changes={"duration": 600}, reason="", by_id=staff.pk, seen=1)
    (card,) = cards(family)
    assert (card.withdrawn, card.title, card.outcome.text, card.text) == (
        None, "Call to Elena", "Answered", "Long talk",
    )  # fmt: skip
    assert card.who.startswith("10 min")
    assert [change.told for change in card.corrections] == ["length", "person, notes, what happened"]
    assert (card.original.outcome.text, card.original.text) == ("No answer", "Nobody there")
    page = staff_client.get(family.get_absolute_url()).content.decode()
    assert page.index("As it was first written") < page.index("Nobody there")
    assert Interaction.objects.get(pk=call.pk).outcome == "no_answer"


def test_only_corrections_of_ours_correct() -> None:
    family = make_family()
    call = make_interaction(family, "phone_call_made", ago(hours=1), outcome="answered")
    make_interaction(
        family,
        "correction",
        ago(minutes=30),
        external_id=f"correction-{call.pk}",
        metadata={"corrects": call.pk, "withdrawn": True},
    )
    assert [(card.title, card.withdrawn) for card in cards(family)] == [("Correction", None), ("Call to them", None)]


def test_it_shows_a_type_that_it_does_not_know(staff_client: Client) -> None:
    family = make_family()
    make_interaction(
        family,
        "lesson_booked",
        ago(hours=1),
        outcome="paid_later",
        metadata={"lesson": "Robotics", "nested": {"a": [1]}},
    )
    (card,) = cards(family)
    assert (card.title, card.outcome.text) == ("Lesson booked", "Paid later")
    assert [(line.head, line.text) for line in card.lines] == [("lesson", "Robotics")]
    assert staff_client.get(family.get_absolute_url()).status_code == 200


def test_no_metadata_breaks_the_page(staff_client: Client) -> None:
    """Rows that were written before their metadata was declared may hold anything."""
    family = make_family()
    names = ("subject", "text", "notes", "duration", "number", "event", "name", "title", "changes", "error", "provider")
    for kind in ("email_sent", "sms_received", "phone_call_made", "note", "event_attended", "portal_login", "new"):
        for odd in (["a"], {"b": 1}, None, True, 3.5, 10**30, "<b>"):
            entry = make_interaction(family, kind, ago(hours=1))
            Interaction.objects.filter(pk=entry.pk).update(metadata=dict.fromkeys(names, odd))
    assert len(cards(family, size=100)) >= 30
    for place in range(2):
        page = staff_client.get(f"{family.get_absolute_url()}?before={Spot(ago(hours=place), 1)}")
        assert page.status_code == 200
        assert b"<b>" not in page.content


def test_a_call_tells_its_length_its_author_and_its_follow_up(staff: Any) -> None:
    family = make_family()
    call = make_interaction(
        family,
        "phone_call_made",
        ago(hours=1),
        outcome="answered",
        member_id=guardian(family).pk,
        metadata={"duration": 360, "notes": "About the fair"},
        created_by_id=staff.pk,
    )
    create_call_task(
        family=family,
        reason="Ring back",
        due_at=NOON + timedelta(days=1),
        source=f"follow-up:{call.pk}",
        by_id=staff.pk,
    )
    (card,) = cards(family)
    assert (card.title, card.outcome.text, card.who) == ("Call to Elena", "Answered", "6 min, by Nora")
    assert [reason.text for reason in card.reasons] == ["Follow-up, Fri 13 Nov 12:00: Ring back"]


def fill(family: Family) -> None:
    """Mixed entries, many of them at the very same time."""
    rows, ids = [], count()

    def add(kind: str, at: datetime, **extra: Any) -> None:
        rows.append(NewInteraction(family.pk, kind, at, **{"external_id": f"x{next(ids)}", **extra}))

    for number in range(MANY):
        at = ago(days=number // 7, minutes=number % 3)
        add("email_sent", at, external_id=f"m{number}")
        add("email_delivered", at, in_reply_to=f"m{number}")
        add("email_opened", ago(minutes=1), in_reply_to=f"m{number}")
        add("portal_login", at)
        add("note", at)
        add("event_attended", at, metadata={"event": number % 2, "name": "Fair"})
        add("phone_call_made", at, member_id=guardian(family).pk)
    record_interactions(rows)


@pytest.mark.parametrize("shown", [Shown(), Shown("portal"), Shown("email"), Shown("", "in"), Shown("in_person")])
@pytest.mark.parametrize("size", [2, 30])
def test_pages_neither_lose_nor_double_a_card(shown: Shown, size: int) -> None:
    family = make_family()
    fill(family)
    whole = [(card.id, card.title) for card in cards(family, shown, size=1000)]
    paged: list[tuple[int, str]] = []
    before: Spot | None = None
    while True:
        page = read_timeline(family, shown, before=before, size=size)
        paged += [(card.id, card.title) for day in page.days for card in day.cards]
        if not page.earlier:
            break
        before = page.floor
    assert paged == whole
    assert len({pk for pk, _title in paged}) == len(paged)


def test_every_entry_is_in_exactly_one_card() -> None:
    family = make_family()
    fill(family)
    found = cards(family, size=1000)
    steps = sum(len(card.steps) for card in found if card.channel == "email")
    visits = sum(int(card.title.split()[0]) for card in found if card.channel == "portal")
    assert (steps, visits) == (3 * MANY, MANY)
    assert sum(card.title == "Note" for card in found) == MANY


def test_pages_by_link_and_by_script_say_a_day_once(staff_client: Client) -> None:
    family = make_family()
    for number in range(35):
        make_interaction(family, "note", ago(minutes=number), metadata={"notes": f"note {number}."})
    first = staff_client.get(family.get_absolute_url()).content.decode()
    query = re.search(r'href="/families/\d+/\?(before=[^"]+)"', first)
    assert query
    assert "note 29." in first
    assert "note 30." not in first
    wanted = query[1].replace("&amp;", "&")
    part = staff_client.get(f"{reverse('crm:family-timeline', args=[family.pk])}?{wanted}").content.decode()
    assert "<html" not in part
    assert 'class="day"' not in part
    assert part.count("<article") == 5
    whole = staff_client.get(f"{family.get_absolute_url()}?{wanted}").content.decode()
    assert "note 34." in whole
    assert "Back to the newest" in whole


def test_it_filters_by_channel_and_by_who_spoke() -> None:
    family = make_family()
    silent, sent = email(family, "m1", ago(hours=3)), email(family, "m2", ago(hours=2), replied=ago(hours=1))
    answered = sent.events.get()
    opened = email(family, "m3", ago(hours=5), opened=ago(hours=4))
    text = make_interaction(family, "sms_received", ago(minutes=5), metadata={"text": "Hello"})
    everything = [text.pk, answered.pk, silent.pk, opened.pk]
    assert [card.id for card in cards(family)] == everything
    assert [card.id for card in cards(family, Shown("sms"))] == [text.pk]
    assert [card.id for card in cards(family, Shown("", "in"))] == [text.pk, answered.pk]
    assert [card.id for card in cards(family, Shown("email", "in"))] == [answered.pk]


@pytest.mark.parametrize(
    "query",
    [
        "channel=bogus",
        "direction=sideways",
        "before=x",
        "before=1.",
        "before=.1",
        "before=99999999999999999999999999.1",
        "before=1.99999999999999999999999",
        "before=-99999999999999999999.1",
        "before=%00",
        "before=-62135596800000000.1",
        "before=253402300799999999.1",
        "after=-62135596800000000.1",
        "after=253402300799999999.1",
        "to=-62135596800000000.1",
        "to=253402300799999999.1",
        "version=x&floor=-62135596800000000.1",
        "version=x&floor=253402300799999999.1",
        "before=1.1&day=99",
        "channel=%00",
        "version=&floor=zzz",
    ],
)
def test_odd_queries_are_answered(staff_client: Client, query: str) -> None:
    family = make_family()
    make_interaction(family, "note", metadata={"notes": "here"})
    for url in (family.get_absolute_url(), reverse("crm:family-timeline", args=[family.pk])):
        assert staff_client.get(f"{url}?{query}").status_code == 200


def live_query(page: str) -> str:
    found = re.search(r'data-live hx-get="([^"]+)"', page)
    assert found
    return found[1].replace("&amp;", "&")


def test_it_tells_only_news(staff_client: Client) -> None:
    family = make_family()
    email(family, "m1", ago(hours=1))
    url = live_query(staff_client.get(family.get_absolute_url()).content.decode())
    assert staff_client.get(url).status_code == 204
    make_interaction(family, "email_opened", ago(minutes=1), in_reply_to="m1")
    news = staff_client.get(url)
    assert news.status_code == 200
    assert "Opened 11:59" in news.content.decode()
    assert staff_client.get(live_query(news.content.decode())).status_code == 204


def test_news_reach_down_to_where_the_first_page_ended(staff_client: Client) -> None:
    family = make_family()
    for number in range(40):
        make_interaction(family, "note", ago(hours=2, minutes=number), metadata={"notes": f"note {number}."})
    url = live_query(staff_client.get(family.get_absolute_url()).content.decode())
    for number in range(5):
        make_interaction(family, "note", ago(minutes=number), metadata={"notes": f"new {number}."})
    news = staff_client.get(url).content.decode()
    assert news.count("<article") == 35
    assert "note 29." in news
    assert "note 30." not in news
    assert f'id="timeline-more-{family.pk}"' not in news


def test_a_short_page_that_grows_offers_the_earlier_ones(staff_client: Client) -> None:
    family = make_family()
    url = live_query(staff_client.get(family.get_absolute_url()).content.decode())
    for number in range(33):
        make_interaction(family, "note", ago(minutes=number))
    news = staff_client.get(url).content.decode()
    assert news.count("<article") == 30
    assert re.search(rf'id="timeline-more-{family.pk}" hx-swap-oob="true"><a', news)


def test_a_page_below_does_not_listen(staff_client: Client) -> None:
    family = make_family()
    page = staff_client.get(f"{family.get_absolute_url()}?before={Spot(NOON, 1)}").content.decode()
    assert f'id="timeline-newest-{family.pk}" data-live' not in page


def test_it_counts_ninety_days_by_channel() -> None:
    family = make_family(portal=True)
    email(family, "m1", ago(days=3), delivered=ago(days=3), opened=ago(days=2))
    email(family, "m2", ago(days=20), delivered=ago(days=20), opened=ago(days=10))
    email(family, "m3", ago(days=91), opened=ago(days=89))
    make_interaction(family, "email_received", ago(days=1))
    make_interaction(family, "phone_call_made", ago(days=1), outcome="answered")
    make_interaction(family, "phone_call_made", ago(days=2), outcome="no_answer")
    make_interaction(family, "phone_call_received", ago(days=2), outcome="answered")
    make_interaction(family, "portal_message_posted", ago(days=2), external_id="p1")
    make_interaction(family, "portal_message_read", ago(days=1), in_reply_to="p1")
    make_interaction(family, "portal_login", ago(days=1))
    make_interaction(family, "conversation", ago(days=1), outcome="concern")
    make_interaction(family, "event_attended", ago(days=1), metadata={"event": 1})
    activity = read_activity(family)
    rows = {one.channel: (one.from_us, one.arrived, one.engaged, one.from_them) for one in activity.spoken}
    # The open of m2 came after the window, that of m3 belongs to a message before these 90 days.
    assert rows == {"email": (2, 2, 1, 1), "portal": (1, 1, 1, 0), "phone": (2, None, 1, 1)}
    assert (activity.visits, activity.talks, activity.events_attended) == (1, 1, 1)
    assert {one.channel: one.entries for one in activity.channels}["email"] == 3


def test_the_number_of_queries_does_not_grow(
    staff_client: Client, django_assert_num_queries: Callable[..., Any]
) -> None:
    small, large = make_family(), make_family(child=True)
    email(small, "m1", ago(hours=1), opened=ago(minutes=1))
    make_interaction(small, "portal_login", ago(hours=1))
    make_interaction(small, "phone_call_made", ago(hours=1))
    fill(large)
    for family, below in ((small, 0), (large, 1)):
        url = reverse("crm:family-timeline", args=[family.pk])
        # Session, user, family; version, roots, who was taken out, news, corrections, follow-ups, pinned, counts, pins,
        # people, messages not gone yet; and where the log goes on below the page, what its conversations began with.
        with django_assert_num_queries(14 + below):
            page = staff_client.get(url).content.decode()
        # Of these, a poll without news asks the first four.
        with django_assert_num_queries(4):
            staff_client.get(live_query(page))
