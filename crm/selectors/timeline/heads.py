"""The entries that hold a card's place, newest first: a plain read along one index, folded here.

Folding in SQL would ask of every visit whether a newer one follows; where a filter finds nothing that is planned badly.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from crm.models import Family, Interaction
from crm.selectors.timeline.roots import entries_of
from crm.selectors.timeline.shown import Shown, Spot, midnight
from crm.selectors.timeline.threads import LONGEST_QUIET, MESSAGES, below, continues, may_go_on, thread_key

SHOWN_OF_A_THREAD = 12
"""How much of a conversation its card shows; what is older is opened on request."""
MOST_OF_A_THREAD = 1_000
"""How far down a card is opened for one old entry of it."""
_READ_FIRST = 4
"""Rows that are read for each card at first; where days are full of visits it grows by `_READ_MORE`."""
_READ_MORE = 3
_READ_BELOW = 200
"""Rows that are read below a page for what its conversations began with."""


@dataclass(slots=True)
class Head:
    """The newest of what folds together, which holds the place of the card; `folded` is all of it, newest first.

    Of a conversation one more than its card shows, where there are as many.
    """

    entry: Interaction
    day: date
    folded: list[Interaction]

    @property
    def spot(self) -> Spot:
        """Where it stands."""
        return Spot(self.entry.occurred_at, self.entry.pk)


def read_heads(
    family: Family,
    shown: Shown,
    size: int,
    *,
    before: Spot | None = None,
    floor: Spot | None = None,
    reach: Spot | None = None,
    full: bool = False,
) -> tuple[list[Head], bool]:
    """At most `size` heads, newest first, and whether there are more; below `before`, or down to `floor`.

    Conversations are read down to `reach`, where it is given. Where much folds together a page may be shorter, so
    that it is quick; a `full` one never is.
    """
    zone, log = family.zone, entries_of(family, shown).order_by("-occurred_at", "-pk")
    entries, border = log, None
    if before is not None:
        entries = entries.filter(_around(before.at, zone))
    if floor is not None:
        border = midnight(_day(floor.at, zone), zone)
        entries = entries.filter(occurred_at__gte=border)
    wanted = _within(before, floor)
    most = size * _READ_FIRST
    while True:
        rows = _rows(entries, most)
        everything = fold_rows(rows, zone)
        heads = [head for head in everything if wanted(head.spot)]
        if done := len(rows) < most:
            break
        # A day that is not read to its end may still hold parts of a fold.
        whole = [head for head in heads if head.day > _day(rows[-1].occurred_at, zone)]
        if len(whole) >= size or (floor is None and not full and _is_enough(len(whole), size, most)):
            size = min(size, len(whole))
            break
        most *= _READ_MORE
    found = heads[:size]
    if not done:
        _finish(log, everything, found, Spot(rows[-1].occurred_at, rows[-1].pk), zone, reach)
    elif border is not None:
        _finish(log, everything, found, Spot(border, 0), zone, reach)
    return found, len(heads) > size or not done


def _is_enough(found: int, size: int, read: int) -> bool:
    return found * 3 >= size or (found > 0 and read > size * _READ_FIRST)


def read_heads_after(family: Family, shown: Shown, after: Spot, size: int) -> tuple[list[Head], bool]:
    """The `size` heads just above a spot, newest first, and whether there are more above them."""
    zone, log = family.zone, entries_of(family, shown)
    begin = midnight(_day(after.at, zone), zone)
    entries = log.filter(occurred_at__gte=begin).order_by("occurred_at", "pk")
    most = size * _READ_FIRST
    while True:
        rows = _rows(entries, most)
        done = len(rows) < most
        everything = fold_rows(rows[::-1], zone)
        heads = [one for one in everything if one.spot.is_above(after) and (done or _is_settled(one, rows[-1], zone))]
        if done or len(heads) > size:
            break
        most *= _READ_MORE
    found = heads[-size:]
    _finish(log.order_by("-occurred_at", "-pk"), everything, found, Spot(begin, 0), zone)
    return found, len(heads) > size


def head_of(family: Family, pk: int) -> Head | None:
    """The head that tells a root, with what folds with it down to that root at least."""
    own = entries_of(family, Shown())
    root = next(iter(_rows(own.filter(pk=pk), 1)), None)
    if root is None:
        return None
    if thread_key(root) is not None:
        return _head_above(own, root, family.zone)
    day = _day(root.occurred_at, family.zone)
    begin, end = midnight(day, family.zone), midnight(day + timedelta(days=1), family.zone)
    same_day = own.filter(Q(occurred_at__gte=begin, occurred_at__lt=end)).order_by("-occurred_at", "-pk")
    if day_key(root) is None:
        same_day = same_day.filter(pk=pk)
    heads = fold_rows(_rows(same_day, None), family.zone)
    return next(head for head in heads if any(one.pk == pk for one in head.folded))


def fold_rows(rows: Iterable[Interaction], zone: ZoneInfo) -> list[Head]:
    """Heads of these rows, which come newest first."""
    heads: list[Head] = []
    known: dict[object, Head] = {}
    for row in rows:
        day, thread = _day(row.occurred_at, zone), thread_key(row)
        daily = day_key(row) if thread is None else None
        key = thread or (daily and (day, daily))
        head = known.get(key) if key else None
        if head is not None and (thread is None or continues(head.folded[-1], row, zone)):
            head.folded.append(row)
            continue
        heads.append(Head(row, day, [row]))
        if key:
            known[key] = heads[-1]
    return heads


def day_key(entry: Interaction) -> str | None:
    """What an entry folds by within a day: visits, and attendance of an event."""
    if entry.category == "visit":
        return "visit"
    if entry.category == "event":
        event = entry.metadata.get("event")
        return f"event {event}" if isinstance(event, int | str) else None
    return None


def _head_above(own: QuerySet[Interaction], root: Interaction, zone: ZoneInfo) -> Head:
    """The newest of a root's conversation, with all down to the root."""
    later = own.filter(MESSAGES, channel=root.channel, occurred_at__gte=root.occurred_at).order_by("occurred_at", "pk")
    most = SHOWN_OF_A_THREAD * _READ_FIRST
    while True:
        rows = _rows(later, most)
        heads = fold_rows(rows[::-1], zone)
        head = next((one for one in heads if any(part.pk == root.pk for part in one.folded)), None)
        if head is not None and (len(rows) < most or _is_settled(head, rows[-1], zone)):
            break
        most *= _READ_MORE
    newest_first = own.order_by("-occurred_at", "-pk")
    _finish(newest_first, heads, [head], Spot(root.occurred_at, 0), zone)
    return head


def _finish(
    log: QuerySet[Interaction],
    everything: Sequence[Head],
    found: Sequence[Head],
    bottom: Spot,
    zone: ZoneInfo,
    reach: Spot | None = None,
) -> None:
    """Read what the conversations of a page began with, where that lies below it; seldom more than one query."""
    ours = {id(head) for head in found}
    going = {key: head for head in everything if (key := thread_key(head.entry)) is not None}
    going = {key: head for key, head in going.items() if id(head) in ours}
    span = 2 * LONGEST_QUIET
    while going := {key: head for key, head in going.items() if _wants_more(head, bottom, reach)}:
        at = min(head.folded[-1].occurred_at for head in going.values()) - span
        channels = {head.entry.channel for head in going.values()}
        parts = log.filter(MESSAGES, below(bottom.at, bottom.pk), channel__in=channels, occurred_at__gte=at)
        rows = _rows(parts, _READ_BELOW)
        _lengthen(going, rows, zone)
        bottom = Spot(rows[-1].occurred_at, rows[-1].pk) if len(rows) == _READ_BELOW else Spot(at, 0)
        span *= 2


def _wants_more(head: Head, bottom: Spot, reach: Spot | None) -> bool:
    """Whether older parts may lie below what was read, and would be shown or make the card say that there are more."""
    oldest, count = head.folded[-1], len(head.folded)
    if not may_go_on(oldest, bottom.at):
        return False
    deep = reach is not None and not reach.is_above(Spot(oldest.occurred_at, oldest.pk)) and count <= MOST_OF_A_THREAD
    return deep or count <= SHOWN_OF_A_THREAD


def _lengthen(going: dict[str, Head], rows: Iterable[Interaction], zone: ZoneInfo) -> None:
    """Add older rows to their conversations; one that has ended leaves `going`."""
    for row in rows:
        key = thread_key(row)
        head = going.get(key) if key else None
        if head is None:
            continue
        if continues(head.folded[-1], row, zone):
            head.folded.append(row)
        else:
            del going[str(key)]


def _is_settled(head: Head, newest: Interaction, zone: ZoneInfo) -> bool:
    """Whether nothing above what was read can fold over this head."""
    newest_day = _day(newest.occurred_at, zone)
    return head.day != newest_day and head.entry.occurred_at < newest.occurred_at - LONGEST_QUIET


def _around(at: datetime, zone: ZoneInfo) -> Q:
    """What stands below the end of that day, and the messages above it that may hold a later part of a conversation."""
    end, latest = midnight(_day(at, zone) + timedelta(days=1), zone), at + LONGEST_QUIET
    return Q(occurred_at__lte=max(end, latest)) & (Q(occurred_at__lt=end) | Q(MESSAGES, occurred_at__lte=latest))


def _rows(entries: QuerySet[Interaction], most: int | None) -> list[Interaction]:
    related = entries.select_related("member", "created_by", "attempt")
    return list(related.defer("folded", "attempt__folded")[:most])


def _within(before: Spot | None, floor: Spot | None) -> Callable[[Spot], bool]:
    return lambda spot: (before is None or before.is_above(spot)) and (floor is None or not floor.is_above(spot))


def _day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()
