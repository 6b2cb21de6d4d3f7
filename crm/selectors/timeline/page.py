"""One page of a timeline, in a fixed number of queries however long it is."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from django.db.models import Count, Max

from crm.models import CallTask, Family, Interaction
from crm.selectors.timeline.cards import Day, day_heading
from crm.selectors.timeline.folding import FoldKey, Material, fold_key, make_card
from crm.selectors.timeline.roots import (
    CORRECTION,
    FOLDED,
    STAFF,
    Shown,
    Spot,
    below,
    down_to,
    entries_of,
    heads_of,
    with_fold,
)

PAGE = 30
MOST_LIVE = 300


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """Days with their cards. `floor` is where the page ends; `earlier` says that something lies below it."""

    days: list[Day]
    floor: Spot | None
    earlier: bool

    @property
    def last_day(self) -> date | None:
        """The day under which the next page may go on."""
        return self.days[-1].date if self.days else None


def read_timeline(
    family: Family,
    shown: Shown,
    *,
    before: Spot | None = None,
    floor: Spot | None = None,
    continuing: date | None = None,
    size: int = PAGE,
) -> TimelinePage:
    """The page below `before`, or the newest; with a `floor` all that is newer down to it.

    A card stands at the time of its root: a message that was opened today stands where it was sent, so that
    a card never moves, never stands twice, and a page that is read again is the same page.
    `continuing` is the day that the page above ended with.
    """
    heads = heads_of(family, shown)
    if before is not None:
        heads = heads.filter(below(before))
    if floor is not None:
        heads, size = heads.filter(down_to(floor)), MOST_LIVE
    rows = list(heads.select_related("member", "created_by")[: size + 1])
    earlier, rows = len(rows) > size, rows[:size]
    last = rows[-1] if rows else None
    return TimelinePage(
        days=_days(rows, _material(family, shown, rows), continuing),
        floor=Spot(last.occurred_at, last.pk) if last else None,
        earlier=earlier,
    )


def timeline_version(family_id: int) -> str:
    """Changes whenever the log of the family does; rows are only ever added, one that commits late counts too."""
    seen = Interaction.objects.filter(family_id=family_id).aggregate(newest=Max("pk"), count=Count("pk"))
    return f"{seen['newest'] or 0}.{seen['count']}"


def follow_up_source(interaction_id: int) -> str:
    """The opaque source by which the follow-up of a call is found, and is asked for once."""
    return f"follow-up:{interaction_id}"


def _days(rows: Sequence[Interaction], material: Material, continuing: date | None) -> list[Day]:
    zone = material.zone
    days: list[Day] = []
    for day, heads in groupby(rows, key=lambda row: row.occurred_at.astimezone(zone).date()):
        heading, words = day_heading(day, zone)
        cards = [make_card(head, material) for head in heads]
        days.append(Day(day, heading, words, cards, continues=day == continuing and not days))
    return days


def _material(family: Family, shown: Shown, rows: Sequence[Interaction]) -> Material:
    ids = [row.pk for row in rows]
    news: dict[int | None, list[Interaction]] = defaultdict(list)
    for one in Interaction.objects.filter(family=family, attempt__in=ids).select_related("member"):
        news[one.attempt_id].append(one)
    folds = _folds(family, shown, rows)
    told = [*ids, *_ids(news.values()), *_ids(folds.values())]
    return Material(
        zone=family.zone,
        news={attempt: same for attempt, same in news.items() if attempt},
        folds=folds,
        corrections=_corrections(family, told),
        follow_ups=_follow_ups(family, [row.pk for row in rows if row.category == "call"]),
    )


def _ids(groups: Iterable[Iterable[Interaction]]) -> list[int]:
    return [one.pk for group in groups for one in group]


def _folds(family: Family, shown: Shown, rows: Sequence[Interaction]) -> dict[FoldKey, list[Interaction]]:
    """Everything that folds into the page's heads, newest first: all visits and attendance of their days."""
    zone = family.zone
    days = [row.occurred_at.astimezone(zone).date() for row in rows if row.category in FOLDED]
    if not days:
        return {}
    folded = with_fold(entries_of(family, shown), zone).filter(
        category__in=FOLDED,
        occurred_at__gte=_midnight(min(days), zone),
        occurred_at__lt=_midnight_after(max(days), zone),
    )
    folds: dict[FoldKey, list[Interaction]] = defaultdict(list)
    for one in folded.select_related("member").order_by("-occurred_at", "-pk"):
        folds[fold_key(one)].append(one)
    return dict(folds)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone)


def _midnight_after(day: date, zone: ZoneInfo) -> datetime:
    return _midnight(day + timedelta(days=1), zone)


def _corrections(family: Family, ids: Sequence[int]) -> dict[int, Interaction]:
    keys = {f"correction-{pk}": pk for pk in ids}
    found = Interaction.objects.filter(
        family=family, external_system=STAFF, interaction_type=CORRECTION, external_id__in=keys
    ).select_related("created_by")
    return {keys[one.external_id]: one for one in found}


def _follow_ups(family: Family, ids: Sequence[int]) -> dict[int, CallTask]:
    sources = {follow_up_source(pk): pk for pk in ids}
    return {sources[task.source]: task for task in CallTask.objects.filter(family=family, source__in=sources)}
