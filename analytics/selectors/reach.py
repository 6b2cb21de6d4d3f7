"""What we know of how to reach one family."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from analytics.sql import engine
from analytics.sql.log import VOTE, entries, window
from analytics.sql.zones import stretches
from channels.policy import Decision, RankedChannel
from channels.selectors import recommend
from crm.consent import opted_out_channels
from crm.models import ChannelPreference, ChannelTally, Consent, Family, StatedPreference

LEARNING_DAYS = 90
FIRST_HOUR, LAST_HOUR = 8, 20
# So many calls that were picked up say more than everything taken together.
ENOUGH_CALLS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One channel as the decision ranks it (`place` from 1, None where it cannot be used), with its plain count."""

    ranked: RankedChannel
    place: int | None
    attempts: int
    successes: int

    @property
    def rate(self) -> float | None:
        """Per cent, or None where nothing was tried."""
        return 100 * self.successes / self.attempts if self.attempts else None


@dataclass(frozen=True, slots=True)
class Hours:
    """How often this family dealt with us in each hour of its day; `calls` tells that only calls are counted."""

    counts: dict[int, int]
    calls: bool

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def shown(self) -> range:
        """The hours to draw: a working day, and more where something happened."""
        hours = [FIRST_HOUR, LAST_HOUR, *self.counts]
        return range(min(hours) // 2 * 2, max(hours) + 1)


@dataclass(frozen=True, slots=True)
class Reach:
    """Everything that the panel shows."""

    decision: Decision
    rows: list[Row]
    closed: list[Row]
    hours: Hours
    learned: ChannelPreference | None
    stated: StatedPreference | None
    opted_out: list[str]


def reach_of(family: Family, moment: datetime) -> Reach:
    """What is learned and stated of one family and what we would do now, in a fixed number of queries."""
    decision = recommend(family_id=family.pk)
    tallies = {tally.channel: tally for tally in ChannelTally.objects.filter(family=family)}
    rows = [_row(one, place, tallies.get(one.channel)) for one, place in _placed(decision)]
    wide = Consent.objects.filter(family=family, member=None, address="", topic=None)
    return Reach(
        decision=decision,
        rows=[row for row in rows if row.place],
        closed=[row for row in rows if not row.place and _worth_saying(row)],
        hours=hours_of(family, moment),
        learned=ChannelPreference.objects.filter(pk=family.pk).first(),
        stated=StatedPreference.objects.select_related("recorded_by").filter(pk=family.pk).first(),
        opted_out=opted_out_channels(wide),
    )


def _placed(decision: Decision) -> list[tuple[RankedChannel, int | None]]:
    eligible = [one for one in decision.ranking if one.eligible]
    return [(one, eligible.index(one) + 1 if one.eligible else None) for one in decision.ranking]


def _row(ranked: RankedChannel, place: int | None, tally: ChannelTally | None) -> Row:
    if tally is None:
        return Row(ranked, place, 0, 0)
    # A text that was only looked at is not answered yet; every other channel counts a look.
    return Row(ranked, place, tally.attempts, tally.responded if ranked.channel == "sms" else tally.engaged)


def _worth_saying(row: Row) -> bool:
    """A channel that this house does not have is no news of this family."""
    return bool(row.attempts) or not any(reason.code == "no_sender" for reason in row.ranked.reasons)


def hours_of(family: Family, moment: datetime) -> Hours:
    """Hours of the last 90 days in the family's own zone; one query."""
    parameters = window(moment, LEARNING_DAYS, family.pk)
    clock = stretches([family.time_zone], moment - timedelta(days=LEARNING_DAYS), moment)
    hour = "CASE {} END".format(
        " ".join(
            f"WHEN e.occurred_at < %(until{n})s THEN {engine.local_hour('e.occurred_at', str(one.seconds))}"
            for n, one in enumerate(clock)
        )
    )
    until = {f"until{n}": engine.moment(one.ends) for n, one in enumerate(clock)}
    sql = f"""
        WITH {entries(family.pk)}
        SELECT {hour}, count(*), sum(CASE WHEN e.channel = 'phone' THEN 1 ELSE 0 END)
        FROM entry e WHERE {VOTE} GROUP BY 1"""  # noqa: S608 - only names of our own stand in it
    with connection.cursor() as cursor:
        cursor.execute(sql, {**parameters, **until})
        rows = [(int(row[0]), row[1], row[2]) for row in cursor.fetchall()]
    calls = {hour: count for hour, _all, count in rows if count}
    if sum(calls.values()) >= ENOUGH_CALLS:
        return Hours(calls, calls=True)
    return Hours({hour: count for hour, count, _calls in rows}, calls=False)
