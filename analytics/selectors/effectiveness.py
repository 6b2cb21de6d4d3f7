"""What became of what we said, by channel."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Max, Sum

from analytics.sql import engine
from analytics.sql.log import attempts, window
from channels.policy.types import CHANNEL_ORDER
from crm.models import ChannelTally

PERIODS = (30, 90, 365)


@dataclass(frozen=True, slots=True)
class ChannelFigures:
    """Counts of one channel over a period; `answer_seconds` is the median time to a click or reply, None where none."""

    channel: str
    attempts: int = 0
    arrived: int = 0
    engaged: int = 0
    responded: int = 0
    answer_seconds: float | None = None

    @property
    def arrived_rate(self) -> float | None:
        """Per cent, or None where nothing was sent."""
        return self._share(self.arrived)

    @property
    def engaged_rate(self) -> float | None:
        """Per cent, or None where nothing was sent."""
        return self._share(self.engaged)

    @property
    def responded_rate(self) -> float | None:
        """Per cent, or None where nothing was sent."""
        return self._share(self.responded)

    def _share(self, part: int) -> float | None:
        return 100 * part / self.attempts if self.attempts else None


@dataclass(frozen=True, slots=True)
class Learned:
    """Sums over all families of the last night's tallies, and when they were worked out (None: never)."""

    channels: list[ChannelFigures]
    calculated_at: datetime | None


def effectiveness(moment: datetime, days: int) -> list[ChannelFigures]:
    """Every channel's figures over the last `days`, read from the log in one query, in the fixed order."""
    delay = engine.seconds_between("occurred_at", "answered_at")
    sql = f"""
        WITH {attempts()},
        answer AS (
            SELECT channel, {delay} AS seconds,
                   row_number() OVER (PARTITION BY channel ORDER BY {delay}) AS place,
                   count(*) OVER (PARTITION BY channel) AS total
            FROM counted WHERE answered_at IS NOT NULL
        ),
        median AS (
            SELECT channel, avg(seconds) AS seconds FROM answer
            WHERE place IN ((total + 1) / 2, (total + 2) / 2) GROUP BY channel
        )
        SELECT c.channel, count(*), sum(c.arrived), sum(c.engaged), sum(c.responded), max(m.seconds)
        FROM counted c LEFT JOIN median m ON m.channel = c.channel GROUP BY c.channel"""  # noqa: S608 - only names of our own stand in it
    with connection.cursor() as cursor:
        cursor.execute(sql, window(moment, days))
        return _in_order(ChannelFigures(*row) for row in cursor.fetchall())


def learned_totals() -> Learned:
    """The same counts over 90 days as the last night left them, in one query."""
    rows = ChannelTally.objects.values("channel").annotate(
        sent=Sum("attempts"),
        came=Sum("arrived"),
        looked=Sum("engaged"),
        said=Sum("responded"),
        at=Max("last_calculated"),
    )
    found = list(rows.order_by("channel"))
    figures = (ChannelFigures(row["channel"], row["sent"], row["came"], row["looked"], row["said"]) for row in found)
    return Learned(_in_order(figures), max((row["at"] for row in found), default=None))


def _in_order(found: Iterable[ChannelFigures]) -> list[ChannelFigures]:
    """All channels that can carry a message; one that carried none is there with noughts."""
    known = {one.channel: one for one in found}
    return [known.get(channel, ChannelFigures(channel)) for channel in CHANNEL_ORDER]
