"""Writes the links between attempts and their events, in two reads and one write a batch."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection
from django.db.models import Q, QuerySet

from crm.linking import Attempt, Happening, resolve_links
from crm.models import Interaction
from crm.vocabulary import TYPES, WINDOW_HOURS, attempt_types, is_event_of_attempt

_LONGEST = timedelta(hours=max(WINDOW_HOURS.values()))
_EVENT_TYPES = sorted(name for name in TYPES if is_event_of_attempt(name))


# Two parameters a row stay far below what any engine takes in one statement.
_WRITTEN_AT_ONCE = 5_000


class _Row(NamedTuple):
    """What linking reads of an interaction; plain tuples, as whole model instances are three times as slow."""

    id: int
    family_id: int
    channel: str
    interaction_type: str
    external_system: str
    external_id: str
    in_reply_to: str
    occurred_at: datetime
    attempt_id: int | None
    message_id: int | None


def _read(rows: QuerySet[Interaction]) -> list[_Row]:
    return [_Row._make(values) for values in rows.order_by().values_list(*_Row._fields)]


def link_batch(ids: Sequence[int]) -> None:
    """Resolve the new rows' attempts, and again the later events of new attempts: order never matters."""
    new = _read(Interaction.objects.filter(pk__in=ids))
    touched = [row for row in new if row.channel and (_is_event(row) or row.interaction_type in attempt_types())]
    if not touched:
        return
    events = {row.id: row for row in touched if _is_event(row)}
    if any(row.interaction_type in attempt_types() for row in touched):
        events |= {row.id: row for row in _later_events(touched)}
    if not events:
        return
    attempts = _attempts_for(list(events.values()))
    changed = resolve_links(
        [_attempt(row) for row in attempts],
        [_happening(row) for row in events.values()],
        {pk: row.attempt_id for pk, row in events.items()},
    )
    _write(changed)


def _write(links: Mapping[int, int | None]) -> None:
    """Set the attempts of these events, in one statement that both engines know."""
    pairs = sorted(links.items())
    with connection.cursor() as cursor:
        for start in range(0, len(pairs), _WRITTEN_AT_ONCE):
            part = pairs[start : start + _WRITTEN_AT_ONCE]
            cursor.execute(
                f"WITH link(event, attempt) AS (VALUES {', '.join(['(%s, %s)'] * len(part))}) "  # noqa: S608 - no data
                "UPDATE crm_interaction SET attempt_id = CAST(link.attempt AS bigint) FROM link "
                "WHERE crm_interaction.id = CAST(link.event AS bigint)",
                [value for pair in part for value in pair],
            )


def _is_event(row: _Row) -> bool:
    return is_event_of_attempt(row.interaction_type)


def _later_events(touched: Sequence[_Row]) -> list[_Row]:
    """Events that a new attempt may claim: of its family, after it and within reach, or naming it."""
    attempts = [row for row in touched if row.interaction_type in attempt_types()]
    first = min(row.occurred_at for row in attempts)
    last = max(row.occurred_at for row in attempts) + _LONGEST
    names = {row.external_id for row in attempts}
    messages = {row.message_id for row in attempts if row.message_id}
    return _read(
        Interaction.objects.filter(
            Q(occurred_at__gte=first, occurred_at__lte=last)
            | Q(in_reply_to__in=names)
            | Q(external_id__in=names)
            | Q(message_id__in=messages),
            family_id__in={row.family_id for row in attempts},
            interaction_type__in=_EVENT_TYPES,
        )
    )


def _attempts_for(events: Sequence[_Row]) -> list[_Row]:
    first = min(row.occurred_at for row in events) - _LONGEST
    last = max(row.occurred_at for row in events)
    names = {row.in_reply_to for row in events if row.in_reply_to} | {row.external_id for row in events}
    messages = {row.message_id for row in events if row.message_id}
    return _read(
        Interaction.objects.filter(
            Q(occurred_at__gte=first, occurred_at__lte=last) | Q(external_id__in=names) | Q(message_id__in=messages),
            family_id__in={row.family_id for row in events},
            interaction_type__in=attempt_types(),
        )
    )


def _attempt(row: _Row) -> Attempt:
    return Attempt(
        row.id, row.family_id, row.channel, row.external_system, row.external_id, row.occurred_at, row.message_id
    )


def _happening(row: _Row) -> Happening:
    return Happening(
        row.id,
        row.family_id,
        row.channel,
        row.external_system,
        row.external_id,
        row.in_reply_to,
        row.occurred_at,
        row.message_id,
    )
