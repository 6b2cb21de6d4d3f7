"""The one way into the log."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.batches import in_batches
from crm.details import Details, wrong_details
from crm.enums import Channel, Direction
from crm.errors import Invalid
from crm.folding import written_in
from crm.linking import Attempt, Happening
from crm.models import Interaction, Member
from crm.news import announce
from crm.services.engine import each, given, rows_as_table
from crm.services.holding import hold_families
from crm.services.linking import find_attempts, link_again, wait_for_others
from crm.sizes import fits
from crm.vocabulary import TYPES, InteractionType, attempt_types, is_event_of_attempt

EARSHOT = "earshot"
STAFF = "earshot-staff"
BATCH = 1_000
FUTURE_ALLOWED = timedelta(minutes=5)
EARLIEST_YEAR = 1990
_KEY_TYPES = ("bigint", "text", "text", "text")
_CHANNELS, _DIRECTIONS = frozenset(Channel.values), frozenset(Direction.values)


class NewInteraction(msgspec.Struct, gc=False):
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
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    created_by_id: int | None = None
    attempt_id: int | None = None
    """Which attempt an event belongs to; found when it is recorded."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of one row."""

    status: Literal["created", "duplicate", "corrected"]
    id: int


def record_interactions(rows: Iterable[NewInteraction], *, live: bool = True, checked: bool = False) -> list[Recorded]:
    """Write what happened, once: a row that is there already answers as a duplicate.

    All rows or none: raises `Invalid` (fields of the first bad row) before anything is written.
    `live=False` (import, demo data) informs timeline and learning and starts nothing; so does what happened
    longer ago than settings allow, which receivers judge by `occurred_at`.
    `checked=True` says that every row came out of `check_interaction`.
    """
    good = list(rows) if checked else [check_interaction(row) for row in rows]
    with transaction.atomic():
        return _record_all(good, live=live)


def record_interaction(row: NewInteraction, *, live: bool = True) -> Recorded:
    """Write one thing that happened; see `record_interactions`."""
    return record_interactions([row], live=live)[0]


def check_interaction(row: NewInteraction, now: datetime | None = None) -> NewInteraction:
    """Fill what the type implies and refuse what cannot be: raises `Invalid` by field."""
    kind = TYPES.get(row.interaction_type)
    if kind is not None:
        row.channel = row.channel or kind.channel
        row.direction = row.direction or kind.direction
    if not row.external_id:
        row.external_id = uuid.uuid4().hex
    errors = {} if kind is not None and _is_as(kind, row) else _check_kind(row, kind)
    for name, value, limit in (
        ("external_id", row.external_id, 200),
        ("external_system", row.external_system, 40),
        ("in_reply_to", row.in_reply_to, 200),
        ("outcome", row.outcome, 60),
    ):
        if value and (len(value) > limit or "\x00" in value):
            errors[name] = _("At most %d characters, please.") % limit
    errors |= _check_time(row.occurred_at, now or timezone.now())
    if row.metadata != {}:
        errors |= _check_metadata(row.metadata) or wrong_details(row.metadata, kind.details if kind else Details)
    if errors:
        raise Invalid(errors)
    return row


def _is_as(kind: InteractionType, row: NewInteraction) -> bool:
    return row.channel == kind.channel and row.direction == kind.direction


def _check_kind(row: NewInteraction, kind: InteractionType | None) -> dict[str, str]:
    errors: dict[str, str] = {}
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
    return errors


def _check_time(occurred_at: datetime, now: datetime) -> dict[str, str]:
    if timezone.is_naive(occurred_at):
        return {"occurred_at": _("Say the time zone, as in 2026-11-12T17:24:00+00:00.")}
    if occurred_at > now + FUTURE_ALLOWED:
        return {"occurred_at": _("This lies in the future; the log only keeps what happened.")}
    if occurred_at.year < EARLIEST_YEAR:
        return {"occurred_at": _("This lies before %d; please check the date.") % EARLIEST_YEAR}
    return {}


def _check_metadata(metadata: object) -> dict[str, str]:
    if not isinstance(metadata, dict):
        return {"metadata": _("This must be an object.")}
    try:
        good = fits(metadata)
    except (ValueError, TypeError, RecursionError):
        return {"metadata": _("This cannot be kept as JSON.")}
    return {} if good else {"metadata": _("At most 128 KB without null characters, please.")}


_FIELDS = (
    "family_id", "member_id", "attempt_id",
    "channel", "interaction_type", "category", "direction", "outcome", "occurred_at",
    "recorded_at", "external_system", "external_id", "in_reply_to", "message_id", "is_machine", "metadata",
    "created_by_id", "folded",
)  # fmt: skip


Key = tuple[int, str, str, str]


def _record_all(rows: Sequence[NewInteraction], *, live: bool) -> list[Recorded]:
    """Attempts first, then the events that may belong to them, so that an event is written with its link."""
    _follow_merges(rows)
    # A fixed order of keys lets two batches with the same rows wait for each other instead of locking up.
    ordered = sorted(rows, key=_key)
    events = [row for row in ordered if row.channel and is_event_of_attempt(row.interaction_type)]
    now = timezone.now()
    created = _insert([row for row in ordered if not (row.channel and is_event_of_attempt(row.interaction_type))], now)
    attempts = _attempts(ordered, created)
    wait_for_others({row.family_id for row in attempts} | {row.family_id for row in events})
    link_again(attempts)
    _link(events, attempts)
    created |= _insert(events, now)
    new = list(created.values())
    for some in in_batches(new, BATCH):
        announce("interactions_recorded", ids=some, live=live)
    return _told(rows, created)


def _follow_merges(rows: Sequence[NewInteraction]) -> None:
    """What is told of a family that was merged away a moment ago is of the one that stayed; raises `Invalid`."""
    standing = hold_families(row.family_id for row in rows)
    moved = [row for row in rows if standing.get(row.family_id) != row.family_id]
    if not moved:
        return
    for row in moved:
        if row.family_id not in standing:
            raise Invalid({"family": _("This family is not there any more.")})
        row.family_id = standing[row.family_id]
    people = {row.member_id for row in moved if row.member_id is not None}
    there = set(Member.objects.filter(pk__in=people).values_list("pk", flat=True))
    for row in moved:
        # Who became one with a namesake in the merge is left out, as where a person is taken out of the house.
        row.member_id = row.member_id if row.member_id in there else None


def _attempts(rows: Sequence[NewInteraction], created: dict[Key, int]) -> list[Attempt]:
    """The new attempts among the rows."""
    first = {_key(row): row for row in reversed(rows) if row.channel and row.interaction_type in attempt_types()}
    return [
        Attempt(
            created[key], row.family_id, row.channel, row.external_system, row.external_id, row.occurred_at,
            row.message_id,
        )
        for key, row in first.items()
        if key in created
    ]  # fmt: skip


def _link(events: Sequence[NewInteraction], attempts: Sequence[Attempt]) -> None:
    """Note on each event which attempt it belongs to; events have no id yet, so their place stands for it."""
    happenings = [
        Happening(
            place, row.family_id, row.channel, row.external_system, row.external_id, row.in_reply_to,
            row.occurred_at, row.message_id,
        )
        for place, row in enumerate(events)
    ]  # fmt: skip
    for place, attempt_id in find_attempts(happenings, attempts).items():
        events[place].attempt_id = attempt_id


def _told(rows: Sequence[NewInteraction], created: dict[Key, int]) -> list[Recorded]:
    keys = [_key(row) for row in rows]
    existing = _find([key for key in keys if key not in created])
    results, told = [], set()
    for key in keys:
        if key in created and key not in told:
            told.add(key)
            results.append(Recorded("created", created[key]))
        else:
            results.append(Recorded("duplicate", created.get(key) or existing[key]))
    return results


def _key(row: NewInteraction) -> Key:
    return (row.family_id, row.external_system, row.external_id, row.interaction_type)


def _values(row: NewInteraction, now: datetime) -> tuple[Any, ...]:
    """The row in the order of `_FIELDS`; written out, as asking each model field is ten times as slow."""
    kind = TYPES.get(row.interaction_type)
    return (
        row.family_id,
        row.member_id,
        row.attempt_id,
        str(row.channel),
        str(row.interaction_type),
        kind.category if kind else "",
        str(row.direction),
        str(row.outcome),
        row.occurred_at,
        now,
        str(row.external_system),
        str(row.external_id),
        str(row.in_reply_to),
        row.message_id,
        row.is_machine,
        row.metadata,
        row.created_by_id,
        written_in(row.metadata),
    )


def insert_sql(rows: Sequence[NewInteraction], now: datetime) -> tuple[str, list[Any]]:
    """The INSERT of these rows and its parameters; it answers id and key of what is new."""
    key = "family_id, external_system, external_id, interaction_type"
    after = f"ON CONFLICT ({key}) DO NOTHING RETURNING id, {key}"
    source, parameters = rows_as_table(Interaction, _FIELDS, [_values(row, now) for row in rows])
    return f"INSERT INTO {Interaction._meta.db_table} ({', '.join(_FIELDS)}) {source} {after}", parameters


def _insert(rows: Sequence[NewInteraction], now: datetime) -> dict[Key, int]:
    """Insert what is new and answer its ids; the constraint decides, so two at once cannot both win."""
    created: dict[Key, int] = {}
    for some in in_batches(rows, BATCH):
        with connection.cursor() as cursor:
            cursor.execute(*insert_sql(some, now))
            created |= {(row[1], row[2], row[3], row[4]): row[0] for row in cursor.fetchall()}
    return created


_SAME_KEY = (
    "i.family_id = named.family_id AND i.external_system = named.system "
    "AND i.external_id = named.name AND i.interaction_type = named.kind"
)


def _find(keys: Sequence[Key]) -> dict[Key, int]:
    """Ids of rows that stand there already, by the very index that found them to be duplicates."""
    if not keys:
        return {}
    found: dict[Key, int] = {}
    wanted = sorted(set(keys))
    for some in in_batches(wanted, BATCH):
        columns = list(zip(*some, strict=True))
        names, parameters = given(
            "named",
            dict(zip(("family_id", "system", "name", "kind"), zip(_KEY_TYPES, columns, strict=True), strict=True)),
        )
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH {names} SELECT i.id, i.family_id, i.external_system, i.external_id, i.interaction_type "  # noqa: S608 - names of our own
                f"FROM {each('named', Interaction._meta.db_table, 'i', _SAME_KEY)}",
                parameters,
            )
            found |= {(row[1], row[2], row[3], row[4]): row[0] for row in cursor.fetchall()}
    return found


def correct_interaction(*, interaction: Interaction, reason: str, by_id: int | None) -> Recorded:
    """Write the entry that takes another back, once; `change_interaction` corrects what it says.

    The original is never touched; readers fold the correction over it.
    """
    return record_interaction(correction_of(interaction, reason=reason, by_id=by_id))


def correction_of(interaction: Interaction, *, reason: str, by_id: int | None) -> NewInteraction:
    """The entry that takes another back, for those who write many at once."""
    return NewInteraction(
        family_id=interaction.family_id,
        member_id=interaction.member_id,
        interaction_type="correction",
        channel=interaction.channel,
        occurred_at=timezone.now(),
        external_id=f"correction-{interaction.pk}",
        in_reply_to=str(interaction.pk),
        metadata={"corrects": interaction.pk, "reason": reason, "withdrawn": True},
        created_by_id=by_id,
    )


def starts_something(occurred_at: datetime, recorded_at: datetime) -> bool:
    """Whether news is fresh enough to start anything (setting `FRESH_HOURS`, 48 by default)."""
    return recorded_at - occurred_at <= timedelta(hours=getattr(settings, "FRESH_HOURS", 48))
