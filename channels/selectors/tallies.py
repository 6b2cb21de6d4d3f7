"""How much waits and why things failed: counts that stop at a thousand, so that a million rows cost no more."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.utils import timezone

from channels.enums import DeliveryState, MessageStatus
from channels.models import Delivery, Message, Sender
from channels.pacing import FAILURES_TO_PAUSE

MOST = 1_000
"""Where counting stops; a page then says “1,000+”."""
MOST_REASONS = 40
COUNTED = ("queued", "held", "sending", "unknown", "failed", "blocked")


@dataclass(frozen=True, slots=True)
class Tally:
    """How many; `is_more` where it was not counted to the end."""

    number: int

    @property
    def is_more(self) -> bool:
        return self.number > MOST

    @property
    def words(self) -> str:
        """The number as it is shown."""
        return f"{MOST:,}+" if self.is_more else f"{self.number:,}"


def count_states() -> dict[str, Tally]:
    """How many messages are in each state that somebody may have to look at. One query."""
    table = Message._meta.db_table
    one = f"SELECT %s, count(*) FROM (SELECT 1 FROM {table} WHERE status = %s LIMIT {MOST + 1}) AS counted{{}}"  # noqa: S608 - names of our own
    sql = " UNION ALL ".join(one.format(number) for number, _state in enumerate(COUNTED))
    with connection.cursor() as cursor:
        cursor.execute(sql, [value for state in COUNTED for value in (state, state)])
        return {name: Tally(number) for name, number in cursor.fetchall()}


def count_reasons(statuses: tuple[str, ...] = (MessageStatus.FAILED, MessageStatus.BLOCKED)) -> dict[str, Tally]:
    """Why messages did not go, most frequent first. One query that jumps from reason to reason along the index."""
    table = Message._meta.db_table
    among = ", ".join(["%s"] * len(statuses))
    sql = f"""
        WITH RECURSIVE reasons(reason) AS (
            SELECT min(reason) FROM {table} WHERE reason > ''
            UNION ALL
            SELECT (SELECT min(one.reason) FROM {table} one WHERE one.reason > reasons.reason AND one.reason > '')
            FROM reasons WHERE reasons.reason IS NOT NULL
        )
        SELECT reason, (SELECT count(*) FROM (
            SELECT 1 FROM {table} one
            WHERE one.reason = reasons.reason AND one.reason > '' AND one.status IN ({among}) LIMIT {MOST + 1}
        ) AS counted) FROM reasons WHERE reason IS NOT NULL LIMIT {MOST_REASONS}
    """  # noqa: S608 - names of our own
    with connection.cursor() as cursor:
        cursor.execute(sql, list(statuses))
        rows = [(reason, Tally(number)) for reason, number in cursor.fetchall() if number]
    return dict(sorted(rows, key=lambda row: -row[1].number))


@dataclass(frozen=True, slots=True)
class Pause:
    """A sender that is left alone; `until` None: its pause is over, and one message shows whether it works again."""

    sender: Sender
    since: datetime | None
    until: datetime | None
    waiting: Tally


def paused_senders() -> list[Pause]:
    """Senders that are left alone now, or are on trial, with how much waits for each. One query, and one each."""
    now = timezone.now()
    away = Sender.objects.select_related("topic").filter(
        failures__gte=FAILURES_TO_PAUSE
    ) | Sender.objects.select_related("topic").filter(paused_until__gt=now)
    return [
        Pause(
            sender=one,
            since=one.last_failed_at,
            until=one.paused_until if one.is_paused else None,
            waiting=Tally(_waiting(one)),
        )
        for one in away
    ]


def _waiting(sender: Sender) -> int:
    queued = Delivery.objects.filter(state=DeliveryState.QUEUED, sender=sender).order_by()
    return queued.values_list("pk", flat=True)[: MOST + 1].count()
