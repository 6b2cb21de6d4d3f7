"""Writes the links between attempts and their events, in two reads and one write a batch."""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Q

from crm.linking import Attempt, Happening, resolve_links
from crm.models import Interaction
from crm.vocabulary import TYPES, WINDOW_HOURS, attempt_types, is_event_of_attempt

_LONGEST = timedelta(hours=max(WINDOW_HOURS.values()))
_EVENT_TYPES = sorted(name for name in TYPES if is_event_of_attempt(name))


def link_batch(ids: Sequence[int]) -> None:
    """Resolve the new rows' attempts, and again the later events of new attempts: order never matters."""
    new = list(Interaction.objects.filter(pk__in=ids).only(*_COLUMNS))
    touched = [row for row in new if row.channel and (_is_event(row) or row.interaction_type in attempt_types())]
    if not touched:
        return
    events = {row.pk: row for row in touched if _is_event(row)}
    if any(row.interaction_type in attempt_types() for row in touched):
        events |= {row.pk: row for row in _later_events(touched)}
    if not events:
        return
    attempts = _attempts_for(list(events.values()))
    changed = resolve_links(
        [_attempt(row) for row in attempts],
        [_happening(row) for row in events.values()],
        {pk: row.attempt_id for pk, row in events.items()},
    )
    rows = [events[pk] for pk in changed]
    for row in rows:
        row.attempt_id = changed[row.pk]
    Interaction.objects.bulk_update(rows, ["attempt"], batch_size=200)


_COLUMNS = (
    "id", "family_id", "channel", "interaction_type", "external_system", "external_id", "in_reply_to",
    "occurred_at", "attempt_id", "message_id",
)  # fmt: skip


def _is_event(row: Interaction) -> bool:
    return is_event_of_attempt(row.interaction_type)


def _later_events(touched: Sequence[Interaction]) -> list[Interaction]:
    """Events that a new attempt may claim: of its family, after it and within reach, or naming it."""
    attempts = [row for row in touched if row.interaction_type in attempt_types()]
    first = min(row.occurred_at for row in attempts)
    last = max(row.occurred_at for row in attempts) + _LONGEST
    names = {row.external_id for row in attempts}
    messages = {row.message_id for row in attempts if row.message_id}
    return list(
        Interaction.objects.filter(
            Q(occurred_at__gte=first, occurred_at__lte=last)
            | Q(in_reply_to__in=names)
            | Q(external_id__in=names)
            | Q(message_id__in=messages),
            family_id__in={row.family_id for row in attempts},
            interaction_type__in=_EVENT_TYPES,
        ).only(*_COLUMNS)
    )


def _attempts_for(events: Sequence[Interaction]) -> list[Interaction]:
    first = min(row.occurred_at for row in events) - _LONGEST
    last = max(row.occurred_at for row in events)
    names = {row.in_reply_to for row in events if row.in_reply_to} | {row.external_id for row in events}
    messages = {row.message_id for row in events if row.message_id}
    return list(
        Interaction.objects.filter(
            Q(occurred_at__gte=first, occurred_at__lte=last) | Q(external_id__in=names) | Q(message_id__in=messages),
            family_id__in={row.family_id for row in events},
            interaction_type__in=attempt_types(),
        ).only(*_COLUMNS)
    )


def _attempt(row: Interaction) -> Attempt:
    return Attempt(
        row.pk, row.family_id, row.channel, row.external_system, row.external_id, row.occurred_at, row.message_id
    )


def _happening(row: Interaction) -> Happening:
    return Happening(
        row.pk,
        row.family_id,
        row.channel,
        row.external_system,
        row.external_id,
        row.in_reply_to,
        row.occurred_at,
        row.message_id,
    )
