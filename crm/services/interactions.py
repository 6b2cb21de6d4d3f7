"""The one way into the log."""

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.enums import Channel, Direction
from crm.errors import Invalid
from crm.models import Interaction
from crm.news import announce
from crm.services.linking import link_batch
from crm.vocabulary import TYPES, attempt_types, is_event_of_attempt

EARSHOT = "earshot"
STAFF = "earshot-staff"
BATCH = 500
FUTURE_ALLOWED = timedelta(minutes=5)
EARLIEST_YEAR = 1990
METADATA_LIMIT = 64 * 1024
_CHANNELS, _DIRECTIONS = frozenset(Channel.values), frozenset(Direction.values)


@dataclass(slots=True)
class NewInteraction:
    """One thing that happened, as its reporter tells it; channel and direction follow from a known type."""

    family_id: int
    interaction_type: str
    occurred_at: datetime
    external_system: str = STAFF
    external_id: str = ""
    member_id: int | None = None
    channel: str = ""
    direction: str = ""
    outcome: str = ""
    in_reply_to: str = ""
    message_id: int | None = None
    is_machine: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)
    created_by_id: int | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of one row."""

    status: Literal["created", "duplicate"]
    id: int


def record_interactions(rows: Iterable[NewInteraction], *, live: bool = True) -> list[Recorded]:
    """Write what happened, once: a row that is there already answers as a duplicate.

    All rows or none: raises `Invalid` (fields of the first bad row) before anything is written.
    `live=False` (import, demo data) informs timeline and learning and starts nothing; so does what happened
    longer ago than settings allow, which receivers judge by `occurred_at`.
    """
    checked = [check_interaction(row) for row in rows]
    recorded: list[Recorded] = []
    with transaction.atomic():
        _take_turns(checked)
        for start in range(0, len(checked), BATCH):
            recorded += _record_batch(checked[start : start + BATCH], live=live)
    return recorded


def _take_turns(rows: Iterable[NewInteraction]) -> None:
    """Let writers of one family follow each other, so that an attempt and its open told at once find each other.

    SQLite has one writer at a time anyway.
    """
    linked = {
        row.family_id
        for row in rows
        if row.interaction_type in attempt_types() or is_event_of_attempt(row.interaction_type)
    }
    if linked and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id FROM crm_family WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [sorted(linked)]
            )


def record_interaction(row: NewInteraction, *, live: bool = True) -> Recorded:
    """Write one thing that happened; see `record_interactions`."""
    return record_interactions([row], live=live)[0]


def check_interaction(row: NewInteraction) -> NewInteraction:
    """Fill what the type implies and refuse what cannot be: raises `Invalid` by field."""
    errors: dict[str, str] = {}
    kind = TYPES.get(row.interaction_type)
    if kind is not None:
        row.channel = row.channel or kind.channel
        row.direction = row.direction or kind.direction
    if not row.interaction_type or len(row.interaction_type) > 60:
        errors["interaction_type"] = _("A type of 1 to 60 characters is needed.")
    if row.channel and row.channel not in _CHANNELS:
        errors["channel"] = _("“%s” is not a channel.") % row.channel
    elif kind is not None and kind.channel and row.channel != kind.channel:
        errors["channel"] = _("This type always has the channel “%s”.") % kind.channel
    if row.direction and row.direction not in _DIRECTIONS:
        errors["direction"] = _("The direction is “in” or “out”.")
    elif kind is not None and kind.direction and row.direction != kind.direction:
        errors["direction"] = _("This type always has the direction “%s”.") % kind.direction
    if not row.external_id:
        row.external_id = uuid.uuid4().hex
    for name, limit in (("external_id", 200), ("external_system", 40), ("in_reply_to", 200), ("outcome", 60)):
        if len(getattr(row, name)) > limit or "\x00" in getattr(row, name):
            errors[name] = _("At most %d characters, please.") % limit
    errors |= _check_time(row.occurred_at)
    errors |= _check_metadata(row.metadata)
    if errors:
        raise Invalid(errors)
    return row


def _check_time(occurred_at: datetime) -> dict[str, str]:
    if timezone.is_naive(occurred_at):
        return {"occurred_at": _("Say the time zone, as in 2026-11-12T17:24:00+00:00.")}
    if occurred_at > timezone.now() + FUTURE_ALLOWED:
        return {"occurred_at": _("This lies in the future; the log only keeps what happened.")}
    if occurred_at.year < EARLIEST_YEAR:
        return {"occurred_at": _("This lies before %d; please check the date.") % EARLIEST_YEAR}
    return {}


def _check_metadata(metadata: object) -> dict[str, str]:
    if not isinstance(metadata, dict):
        return {"metadata": _("This must be an object.")}
    try:
        text = json.dumps(metadata, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        return {"metadata": _("This cannot be kept as JSON.")}
    if len(text) > METADATA_LIMIT or "\\u0000" in text:
        return {"metadata": _("At most 64 KB without null characters, please.")}
    return {}


_FIELDS = (
    "family_id", "member_id", "channel", "interaction_type", "category", "direction", "outcome", "occurred_at",
    "recorded_at", "external_system", "external_id", "in_reply_to", "message_id", "is_machine", "metadata",
    "created_by_id",
)  # fmt: skip


def _record_batch(rows: Sequence[NewInteraction], *, live: bool) -> list[Recorded]:
    created = _insert(rows)
    if created:
        link_batch(list(created.values()))
        announce("interactions_recorded", ids=list(created.values()), live=live)
    existing = _find([key for key in map(_key, rows) if key not in created])
    results, told = [], set()
    for row in rows:
        key = _key(row)
        if key in created and key not in told:
            told.add(key)
            results.append(Recorded("created", created[key]))
        else:
            results.append(Recorded("duplicate", created.get(key) or existing[key]))
    return results


Key = tuple[int, str, str, str]


def _key(row: NewInteraction) -> Key:
    return (row.family_id, row.external_system, row.external_id, row.interaction_type)


def _values(row: NewInteraction, now: datetime) -> tuple[Any, ...]:
    """The row as parameters in the order of `_FIELDS`; written out, as asking each model field is ten times as slow."""
    kind, adapt = TYPES.get(row.interaction_type), connection.ops
    return (
        row.family_id,
        row.member_id,
        str(row.channel),
        str(row.interaction_type),
        kind.category if kind else "",
        str(row.direction),
        str(row.outcome),
        adapt.adapt_datetimefield_value(row.occurred_at),
        adapt.adapt_datetimefield_value(now),
        str(row.external_system),
        str(row.external_id),
        str(row.in_reply_to),
        row.message_id,
        row.is_machine,
        adapt.adapt_json_value(row.metadata, None),
        row.created_by_id,
    )


def _insert(rows: Sequence[NewInteraction]) -> dict[Key, int]:
    """Insert what is new and answer its ids; the constraint decides, so two at once cannot both win."""
    now = timezone.now()
    one = "(" + ", ".join(["%s"] * len(_FIELDS)) + ")"
    sql = (
        f"INSERT INTO {Interaction._meta.db_table} ({', '.join(_FIELDS)}) "  # noqa: S608 - names of our own
        f"VALUES {', '.join([one] * len(rows))} ON CONFLICT DO NOTHING "
        "RETURNING id, family_id, external_system, external_id, interaction_type"
    )
    # A fixed order of keys lets two batches with the same rows wait for each other instead of locking up.
    ordered = sorted(rows, key=_key)
    with connection.cursor() as cursor:
        cursor.execute(sql, [value for row in ordered for value in _values(row, now)])
        return {(row[1], row[2], row[3], row[4]): row[0] for row in cursor.fetchall()}


def _find(keys: Sequence[Key]) -> dict[Key, int]:
    if not keys:
        return {}
    found = Interaction.objects.filter(
        family_id__in={key[0] for key in keys}, external_id__in={key[2] for key in keys}
    ).values_list("family_id", "external_system", "external_id", "interaction_type", "id")
    return {(row[0], row[1], row[2], row[3]): row[4] for row in found}


def correct_interaction(
    *, interaction: Interaction, reason: str, by_id: int | None, changes: dict[str, Any] | None = None
) -> Recorded:
    """Write the entry that corrects another; without changes it withdraws it. The first correction stands.

    The original is never touched; readers fold the correction over it.
    """
    return record_interaction(correction_of(interaction, reason=reason, by_id=by_id, changes=changes))


def correction_of(
    interaction: Interaction, *, reason: str, by_id: int | None, changes: dict[str, Any] | None = None
) -> NewInteraction:
    """The entry that corrects another, for those who write many at once."""
    return NewInteraction(
        family_id=interaction.family_id,
        member_id=interaction.member_id,
        interaction_type="correction",
        channel=interaction.channel,
        occurred_at=timezone.now(),
        external_id=f"correction-{interaction.pk}",
        in_reply_to=str(interaction.pk),
        metadata={
            "corrects": interaction.pk,
            "reason": reason,
            "withdrawn": not changes,
            **({"changes": changes} if changes else {}),
        },
        created_by_id=by_id,
    )


def starts_something(occurred_at: datetime, recorded_at: datetime) -> bool:
    """Whether news is fresh enough to start anything (setting `FRESH_HOURS`, 48 by default)."""
    return recorded_at - occurred_at <= timedelta(hours=getattr(settings, "FRESH_HOURS", 48))
