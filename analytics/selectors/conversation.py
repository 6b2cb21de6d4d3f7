"""How much was said each day, from both sides."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from django.db import connection
from django.utils import timezone

from analytics.selectors.attention import WRITTEN
from analytics.sql import engine
from analytics.sql.log import literals
from crm.services.interactions import STAFF
from crm.vocabulary import attempt_types

# What they say to us; looking at something is not saying anything.
FROM_THEM = WRITTEN | {"phone_call_received", "conversation"}


@dataclass(frozen=True, slots=True)
class Day:
    """One day in the organisation's zone: entries from us and from them."""

    day: date
    from_us: int
    from_them: int


def days(moment: datetime, count: int) -> list[Day]:
    """The last `count` days up to today, oldest first, the quiet ones too; one query over the index by time."""
    today = timezone.localtime(moment).date()
    wanted = [today - timedelta(days=back) for back in range(count - 1, -1, -1)]
    bounds = [_midnight(day) for day in [*wanted, today + timedelta(days=1)]]
    values, parameters = [], {"as_of": engine.moment(moment)}
    for number, (starts, ends) in enumerate(pairwise(bounds)):
        values.append(f"({number}, %(starts{number})s, %(ends{number})s)")
        parameters |= {f"starts{number}": engine.moment(starts), f"ends{number}": engine.moment(ends)}
    with connection.cursor() as cursor:
        cursor.execute(_sql(", ".join(values)), parameters)
        counted = {row[0]: row[1:] for row in cursor.fetchall()}
    return [Day(day, *counted.get(number, (0, 0))) for number, day in enumerate(wanted)]


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _sql(values: str) -> str:
    us, them = literals(attempt_types()), literals(FROM_THEM)
    return f"""
        WITH day(number, starts, ends) AS (VALUES {values}),
        gone AS MATERIALIZED (
            SELECT family_id, external_id FROM crm_interaction
            WHERE interaction_type = 'correction' AND external_system = '{STAFF}' AND occurred_at > %(starts0)s
              AND {engine.json_is_true("metadata", "withdrawn")} = 1
        )
        SELECT day.number,
               sum(CASE WHEN i.interaction_type IN ({us}) AND i.direction = 'out' THEN 1 ELSE 0 END),
               sum(CASE WHEN i.interaction_type IN ({them}) AND NOT i.is_machine THEN 1 ELSE 0 END)
        FROM day JOIN crm_interaction i ON i.occurred_at >= day.starts AND i.occurred_at < day.ends
        LEFT JOIN gone ON gone.family_id = i.family_id AND gone.external_id = 'correction-' || i.id
        WHERE i.occurred_at <= %(as_of)s AND i.interaction_type IN ({us}, {them}) AND gone.family_id IS NULL
        GROUP BY day.number"""  # noqa: S608 - only names of our own stand in it
