"""How much was said each day, from both sides."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from analytics.selectors.attention import WRITTEN
from analytics.selectors.corrected import standing
from analytics.sql import engine
from analytics.sql.log import literals
from crm.enums import Direction
from crm.models import Interaction
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
    parameters = {"as_of": engine.moment(moment), "since": engine.moment(bounds[0])}
    parameters |= {f"end{number}": engine.moment(end) for number, end in enumerate(bounds[1:])}
    with connection.cursor() as cursor:
        cursor.execute(_sql(count), parameters)
        counted = {row[0]: row[1:] for row in cursor.fetchall()}
    return [Day(day, *counted.get(number, (0, 0))) for number, day in enumerate(wanted)]


SIDES = ("us", "them")


def said(side: str, moment: datetime, count: int) -> QuerySet[Interaction]:
    """The entries that `days` counts for one side, the newest first."""
    since = _midnight(timezone.localtime(moment).date() - timedelta(days=count - 1))
    entries = Interaction.objects.filter(occurred_at__gte=since, occurred_at__lte=moment)
    if side == "us":
        entries = entries.filter(interaction_type__in=sorted(attempt_types()), direction=Direction.OUT)
    else:
        entries = entries.filter(interaction_type__in=sorted(FROM_THEM), is_machine=False)
    return standing(entries).select_related("family").order_by("-occurred_at", "-id")


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _sql(count: int) -> str:
    """Reads the stretch of the log once; days are told apart by their ends."""
    us, them = literals(attempt_types()), literals(FROM_THEM)
    day = " ".join(f"WHEN e.occurred_at < %(end{number})s THEN {number}" for number in range(count))
    return f"""
        WITH entry AS MATERIALIZED (
            SELECT id, family_id, interaction_type, direction, is_machine, occurred_at, external_system, external_id,
                   CASE WHEN interaction_type = 'correction'
                        THEN {engine.json_is_true("metadata", "withdrawn")} ELSE 0 END AS withdraws
            FROM crm_interaction
            WHERE occurred_at >= %(since)s AND interaction_type IN ({us}, {them}, 'correction')
        ),
        gone AS MATERIALIZED (
            SELECT family_id, external_id FROM entry WHERE withdraws = 1 AND external_system = '{STAFF}'
        )
        SELECT CASE {day} END,
               sum(CASE WHEN e.interaction_type IN ({us}) AND e.direction = 'out' THEN 1 ELSE 0 END),
               sum(CASE WHEN e.interaction_type IN ({them}) AND NOT e.is_machine THEN 1 ELSE 0 END)
        FROM entry e LEFT JOIN gone ON gone.external_id = 'correction-' || e.id AND gone.family_id = e.family_id
        WHERE e.occurred_at <= %(as_of)s AND gone.family_id IS NULL AND e.interaction_type <> 'correction'
        GROUP BY 1"""  # noqa: S608 - only names of our own stand in it
