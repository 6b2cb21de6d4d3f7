"""One page of a timeline, in a fixed number of queries however long it is."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from django.db.models import Count, Max, QuerySet

from crm.models import CallTask, Family, Interaction, Pin
from crm.selectors.timeline.cards import Card, Day, day_heading
from crm.selectors.timeline.fixes import read_fixes
from crm.selectors.timeline.folding import FoldKey, Material, fold_key, make_card
from crm.selectors.timeline.roots import CORRECTION, STAFF, entries_of, heads_of, with_fold
from crm.selectors.timeline.shown import Shown, Spot, midnight

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
    heads = heads_of(family, shown)
    if after is not None:
        rows = _newest_first(heads.filter(after.above), size)
        return _page(family, shown, rows, continuing, earlier=True)
    if before is not None:
        heads = heads.filter(before.below)
    if floor is not None:
        heads, size = heads.filter(floor.down_to), MOST_LIVE
    rows = list(heads.select_related("member", "created_by")[: size + 1])
    return _page(family, shown, rows[:size], continuing, earlier=len(rows) > size)


def read_card(family: Family, pk: int) -> Card | None:
    """The card of one root as it stands now."""
    rows = list(heads_of(family, Shown()).filter(pk=pk).select_related("member", "created_by"))
    return next(iter(_page(family, Shown(), rows, None, earlier=False).cards), None)


def find_place(family: Family, pk: int) -> Place | None:
    """Where an entry of this family stands, however old: news and corrections stand on the card they belong to."""
    entry = Interaction.objects.filter(family=family, pk=pk).first()
    if entry is None:
        return None
    corrects = entry.interaction_type == CORRECTION and entry.external_system == STAFF
    root = int(entry.in_reply_to) if corrects else entry.attempt_id or entry.pk
    head = _head_of(family, root)
    if head is None:
        return None
    later = list(heads_of(family, Shown()).filter(Spot(head.occurred_at, head.pk).above).reverse()[: ABOVE + 1])
    border = later[ABOVE] if len(later) > ABOVE else None
    return Place(head.pk, Spot(border.occurred_at, border.pk) if border else None)


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


def _newest_first(heads: QuerySet[Any], size: int) -> list[Any]:
    return list(heads.reverse().select_related("member", "created_by")[:size])[::-1]


def _head_of(family: Family, root: int) -> Any:
    """The newest of the root's fold, or the root itself."""
    own = with_fold(entries_of(family, Shown()), family.zone)
    entry = own.filter(pk=root).first()
    if entry is None or entry.fold is None:
        return entry
    begin = midnight(entry.day, family.zone)
    same = own.filter(occurred_at__gte=begin, occurred_at__lt=midnight(entry.day + timedelta(days=1), family.zone))
    return same.filter(fold=entry.fold).order_by("-occurred_at", "-pk").first()


def _page(
    family: Family, shown: Shown, rows: Sequence[Interaction], continuing: date | None, *, earlier: bool
) -> TimelinePage:
    ends = [Spot(row.occurred_at, row.pk) for row in rows]
    return TimelinePage(
        days=_days(rows, _material(family, shown, rows), continuing),
        top=ends[0] if ends else None,
        floor=ends[-1] if ends else None,
        earlier=earlier,
    )


def _days(rows: Sequence[Interaction], material: Material, continuing: date | None) -> list[Day]:
    zone = material.zone
    days: list[Day] = []
    for day, heads in groupby(rows, key=lambda row: row.occurred_at.astimezone(zone).date()):
        heading, words = day_heading(day, zone)
        cards = [make_card(head, material) for head in heads]
        days.append(Day(day, heading, words, cards, continues=day == continuing and not days))
    return days


def _material(family: Family, shown: Shown, rows: Sequence[Interaction]) -> Material:
    folds = _folds(family, shown, rows)
    roots = {row.pk: row for row in rows} | {one.pk: one for same in folds.values() for one in same}
    attempts = [pk for pk, row in roots.items() if row.category != "visit"]
    news: dict[int | None, list[Interaction]] = defaultdict(list)
    for one in Interaction.objects.filter(family=family, attempt__in=attempts).select_related("member"):
        news[one.attempt_id].append(one)
    # Nobody corrects what a vendor or the portal told.
    told = [pk for pk, row in roots.items() if row.category not in ("visit", "message")]
    return Material(
        zone=family.zone,
        news={attempt: same for attempt, same in news.items() if attempt},
        folds=folds,
        fixes=read_fixes(family, told),
        follow_ups=_follow_ups(family, [row.pk for row in rows if row.category == "call"]),
        pinned=set(Pin.objects.filter(family=family).values_list("pk", flat=True)),
    )


def _folds(family: Family, shown: Shown, rows: Sequence[Any]) -> dict[FoldKey, list[Interaction]]:
    """Everything that folds into the page's heads, newest first."""
    days = [row.day for row in rows if row.fold is not None]
    if not days:
        return {}
    folded = with_fold(entries_of(family, shown), family.zone).filter(
        fold__isnull=False,
        occurred_at__gte=midnight(min(days), family.zone),
        occurred_at__lt=midnight(max(days) + timedelta(days=1), family.zone),
    )
    folds: dict[FoldKey, list[Interaction]] = defaultdict(list)
    for one in folded.select_related("member").order_by("-occurred_at", "-pk"):
        folds[fold_key(one)].append(one)
    return dict(folds)


def _follow_ups(family: Family, ids: Sequence[int]) -> dict[int, CallTask]:
    sources = {follow_up_source(pk): pk for pk in ids}
    return {sources[task.source]: task for task in CallTask.objects.filter(family=family, source__in=sources)}
