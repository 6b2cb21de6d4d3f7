"""How far each time zone is ahead of UTC, in stretches between changes of the clock."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

log = logging.getLogger(__name__)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `starts` up to `ends` (not included), both UTC, a zone is `seconds` ahead of UTC."""

    zone: str
    starts: datetime
    ends: datetime
    seconds: int


def stretches(names: Iterable[str], start: datetime, end: datetime) -> list[Stretch]:
    """The stretches of all zones that cover the time between `start` and `end`, both included."""
    start, end = start.astimezone(UTC).replace(microsecond=0), end.astimezone(UTC) + DAY
    return [one for name in sorted(set(names)) for one in _of_zone(name, start, end)]


def _of_zone(name: str, start: datetime, end: datetime) -> list[Stretch]:
    zone, found, since = _zone(name), [], start
    while since < end:
        until = _next_change(zone, since, end)
        found.append(Stretch(name, since, until, _ahead(zone, since)))
        since = until
    return found


def _zone(name: str) -> ZoneInfo:
    """The zone; one that this machine does not know counts as the organisation's and stops nothing."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        log.warning("time zone %r is not known here; counted as %s", name, settings.TIME_ZONE)
        return ZoneInfo(settings.TIME_ZONE)


def _ahead(zone: ZoneInfo, at: datetime) -> int:
    offset = at.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _next_change(zone: ZoneInfo, since: datetime, end: datetime) -> datetime:
    """The first second at which the clock differs from `since`, found day by day and then by halving."""
    now, day = _ahead(zone, since), since
    while day < end and _ahead(zone, min(day + DAY, end)) == now:
        day += DAY
    if day >= end:
        return end
    low, high = day, min(day + DAY, end)
    while high - low > SECOND:
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        low, high = (middle, high) if _ahead(zone, middle) == now else (low, middle)
    return high
