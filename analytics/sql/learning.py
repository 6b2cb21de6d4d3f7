"""Statements that fill the learned tables: work out into temporary tables first, store in one transaction after."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from analytics.sql import engine
from analytics.sql.log import VOTE, Parameters, attempts, entries
from analytics.sql.zones import Stretch

TABLES = {
    "learned_tally": """
        family_id bigint NOT NULL, channel varchar(12) NOT NULL, attempts integer NOT NULL, arrived integer NOT NULL,
        engaged integer NOT NULL, responded integer NOT NULL, PRIMARY KEY (family_id, channel)""",
    "learned_life": """
        family_id bigint PRIMARY KEY, logins integer NOT NULL, portal integer NOT NULL,
        morning integer NOT NULL, afternoon integer NOT NULL, evening integer NOT NULL""",
}


def make_tables() -> None:
    """Begin with empty temporary tables; they belong to this connection alone."""
    drop_tables()
    with connection.cursor() as cursor:
        for name, columns in TABLES.items():
            cursor.execute(f"CREATE TEMPORARY TABLE {name} ({columns})")


def drop_tables() -> None:
    """Forget the temporary tables."""
    with connection.cursor() as cursor:
        for name in TABLES:
            cursor.execute(f"DROP TABLE IF EXISTS {name}")


def work_out_tallies(parameters: Parameters) -> None:
    """Count what became of every attempt of the window, by family and channel."""
    sql = f"""
        WITH {attempts(parameters["family"])}
        INSERT INTO learned_tally (family_id, channel, attempts, arrived, engaged, responded)
        SELECT family_id, channel, count(*), sum(arrived), sum(engaged), sum(responded)
        FROM counted GROUP BY family_id, channel"""  # noqa: S608 - only names of our own stand in it
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def work_out_life(parameters: Parameters, clock: Sequence[Stretch]) -> None:
    """Count log-ins to the portal and the parts of the day at which each family dealt with us, in its own zone."""
    hour = engine.local_hour("e.occurred_at", "clock.seconds")
    values, extra = _clock_values(clock)
    sql = f"""
        WITH {entries(parameters["family"], visits=True)},
        clock(zone, starts, ends, seconds) AS (VALUES {values}),
        told AS (
            SELECT e.family_id, e.channel, e.interaction_type, e.is_machine,
                   CASE WHEN {VOTE} THEN {hour} END AS hour
            FROM entry e JOIN crm_family f ON f.id = e.family_id
            LEFT JOIN clock ON clock.zone = f.time_zone AND e.occurred_at >= clock.starts AND e.occurred_at < clock.ends
        )
        INSERT INTO learned_life (family_id, logins, portal, morning, afternoon, evening)
        SELECT family_id,
               sum(CASE WHEN interaction_type = 'portal_login' AND NOT is_machine THEN 1 ELSE 0 END),
               max(CASE WHEN channel = 'portal' THEN 1 ELSE 0 END),
               sum(CASE WHEN hour >= 6 AND hour < 12 THEN 1 ELSE 0 END),
               sum(CASE WHEN hour >= 12 AND hour < 17 THEN 1 ELSE 0 END),
               sum(CASE WHEN hour >= 17 AND hour < 22 THEN 1 ELSE 0 END)
        FROM told GROUP BY family_id"""  # noqa: S608 - only names of our own stand in it
    with connection.cursor() as cursor:
        cursor.execute(sql, {**parameters, **extra})


def _clock_values(clock: Sequence[Stretch]) -> tuple[str, dict[str, Any]]:
    rows: list[str] = []
    extra: dict[str, Any] = {}
    for number, one in enumerate(clock):
        rows.append(f"(%(zone{number})s, %(starts{number})s, %(ends{number})s, {one.seconds})")
        extra |= {
            f"zone{number}": one.zone,
            f"starts{number}": engine.moment(one.starts),
            f"ends{number}": engine.moment(one.ends),
        }
    return ", ".join(rows), extra


def store(as_of: datetime, family_id: int | None) -> tuple[int, int]:
    """Replace yesterday's values by what was worked out; answers the numbers of families and of tallies.

    Rows are written in one order of keys, so that two runs wait for each other instead of locking up.
    """
    parameters = {"as_of": engine.moment(as_of), "family": family_id}
    with connection.cursor() as cursor:
        cursor.execute(_forget_tallies("" if family_id is None else "AND t.family_id = %(family)s"), parameters)
        cursor.execute(STORE_TALLIES, parameters)
        tallies = cursor.rowcount
        cursor.execute(_store_preferences("" if family_id is None else "AND f.id = %(family)s"), parameters)
        return cursor.rowcount, tallies


def _forget_tallies(scope: str) -> str:
    return f"""
        DELETE FROM crm_channeltally AS t WHERE NOT EXISTS (
            SELECT 1 FROM learned_tally l WHERE l.family_id = t.family_id AND l.channel = t.channel
        ) {scope}"""  # noqa: S608 - only names of our own stand in it


# A family that was erased while we counted is left out by the join.
STORE_TALLIES = """
    INSERT INTO crm_channeltally (family_id, channel, attempts, arrived, engaged, responded, last_calculated)
    SELECT l.family_id, l.channel, l.attempts, l.arrived, l.engaged, l.responded, %(as_of)s
    FROM learned_tally l JOIN crm_family f ON f.id = l.family_id WHERE 1 = 1
    ORDER BY l.family_id, l.channel
    ON CONFLICT (family_id, channel) DO UPDATE SET
        attempts = excluded.attempts, arrived = excluded.arrived, engaged = excluded.engaged,
        responded = excluded.responded, last_calculated = excluded.last_calculated"""

# A tie goes to the earlier part of the day.
BEST_TIME = """
    CASE WHEN coalesce(life.morning + life.afternoon + life.evening, 0) = 0 THEN NULL
         WHEN life.morning >= life.afternoon AND life.morning >= life.evening THEN 'morning'
         WHEN life.afternoon >= life.evening THEN 'afternoon' ELSE 'evening' END"""

PORTAL_USAGE = """
    CASE WHEN life.logins >= 20 THEN 'daily' WHEN life.logins >= 8 THEN 'weekly' WHEN life.logins >= 3 THEN 'monthly'
         WHEN life.portal = 1 THEN 'rare'
         WHEN EXISTS (SELECT 1 FROM crm_contactpoint p WHERE p.family_id = f.id AND p.channel = 'portal') THEN 'rare'
         END"""


def _store_preferences(scope: str) -> str:
    """Every family gets a row, so that one whose log has fallen silent becomes unknown again."""
    return f"""
        INSERT INTO crm_channelpreference (
            family_id, email_open_rate, email_response_rate, sms_response_rate, phone_answer_rate,
            portal_usage_frequency, portal_logins, best_time_to_contact, last_calculated)
        SELECT f.id, 100.0 * email.engaged / email.attempts, 100.0 * email.responded / email.attempts,
               100.0 * sms.responded / sms.attempts, 100.0 * phone.engaged / phone.attempts,
               {PORTAL_USAGE}, coalesce(life.logins, 0), {BEST_TIME}, %(as_of)s
        FROM crm_family f
        LEFT JOIN learned_tally email ON email.family_id = f.id AND email.channel = 'email'
        LEFT JOIN learned_tally sms ON sms.family_id = f.id AND sms.channel = 'sms'
        LEFT JOIN learned_tally phone ON phone.family_id = f.id AND phone.channel = 'phone'
        LEFT JOIN learned_life life ON life.family_id = f.id
        WHERE 1 = 1 {scope}
        ORDER BY f.id
        ON CONFLICT (family_id) DO UPDATE SET
            email_open_rate = excluded.email_open_rate, email_response_rate = excluded.email_response_rate,
            sms_response_rate = excluded.sms_response_rate, phone_answer_rate = excluded.phone_answer_rate,
            portal_usage_frequency = excluded.portal_usage_frequency, portal_logins = excluded.portal_logins,
            best_time_to_contact = excluded.best_time_to_contact, last_calculated = excluded.last_calculated"""  # noqa: S608 - only names of our own stand in it
