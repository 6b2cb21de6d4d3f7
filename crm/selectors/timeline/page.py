"""One page of a timeline, in a fixed number of queries however long it is."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from django.db.models import Count, Max

from crm.models import CallTask, Family, Interaction, Pin
from crm.selectors.timeline.cards import Card, Day, day_heading
from crm.selectors.timeline.fixes import read_fixes
from crm.selectors.timeline.folding import Material, make_card
from crm.selectors.timeline.heads import Head, head_of, read_heads, read_heads_after
from crm.selectors.timeline.roots import CORRECTION, STAFF
from crm.selectors.timeline.shown import Shown, Spot

PAGE = 30
MOST_LIVE = 300
MOST_PRINTED = 1_000
ABOVE = 5
"""How many later entries stand above one that is opened by its own address."""


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """Days with their cards. `top` and `floor` are its ends; `earlier` says that something lies below it."""

    days: list[Day]
    top: Spot | None
    floor: Spot | None
    earlier: bool

    @property
    def last_day(self) -> date | None:
        """The day under which the next page may go on."""
        return self.days[-1].date if self.days else None

    @property
    def cards(self) -> list[Card]:
        """All cards, newest first."""
        return [card for day in self.days for card in day.cards]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry is found: the card that tells it, and the page (below `before`; None is the newest)."""

    card: int
    before: Spot | None


def read_timeline(
    family: Family,
    shown: Shown,
    *,
    before: Spot | None = None,
    after: Spot | None = None,
    floor: Spot | None = None,
    continuing: date | None = None,
    size: int = PAGE,
) -> TimelinePage:
    """The page below `before`, or just above `after`, or the newest; with a `floor` all that is newer down to it.

    A card stands at the time of its root: a message that was opened today stands where it was sent, so that
    a card never moves, never stands twice, and a page that is read again is the same page.
    `continuing` is the day that the page above ended with.
    """
    if after is not None:
        heads, _later = read_heads_after(family, shown, after, size)
        return _page(family, heads, continuing, earlier=True)
    if floor is not None:
        size = MOST_LIVE
    heads, earlier = read_heads(family, shown, size, before=before, floor=floor)
    return _page(family, heads, continuing, earlier=earlier)


def read_card(family: Family, pk: int) -> Card | None:
    """The card of one root as it stands now."""
    head = head_of(family, pk)
    return next(iter(_page(family, [head] if head else [], None, earlier=False).cards), None)


def find_place(family: Family, pk: int) -> Place | None:
    """Where an entry of this family stands, however old: news and corrections stand on the card they belong to."""
    entry = Interaction.objects.filter(family=family, pk=pk).first()
    if entry is None:
        return None
    corrects = entry.interaction_type == CORRECTION and entry.external_system == STAFF
    root = int(entry.in_reply_to) if corrects else entry.attempt_id or entry.pk
    head = head_of(family, root)
    if head is None:
        return None
    later, _more = read_heads_after(family, Shown(), head.spot, ABOVE + 1)
    return Place(head.entry.pk, later[0].spot if len(later) > ABOVE else None)


def timeline_version(family_id: int) -> str:
    """Changes whenever the log of the family does; rows are only ever added, one that commits late counts too."""
    seen = Interaction.objects.filter(family_id=family_id).aggregate(newest=Max("pk"), count=Count("pk"))
    return f"{seen['newest'] or 0}.{seen['count']}"


def follow_up_source(interaction_id: int) -> str:
    """The opaque source by which the follow-up of a call is found, and is asked for once."""
    return f"follow-up:{interaction_id}"


def read_pins(family: Family) -> list[Card]:
    """What staff keep on top, the last pinned first; what was withdrawn is no longer shown."""
    pins = list(family.pins.select_related("interaction__member", "interaction__created_by", "pinned_by"))
    fixes = read_fixes(family, [pin.pk for pin in pins])
    material = Material(family.zone, {}, {}, fixes, {}, {pin.pk for pin in pins})
    cards = []
    for pin in pins:
        card = make_card(pin.interaction, material)
        card.pinned_by = (pin.pinned_by.first_name or pin.pinned_by.get_username()) if pin.pinned_by else ""
        cards.append(card)
    return [card for card in cards if card.withdrawn is None]


def _page(family: Family, heads: Sequence[Head], continuing: date | None, *, earlier: bool) -> TimelinePage:
    return TimelinePage(
        days=_days(heads, _material(family, heads), continuing),
        top=heads[0].spot if heads else None,
        floor=heads[-1].spot if heads else None,
        earlier=earlier,
    )


def _days(heads: Sequence[Head], material: Material, continuing: date | None) -> list[Day]:
    days: list[Day] = []
    for day, same in groupby(heads, key=lambda head: head.day):
        heading, words = day_heading(day, material.zone)
        cards = [make_card(head.entry, material) for head in same]
        days.append(Day(day, heading, words, cards, continues=day == continuing and not days))
    return days


def _material(family: Family, heads: Sequence[Head]) -> Material:
    roots = [one for head in heads for one in head.folded]
    attempts = [one.pk for one in roots if one.category == "message"]
    news: dict[int | None, list[Interaction]] = defaultdict(list)
    for one in Interaction.objects.filter(attempt__in=attempts, family=family).select_related("member").defer("folded"):
        news[one.attempt_id].append(one)
    # Nobody corrects what a vendor or the portal told.
    told = [one.pk for one in roots if one.category not in ("visit", "message")]
    return Material(
        zone=family.zone,
        news={attempt: same for attempt, same in news.items() if attempt},
        folds={head.entry.pk: head.folded for head in heads},
        fixes=read_fixes(family, told),
        follow_ups=_follow_ups(family, [one.pk for one in roots if one.category == "call"]),
        pinned=set(Pin.objects.filter(family=family).values_list("pk", flat=True)),
    )


def _follow_ups(family: Family, ids: Sequence[int]) -> dict[int, CallTask]:
    sources = {follow_up_source(pk): pk for pk in ids}
    return {sources[task.source]: task for task in CallTask.objects.filter(family=family, source__in=sources)}
