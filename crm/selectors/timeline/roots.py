"""Which entries stand on a timeline by themselves, in which order, and where a page of them ends."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import NullIf, TruncDate

from crm.enums import Channel, Direction
from crm.models import Family, Interaction
from crm.vocabulary import response_types

CORRECTION = "correction"
STAFF = "earshot-staff"
FOLDED = ("visit", "event")
"""Categories whose entries of one day are one card: portal visits, and the attendance of one event."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LONGEST_DAY = timedelta(hours=26)
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Shown:
    """What the reader asked to see; an unknown word asks for everything."""

    channel: str = ""
    direction: str = ""

    @classmethod
    def read(cls, channel: str, direction: str) -> Self:
        """From a query string."""
        return cls(
            channel if channel in Channel.values else "",
            direction if direction in (Direction.IN, Direction.OUT) else "",
        )


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in the order of a timeline: the time, and the id among equals."""

    at: datetime
    pk: int

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // _MICROSECOND}.{self.pk}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        """From a query string; what is no spot is None."""
        time, dot, pk = text.partition(".")
        if not (dot and time.removeprefix("-").isdecimal() and pk.isdecimal()) or int(pk) > _LARGEST:
            return None
        try:
            return cls(_EPOCH + int(time) * _MICROSECOND, int(pk))
        except OverflowError:
            return None


def entries_of(family: Family, shown: Shown) -> QuerySet[Interaction]:
    """Entries that are roots: neither news of an attempt, which the attempt's card tells, nor a correction.

    “Only from them” keeps an attempt of ours that they answered, with its answer.
    """
    entries = Interaction.objects.filter(family=family, attempt=None).exclude(
        interaction_type=CORRECTION, external_system=STAFF
    )
    if shown.channel:
        entries = entries.filter(channel=shown.channel)
    if shown.direction == Direction.IN:
        answers = Interaction.objects.filter(
            family=family, attempt=OuterRef("pk"), interaction_type__in=response_types(), is_machine=False
        )
        entries = entries.filter(Q(direction=Direction.IN) | Exists(answers))
    elif shown.direction:
        entries = entries.filter(direction=shown.direction)
    return entries


def heads_of(family: Family, shown: Shown) -> QuerySet[Interaction]:
    """Roots, of which those of one fold are represented by their newest: so no page border cuts a fold."""
    newer = (
        with_fold(entries_of(family, shown), family.zone)
        .filter(
            category=OuterRef("category"),
            day=OuterRef("day"),
            occurred_at__gte=OuterRef("occurred_at"),
            occurred_at__lt=OuterRef("occurred_at") + _LONGEST_DAY,
        )
        .filter(Q(occurred_at__gt=OuterRef("occurred_at")) | Q(pk__gt=OuterRef("pk")))
        .filter(Q(category="visit") | Q(event_key=OuterRef("event_key")))
    )
    heads = with_fold(entries_of(family, shown), family.zone).filter(~Q(category__in=FOLDED) | ~Exists(newer))
    return heads.order_by("-occurred_at", "-pk")


def with_fold(entries: QuerySet[Interaction], zone: ZoneInfo) -> QuerySet[Any]:
    """Entries with the family's `day` and the `event_key` by which they fold."""
    # SQLite reads JSON's null as a word.
    key = NullIf(KeyTextTransform("event", "metadata"), Value("null"), output_field=TextField())
    return entries.annotate(day=TruncDate("occurred_at", tzinfo=zone), event_key=key)


def below(spot: Spot) -> Q:
    """Strictly earlier than the spot."""
    # The first condition is implied by the second; it is there because an index can use it.
    return Q(occurred_at__lte=spot.at) & (Q(occurred_at__lt=spot.at) | Q(pk__lt=spot.pk))


def down_to(spot: Spot) -> Q:
    """As late as the spot or later."""
    return Q(occurred_at__gte=spot.at) & (Q(occurred_at__gt=spot.at) | Q(pk__gte=spot.pk))
