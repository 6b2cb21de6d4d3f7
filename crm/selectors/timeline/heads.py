"""The entries that hold a card's place, newest first: a plain read along one index, folded here by the family's days.

Folding in SQL would ask of every visit whether a newer one follows; where a filter finds nothing that is planned badly.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from crm.folding import fold
from crm.models import Family, Interaction
from crm.selectors.timeline.roots import entries_of
from crm.selectors.timeline.shown import Shown, Spot, midnight

TEXTING = ("sms", "whatsapp", "rcs")
"""Channels on which people talk back and forth: what one person and we wrote in a day is one thread."""
_ANSWERS = re.compile(r"^((re|aw|sv|fw|fwd|wg)\s*(\[\d+\])?\s*:\s*)+")
_READ_FIRST = 4
"""Rows that are read for each card at first; where days are full of visits it grows by `_READ_MORE`."""
_READ_MORE = 3


@dataclass(slots=True)
class Head:
    """The newest of what folds together, which holds the place of the card; `folded` is all of it, newest first."""

    entry: Interaction
    day: date
    folded: list[Interaction]

    @property
    def spot(self) -> Spot:
        """Where it stands."""
        return Spot(self.entry.occurred_at, self.entry.pk)


def read_heads(
    family: Family, shown: Shown, size: int, *, before: Spot | None = None, floor: Spot | None = None
) -> tuple[list[Head], bool]:
    """At most `size` heads, newest first, and whether there are more; below `before`, or down to `floor`."""
    zone, entries = family.zone, entries_of(family, shown).order_by("-occurred_at", "-pk")
    if before is not None:
        entries = entries.filter(occurred_at__lt=midnight(_day(before.at, zone) + timedelta(days=1), zone))
    if floor is not None:
        entries = entries.filter(occurred_at__gte=midnight(_day(floor.at, zone), zone))
    wanted = _within(before, floor)
    most = size * _READ_FIRST
    while True:
        rows = _rows(entries, most)
        heads = [head for head in fold_rows(rows, zone) if wanted(head.spot)]
        # A day that is not read to its end may still hold parts of a fold.
        whole = len(rows) < most or (len(heads) > size and _day(rows[-1].occurred_at, zone) < heads[size - 1].day)
        if whole:
            return heads[:size], len(heads) > size
        most *= _READ_MORE


def read_heads_after(family: Family, shown: Shown, after: Spot, size: int) -> tuple[list[Head], bool]:
    """The `size` heads just above a spot, newest first, and whether there are more above them."""
    zone = family.zone
    entries = entries_of(family, shown).filter(occurred_at__gte=midnight(_day(after.at, zone), zone))
    most = size * _READ_FIRST
    while True:
        rows = _rows(entries.order_by("occurred_at", "pk"), most)
        done = len(rows) < most
        border = None if done else _day(rows[-1].occurred_at, zone)
        heads = [one for one in fold_rows(rows[::-1], zone) if one.spot.is_above(after) and one.day != border]
        if done or len(heads) > size:
            return heads[-size:], len(heads) > size
        most *= _READ_MORE


def head_of(family: Family, pk: int) -> Head | None:
    """The head that tells a root, with all that folds with it."""
    own = entries_of(family, Shown())
    root = own.filter(pk=pk).first()
    if root is None:
        return None
    day = _day(root.occurred_at, family.zone)
    begin, end = midnight(day, family.zone), midnight(day + timedelta(days=1), family.zone)
    same_day = own.filter(Q(occurred_at__gte=begin, occurred_at__lt=end)).order_by("-occurred_at", "-pk")
    if fold_key(root) is None:
        same_day = same_day.filter(pk=pk)
    heads = fold_rows(_rows(same_day, None), family.zone)
    return next(head for head in heads if any(one.pk == pk for one in head.folded))


def fold_rows(rows: Iterable[Interaction], zone: ZoneInfo) -> list[Head]:
    """Heads of these rows, which come newest first."""
    heads: list[Head] = []
    known: dict[tuple[date, str], Head] = {}
    for row in rows:
        day, key = _day(row.occurred_at, zone), fold_key(row)
        head = known.get((day, key)) if key is not None else None
        if head is not None:
            head.folded.append(row)
            continue
        heads.append(Head(row, day, [row]))
        if key is not None:
            known[day, key] = heads[-1]
    return heads


def fold_key(entry: Interaction) -> str | None:
    """What an entry folds by within a day: visits, attendance of an event, texts or letters with one person."""
    if entry.category == "visit":
        return "visit"
    if entry.category == "event":
        event = entry.metadata.get("event")
        return f"event {event}" if isinstance(event, int | str) else None
    if entry.category == "message" and entry.channel in TEXTING:
        return f"text {entry.channel} {entry.member_id or ''}"
    if entry.category == "message" and entry.channel == "email":
        subject = subject_of(entry)
        return f"email {subject} {entry.member_id or ''}" if subject else None
    return None


def subject_of(entry: Interaction) -> str:
    """The subject of a letter without the marks of answering and passing on, folded; empty where there is none."""
    subject = entry.metadata.get("subject")
    return _ANSWERS.sub("", fold(subject[:500])) if isinstance(subject, str) else ""


def _rows(entries: QuerySet[Interaction], most: int | None) -> list[Interaction]:
    return list(entries.select_related("member", "created_by").defer("folded")[:most])


def _within(before: Spot | None, floor: Spot | None) -> Callable[[Spot], bool]:
    return lambda spot: (before is None or before.is_above(spot)) and (floor is None or not floor.is_above(spot))


def _day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()
