"""The log as it counts: corrected, within a window of time, with what became of every attempt (docs/definitions.md)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from analytics.sql import engine
from crm.services.interactions import STAFF
from crm.vocabulary import (
    PHONE_ANSWERED,
    PHONE_NOT_REACHABLE,
    TYPES,
    WINDOW_HOURS,
    attempt_types,
    human_types,
    response_types,
)

Parameters = dict[str, Any]


def literals(names: Iterable[str]) -> str:
    """Names of our own vocabulary as a list for IN."""
    return ", ".join(f"'{name}'" for name in sorted(names))


ARRIVAL = frozenset(name for name, kind in TYPES.items() if kind.step == "arrived" and not kind.attempt)
ARRIVES_AT_ONCE = frozenset(name for name, kind in TYPES.items() if kind.step == "arrived" and kind.attempt)
# A bounce may follow a delivery and takes it back; an open or answer outranks both.
BOUNCE = frozenset({"email_bounced"})
CALLS = frozenset({"phone_call_made", "phone_call_received"})
COUNTED = attempt_types() | human_types() | ARRIVAL | BOUNCE | CALLS
VOICEMAIL = "voicemail"

SPAN = "span(channel, hours) AS (VALUES {})".format(
    ", ".join(f"('{name}', {hours})" for name, hours in WINDOW_HOURS.items())
)


def window(as_of: datetime, days: int, family_id: int | None = None) -> Parameters:
    """Parameters of a window that ends at `as_of` (included) and begins `days` before (not included)."""
    since = as_of - timedelta(days=days)
    return {"since": engine.moment(since), "as_of": engine.moment(as_of), "family": family_id}


def entries(family_id: int | None = None, *, visits: bool = False) -> str:
    """CTEs `fix` and `entry`: the counted log of the window, without withdrawn rows, as last corrected.

    `visits` adds all that happened on the portal. A correction counts whenever it was made: what never happened
    did not happen on that day either.
    """
    scope = "" if family_id is None else "AND family_id = %(family)s"
    return f"""
said AS (
    SELECT id, family_id, in_reply_to, {engine.json_is_true("metadata", "withdrawn")} AS withdrawn,
           {engine.json_text("metadata", "changes", "outcome")} AS outcome
    FROM crm_interaction
    WHERE interaction_type = 'correction' AND external_system = '{STAFF}' AND occurred_at > %(since)s {scope}
),
fix AS {engine.kept()} (
    SELECT family_id, in_reply_to, withdrawn, outcome
    FROM (SELECT said.*, row_number() OVER (PARTITION BY in_reply_to ORDER BY withdrawn DESC, id DESC) AS place
          FROM said) ranked
    WHERE place = 1
),
happened AS (
    SELECT id, family_id, channel, interaction_type, direction, is_machine, attempt_id, occurred_at, outcome
    FROM crm_interaction
    WHERE occurred_at > %(since)s AND occurred_at <= %(as_of)s {scope}
      AND (interaction_type IN ({literals(COUNTED)}) {"OR channel = 'portal'" if visits else ""})
),
entry AS {engine.kept()} (
    SELECT h.id, h.family_id, h.channel, h.interaction_type, h.direction, h.is_machine, h.attempt_id, h.occurred_at,
           coalesce(fix.outcome, h.outcome) AS outcome
    FROM happened h LEFT JOIN fix ON fix.in_reply_to = CAST(h.id AS text) AND fix.family_id = h.family_id
    WHERE coalesce(fix.withdrawn, 0) = 0
)"""  # noqa: S608 - only names of our own stand in it


def attempts(family_id: int | None = None) -> str:
    """CTEs up to `counted`: one row an attempt with 0 or 1 for arrived, engaged, responded; `answered_at` or NULL.

    Attempts meet their events in one outer join over one column, so that no engine can take the result for tiny.
    """
    fits = "e.channel = a.channel"
    human = f"{fits} AND e.interaction_type IN ({literals(human_types())})"
    in_time = f"e.occurred_at >= a.occurred_at AND e.occurred_at <= {engine.plus_hours('a.occurred_at', 'a.hours')}"
    answer = f"{fits} AND e.interaction_type IN ({literals(response_types())}) AND NOT e.is_machine AND {in_time}"
    picked_up = f"CASE WHEN t.outcome = '{PHONE_ANSWERED}' THEN 1 ELSE 0 END"
    return f"""
{SPAN},
{entries(family_id)},
attempt AS {engine.kept()} (
    SELECT e.id, e.family_id, e.channel, e.interaction_type, e.occurred_at, e.outcome, span.hours
    FROM entry e JOIN span ON span.channel = e.channel
    WHERE e.interaction_type IN ({literals(attempt_types())}) AND e.direction = 'out'
      AND NOT (e.channel = 'phone' AND e.outcome = '{PHONE_NOT_REACHABLE}')
),
told AS (
    SELECT min(a.family_id) AS family_id, min(a.channel) AS channel, min(a.interaction_type) AS interaction_type,
           min(a.outcome) AS outcome, min(a.occurred_at) AS occurred_at,
           max(CASE WHEN {human} AND NOT e.is_machine AND {in_time} THEN 1 ELSE 0 END) AS engaged,
           max(CASE WHEN {answer} THEN 1 ELSE 0 END) AS responded,
           min(CASE WHEN {answer} THEN e.occurred_at END) AS answered_at,
           max(CASE WHEN {human} THEN 1 ELSE 0 END) AS looked,
           max(CASE WHEN {fits} AND e.interaction_type IN ({literals(ARRIVAL)}) THEN 1 ELSE 0 END) AS delivered,
           max(CASE WHEN {fits} AND e.interaction_type IN ({literals(BOUNCE)}) THEN 1 ELSE 0 END) AS bounced
    FROM attempt a LEFT JOIN entry e ON e.attempt_id = a.id
    GROUP BY a.id
),
counted AS (
    SELECT t.family_id, t.channel, t.occurred_at, t.answered_at,
           CASE WHEN t.channel = 'phone'
                THEN CASE WHEN t.outcome IN ('{PHONE_ANSWERED}', '{VOICEMAIL}') THEN 1 ELSE 0 END
                WHEN t.interaction_type IN ({literals(ARRIVES_AT_ONCE)}) OR t.looked = 1 THEN 1
                WHEN t.delivered = 1 AND t.bounced = 0 THEN 1 ELSE 0 END AS arrived,
           CASE WHEN t.channel = 'phone' THEN {picked_up} ELSE t.engaged END AS engaged,
           CASE WHEN t.channel = 'phone' THEN {picked_up} ELSE t.responded END AS responded
    FROM told t
)"""  # noqa: S608 - only names of our own stand in it


VOTE = f"""(
    (e.interaction_type IN ({literals(human_types())}) AND NOT e.is_machine)
    OR (e.interaction_type = 'phone_call_made' AND e.direction = 'out' AND e.outcome = '{PHONE_ANSWERED}')
    OR e.interaction_type = 'phone_call_received'
)"""
"""An entry of the log that shows at which hour this family deals with us."""
