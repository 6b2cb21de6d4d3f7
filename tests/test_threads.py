"""Conversations over days: one card where the newest word stands, nothing lost or shown twice, whatever the page."""

import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crm.models import Family, Interaction
from crm.selectors.timeline import Shown, Spot, find_place, read_earlier, read_timeline
from crm.selectors.timeline.heads import SHOWN_OF_A_THREAD, fold_rows
from crm.selectors.timeline.roots import entries_of
from crm.services import NewInteraction, record_interactions
from tests.factories import guardian, make_family, make_interaction

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 12, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _on_thursday() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


def ago(**parts: float) -> datetime:
    return NOON - timedelta(**parts)


def cards(family: Family, shown: Shown | None = None, **options: Any) -> list[Any]:
    return read_timeline(family, shown or Shown(), **options).cards


def text(family: Family, kind: str, at: datetime, words: str, **extra: Any) -> Interaction:
    return make_interaction(family, kind, at, member_id=guardian(family).pk, metadata={"text": words}, **extra)


def test_an_exchange_over_midnight_is_one_card_with_the_time_of_each_step() -> None:
    family = make_family()
    text(family, "sms_sent", ago(hours=13), "Coming tomorrow?", external_id="t1")
    make_interaction(family, "sms_delivered", ago(hours=12, minutes=50), in_reply_to="t1")
    reply = text(family, "sms_replied", ago(hours=11), "Yes!", in_reply_to="t1")
    (card,) = cards(family)
    assert (card.id, card.who, card.time) == (reply.pk, "2 messages", "Wed 11 Nov 23:00 – 01:00")
    assert [(one.text, one.time) for one in card.bubbles] == [
        ("Coming tomorrow?", "Wed 11 Nov 23:00"),
        ("Yes!", "01:00"),
    ]
    assert [(step.words, step.took) for step in card.steps] == [
        ("Sent Wed 11 Nov 23:00", ""),
        ("Delivered Wed 11 Nov 23:10", "10 min"),
        ("Replied 01:00", "2 h"),
    ]


def test_a_letter_and_its_answer_days_later_stand_where_the_answer_does() -> None:
    family = make_family()
    make_interaction(family, "email_sent", ago(days=4), external_id="m1", metadata={"subject": "Fees", "text": "Ten"})
    note = make_interaction(family, "note", ago(days=2))
    reply = make_interaction(family, "email_replied", ago(days=1), in_reply_to="m1", metadata={"text": "Thank you"})
    answer = make_interaction(family, "email_sent", ago(hours=1), metadata={"subject": "Re: Fees", "text": "Welcome"})
    newest, other = cards(family)
    assert (newest.id, newest.title, other.id) == (answer.pk, "Fees", note.pk)
    assert [one.id for one in newest.bubbles][1:] == [reply.pk, answer.pk]


def test_what_nobody_answers_is_no_conversation() -> None:
    family = make_family()
    for day in range(3):
        text(family, "sms_sent", ago(days=day), f"Reminder {day}")
    assert [card.title for card in cards(family)] == ["Text to Elena"] * 3


def test_a_long_silence_ends_a_conversation() -> None:
    family = make_family()
    text(family, "sms_received", ago(days=4), "Hello")
    text(family, "sms_sent", ago(hours=1), "Hello again")
    assert len(cards(family)) == 2


def test_a_very_late_answer_stands_alone_and_leads_to_what_it_answers(staff_client: Client) -> None:
    family = make_family()
    sent = make_interaction(family, "email_sent", ago(days=30), external_id="m1", metadata={"subject": "Fees"})
    make_interaction(family, "email_replied", ago(days=1), in_reply_to="m1", metadata={"text": "At last"})
    newest, older = cards(family)
    assert (newest.title, newest.answers, older.id) == ("Fees", sent.pk, sent.pk)
    assert "The message that this answers" in staff_client.get(family.get_absolute_url()).content.decode()


def talk(family: Family, many: int) -> list[Interaction]:
    """A long exchange, two texts a day, oldest first."""
    kinds = ("sms_sent", "sms_received")
    return [text(family, kinds[n % 2], ago(hours=12 * (many - n)), f"words {n}.") for n in range(many)]


def test_the_earlier_part_is_opened_in_the_card_or_as_a_page(staff_client: Client) -> None:
    family = make_family()
    said = talk(family, 80)
    (card,) = cards(family)
    assert [one.id for one in card.bubbles] == [one.pk for one in said[-SHOWN_OF_A_THREAD:]]
    assert (card.earlier_than, card.who) == (said[-SHOWN_OF_A_THREAD].pk, "the last 12 messages")
    page = staff_client.get(family.get_absolute_url()).content.decode()
    url = reverse("crm:interaction-earlier", args=[card.earlier_than])
    assert f'hx-get="{url}"' in page
    part = staff_client.get(url, headers={"HX-Request": "true"}).content.decode()
    shown = [int(found) for found in re.findall(r'id="entry-(\d+)"', part)]
    assert shown == [one.pk for one in said[-SHOWN_OF_A_THREAD - 50 : -SHOWN_OF_A_THREAD]]
    assert "<html" not in part
    rest, more = read_earlier(Interaction.objects.get(pk=shown[0]))
    assert ([one.id for one in rest], more) == ([one.pk for one in said[: 80 - 62]], False)
    assert "<html" in staff_client.get(url).content.decode()


def test_an_entry_deep_in_a_conversation_opens_in_its_card(staff_client: Client) -> None:
    family = make_family()
    said = talk(family, 80)
    answer = staff_client.get(reverse("crm:interaction", args=[said[5].pk]))
    assert answer.headers["Location"].endswith(f"?entry={said[5].pk}#entry-{said[5].pk}")
    page = staff_client.get(answer.headers["Location"].partition("#")[0]).content.decode()
    assert f'class="bubble found said" dir="auto" id="entry-{said[5].pk}"' in page
    assert "words 4." not in page


def test_paper_holds_all_of_a_conversation(staff_client: Client) -> None:
    family = make_family()
    talk(family, 80)
    page = staff_client.get(reverse("crm:family-print", args=[family.pk])).content.decode()
    assert all(f"words {n}." in page for n in range(80))
    assert "Earlier in this conversation" not in page


def test_news_names_what_it_takes_from_the_pages_below(staff_client: Client) -> None:
    family = make_family()
    old = text(family, "sms_received", ago(days=2), "Hello")
    for number in range(40):
        make_interaction(family, "note", ago(days=1, minutes=number))
    first = staff_client.get(family.get_absolute_url()).content.decode()
    assert f'id="interaction-{old.pk}"' not in first
    text(family, "sms_sent", ago(minutes=1), "Good day")
    found = re.search(r'data-live hx-get="([^"]+)"', first)
    assert found
    news = staff_client.get(found[1].replace("&amp;", "&")).content.decode()
    assert f'data-holds="{old.pk}"' in news
    earlier = re.search(r'hx-get="([^"]+before=[^"]+)"', first)
    assert earlier
    below = staff_client.get(earlier[1].replace("&amp;", "&")).content.decode()
    assert f'id="interaction-{old.pk}"' not in below


def test_people_who_share_a_family_talk_apart() -> None:
    family = make_family(child=True)
    elena, sofia = family.members.order_by("id")
    for member in (elena, sofia):
        make_interaction(family, "sms_received", ago(days=1), member_id=member.pk, metadata={"text": "Hello"})
        make_interaction(family, "sms_sent", ago(hours=1), member_id=member.pk, metadata={"text": "Good day"})
    assert sorted(card.title for card in cards(family)) == ["Texts with Elena", "Texts with Sofia"]


def fill(family: Family, chance: random.Random) -> None:
    """A log of exchanges, letters, visits and notes, many at the very same moment and over midnight."""
    people = [one.pk for one in family.members.all()] + [None]
    rows = []
    for number in range(chance.randint(5, 90)):
        kind = chance.choice(
            ("email_sent", "email_received", "email_replied", "email_opened", "sms_sent", "sms_replied", "sms_received",
             "whatsapp_sent", "whatsapp_replied", "portal_login", "note", "event_attended")
        )  # fmt: skip
        at = NOON - timedelta(hours=chance.choice((1, 6, 11, 30)) * chance.randint(0, 60))
        metadata: dict[str, Any] = {"text": f"words {chance.randint(0, 3)}"}
        if kind.startswith("email"):
            metadata["subject"] = chance.choice(("Fees", "Re: fees", "", "Summer"))
        if kind == "event_attended":
            metadata = {"event": chance.randint(0, 1), "name": "Fair"}
        reply = f"x{chance.randint(0, number)}" if kind.endswith(("_replied", "_opened")) else ""
        rows.append(
            NewInteraction(
                family.pk, kind, at, external_system="test", external_id=f"x{number}", in_reply_to=reply,
                member_id=chance.choice(people), metadata=metadata,
            )
        )  # fmt: skip
    chance.shuffle(rows)
    record_interactions(rows)


SHOWN: list[Callable[[Family], Shown]] = [
    lambda family: Shown(),
    lambda family: Shown("email"),
    lambda family: Shown("", "in"),
    lambda family: Shown("sms", "out"),
    lambda family: Shown(text="words 1"),
    lambda family: Shown(kind="message"),
    lambda family: Shown(person=guardian(family).pk),
    lambda family: Shown(since=ago(days=30).date(), until=ago(days=5).date()),
]


@given(chance=st.randoms(use_true_random=False), size=st.integers(1, 12), which=st.integers(0, len(SHOWN) - 1))
@settings(
    max_examples=40, deadline=None, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck)
)
def test_pages_of_any_size_hold_every_card_once(chance: random.Random, size: int, which: int) -> None:
    family = make_family(child=True)
    fill(family, chance)
    shown = SHOWN[which](family)
    rows = entries_of(family, shown).select_related("attempt").order_by("-occurred_at", "-pk")
    folds = fold_rows(rows, family.zone)
    wanted = {head.entry.pk: [one.pk for one in head.folded] for head in folds}
    found: dict[int, Any] = {}
    spots: list[Spot] = []
    before: Spot | None = None
    while True:
        page = read_timeline(family, shown, before=before, size=size)
        assert not found.keys() & {card.id for card in page.cards}
        found |= {card.id: card for card in page.cards}
        spots += [Spot(card.at, card.id) for card in page.cards]
        if not page.earlier:
            break
        before = page.floor
    assert list(found) == list(wanted)
    for pk, card in found.items():
        told = [one.id for one in card.bubbles if one.id]
        if told:
            assert told == wanted[pk][:SHOWN_OF_A_THREAD][::-1]
            assert (card.earlier_than is not None) == (len(wanted[pk]) > SHOWN_OF_A_THREAD)
    # Upwards from any place the same cards stand, and an address leads to the card that tells its entry.
    if spots:
        at = chance.randrange(len(spots))
        above = read_timeline(family, shown, after=spots[at], size=size)
        assert [card.id for card in above.cards] == [one.pk for one in spots[max(0, at - size) : at]]
        floor = read_timeline(family, shown, floor=spots[at])
        assert [card.id for card in floor.cards] == [one.pk for one in spots[: at + 1]]
    if which == 0:
        for head, parts in wanted.items():
            places = [find_place(family, pk) for pk in parts]
            assert {place.card for place in places if place} == {head}
