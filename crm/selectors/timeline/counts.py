"""The last 90 days of one family by channel, in one query."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import or_

from django.db.models import CharField, Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Cast
from django.utils import timezone

from crm.enums import Channel, Direction
from crm.models import Family, Interaction
from crm.selectors.timeline.roots import CORRECTION, STAFF, STANDING
from crm.vocabulary import PHONE_ANSWERED, TYPES, WINDOWS, attempt_types, human_types

DAYS = 90


@dataclass(frozen=True, slots=True)
class ChannelActivity:
    """One channel: `arrived` is None where a channel cannot know it; a reply counts as engaged and as from them."""

    channel: str
    entries: int
    from_us: int
    arrived: int | None
    engaged: int
    from_them: int


@dataclass(frozen=True, slots=True)
class Activity:
    """What happened in `days` days; `entries` are those that stand on the timeline, before folding."""

    days: int
    entries: int
    channels: list[ChannelActivity]
    visits: int
    events_attended: int
    talks: int

    @property
    def spoken(self) -> list[ChannelActivity]:
        """Channels on which something was said, in either direction."""
        return [one for one in self.channels if one.from_us or one.from_them]


def read_activity(family: Family, *, days: int = DAYS) -> Activity:
    """Counts by channel; an engagement counts within the channel's window, once an attempt."""
    since = timezone.now() - timedelta(days=days)
    rows = {row["channel"]: row for row in _rows(family, since=since)}
    order = [channel for channel in Channel.values if channel in rows]
    return Activity(
        days=days,
        entries=sum(row["entries"] for row in rows.values()),
        channels=[_activity(rows[channel]) for channel in order],
        visits=sum(row["visits"] for row in rows.values()),
        events_attended=sum(row["attended"] for row in rows.values()),
        talks=sum(row["talks"] for row in rows.values()),
    )


def _activity(row: dict) -> ChannelActivity:
    phone, portal = row["channel"] == Channel.PHONE, row["channel"] == Channel.PORTAL
    spoken = row["channel"] != Channel.IN_PERSON
    return ChannelActivity(
        channel=row["channel"],
        entries=row["entries"],
        from_us=row["from_us"],
        # A portal message is there once it is posted; nobody reports that a telephone rang.
        arrived=None if phone else row["from_us"] if portal else row["arrived"],
        engaged=row["answered"] if phone else row["engaged"],
        from_them=row["from_them"] if spoken else 0,
    )


def _rows(family: Family, *, since: object) -> QuerySet:
    kept = Interaction.objects.filter(family=family, occurred_at__gte=since).exclude(
        interaction_type=CORRECTION, external_system=STAFF
    )
    recent = Q(attempt__occurred_at__gte=since)
    seen = Q(interaction_type__in=human_types(), is_machine=False)
    said = Q(category__in=("message", "call"), direction=Direction.IN)
    return (
        kept.filter(~Exists(_withdrawals()))
        .order_by()
        .values("channel")
        .annotate(
            entries=Count("pk", filter=STANDING),
            from_us=Count("pk", filter=Q(interaction_type__in=attempt_types())),
            arrived=Count(
                "attempt", distinct=True, filter=recent & Q(interaction_type__in=_types("arrived", "engaged"))
            ),
            engaged=Count("attempt", distinct=True, filter=recent & seen & _in_time()),
            answered=Count("pk", filter=Q(interaction_type="phone_call_made", outcome=PHONE_ANSWERED)),
            from_them=Count("pk", filter=said & Q(interaction_type__in=_spoken())),
            visits=Count("pk", filter=Q(category="visit")),
            attended=Count("metadata__event", distinct=True, filter=Q(interaction_type="event_attended")),
            talks=Count("pk", filter=Q(interaction_type="conversation")),
        )
    )


def _withdrawals() -> QuerySet[Interaction]:
    """Corrections are few and have an index of their own."""
    return Interaction.objects.filter(
        family=OuterRef("family"),
        interaction_type=CORRECTION,
        external_system=STAFF,
        in_reply_to=Cast(OuterRef("pk"), CharField()),
        metadata__withdrawn=True,
    )


def _in_time() -> Q:
    windows: Iterable[Q] = (
        Q(channel=channel, occurred_at__lte=F("attempt__occurred_at") + window) for channel, window in WINDOWS.items()
    )
    return reduce(or_, windows)


def _types(*steps: str) -> list[str]:
    return [name for name, kind in TYPES.items() if kind.step in steps and not kind.attempt]


def _spoken() -> list[str]:
    return [name for name in TYPES if name.endswith(("_replied", "_received"))]
