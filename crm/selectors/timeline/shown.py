"""What a reader of a timeline asked to see, and a place in its order."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from django.db.models import Q

from crm.enums import Channel, Direction
from crm.folding import fold
from crm.years import is_ours

KINDS = ("message", "call", "conversation", "note", "event", "visit")
"""Categories by which a reader may ask for several types at once."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LARGEST = 2**63 - 1
_MOST_WORDS = 8
_YEARS = range(1990, 2101)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the reader asked to see, all of it together; an unknown word asks for everything.

    `kind` is a type or one of `KINDS`; `since` and `until` are days of the family, both included.
    """

    channel: str = ""
    direction: str = ""
    kind: str = ""
    person: int | None = None
    since: date | None = None
    until: date | None = None
    text: str = ""

    @classmethod
    def read(cls, asked: Mapping[str, str]) -> Self:
        """From a query string."""
        channel, direction, kind = (asked.get(name, "") for name in ("channel", "direction", "type"))
        return cls(
            channel=channel if channel in Channel.values else "",
            direction=direction if direction in (Direction.IN, Direction.OUT) else "",
            kind=kind if kind.isidentifier() and len(kind) <= 60 else "",
            person=_number(asked.get("person", "")),
            since=read_day(asked.get("since", "")),
            until=read_day(asked.get("until", "")),
            text=asked.get("text", "").replace("\x00", "").strip()[:200],
        )

    @property
    def words(self) -> list[str]:
        """What must be found in an entry, folded as it is stored."""
        return fold(self.text).split()[:_MOST_WORDS]

    @property
    def backwards(self) -> bool:
        """The period ends before it begins."""
        return self.since is not None and self.until is not None and self.until < self.since

    def fields(self) -> dict[str, str]:
        """As a query string names them, without those that ask for nothing."""
        told = {
            "channel": self.channel, "direction": self.direction, "type": self.kind, "person": self.person,
            "since": self.since, "until": self.until, "text": self.text,
        }  # fmt: skip
        return {name: str(value) for name, value in told.items() if value}

    def period(self, zone: ZoneInfo) -> Q:
        """The days that were asked for, in the family's zone."""
        asked = Q()
        if self.since is not None:
            asked &= Q(occurred_at__gte=midnight(self.since, zone))
        if self.until is not None:
            asked &= Q(occurred_at__lt=midnight(self.until + timedelta(days=1), zone))
        return asked


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in the order of a timeline: the time, and the id among equals."""

    at: datetime
    pk: int

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // _MICROSECOND}.{self.pk}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        """From a query string; what is no spot, or lies where no log reaches, is None."""
        time, dot, pk = text.partition(".")
        if not (dot and time.removeprefix("-").isdecimal() and _number(pk) is not None):
            return None
        try:
            at = _EPOCH + int(time) * _MICROSECOND
        except (OverflowError, ValueError):
            return None
        return cls(at, int(pk)) if is_ours(at) else None

    def is_above(self, other: "Spot") -> bool:
        """Strictly later."""
        return (self.at, self.pk) > (other.at, other.pk)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins there."""
    return datetime.combine(day, time.min, zone)


def read_day(text: str) -> date | None:
    """A day of a query string; what is none, or lies where no log reaches, is None."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year in _YEARS else None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= _LARGEST else None
