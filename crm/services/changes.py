"""Writing down what people and API keys change by one statement for many rows, which no signal tells."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from auditlog.registry import auditlog
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from crm.audit import tracked_fields, who_acts
from crm.models import Change
from crm.models.audit import about

BATCH = 500
Pairs = Mapping[str, tuple[Any, Any]]


def note_changes(*, changed: Iterable[tuple[Model, Pairs]], action: int = Change.Action.UPDATE) -> int:
    """Write one entry a row with its fields' old and new values; answers how many, none where nobody acts.

    Fields that are secret or not tracked are left out, as are those that stayed as they were.
    """
    if who_acts() is None:
        return 0
    return _write(_entry(instance, pairs, action, tracked_fields(type(instance))) for instance, pairs in changed)


def note_work(*, changed: Iterable[tuple[Model, Pairs]]) -> int:
    """The same for work in hand, such as calls, which is written down only where many are changed at once."""
    if who_acts() is None:
        return 0
    return _write(_entry(instance, pairs, Change.Action.UPDATE, pairs) for instance, pairs in changed)


def _write(entries: Iterable[Change | None]) -> int:
    rows = [entry for entry in entries if entry is not None]
    Change.objects.bulk_create(rows, batch_size=BATCH)
    return len(rows)


def note_made(rows: Iterable[Model], *fields: str) -> int:
    """The same for rows that one statement made: what these fields began with."""
    begun = [(row, {name: (None, getattr(row, name)) for name in fields}) for row in rows]
    return note_changes(changed=begun, action=Change.Action.CREATE)


def note_put_in(put: Iterable[tuple[Model, str, Sequence[str]]]) -> int:
    """Write what one statement put into the lists of some rows: the row, the list's name, and what came in words."""
    if who_acts() is None:
        return 0
    return _write(
        Change(**_about(row), action=Change.Action.UPDATE, changes={name: _come(words)})
        for row, name, words in put
        if auditlog.contains(type(row))
    )


def note_elsewhere(row: Model, *, family_id: int, words: str, field: str, value: Any) -> None:
    """Tell of one row on the page of a second family too, in words of its own; nothing where nobody acts."""
    if who_acts() is not None:
        about_it = _about(row) | {"family_id": family_id, "object_repr": words}
        Change.objects.create(**about_it, action=Change.Action.UPDATE, changes={field: [None, _plain(value)]})


def note_deed(row: Model, deed: str, value: str) -> None:
    """Tell of something that was done with a row and changed none of its fields; nothing where nobody acts."""
    if who_acts() is not None:
        Change.objects.create(**_about(row), action=Change.Action.UPDATE, changes={deed: [None, value]})


def recent_deeds(row: Model, deed: str, *, since: datetime) -> int:
    """How often that was done with this row lately, by whomever."""
    kind = ContentType.objects.get_for_model(type(row))
    done = Change.objects.filter(content_type=kind, object_id=row.pk, timestamp__gte=since)
    return sum(deed in (changes or {}) for changes in done.values_list("changes", flat=True))


def _come(words: Sequence[str]) -> dict[str, Any]:
    return {"type": "m2m", "operation": "add", "objects": list(words)}


def _entry(instance: Model, pairs: Pairs, action: int, known: Collection[str]) -> Change | None:
    changes = {name: [_plain(old), _plain(new)] for name, (old, new) in pairs.items() if name in known and old != new}
    if not changes:
        return None
    return Change(**_about(instance), action=action, changes=changes)


def _about(instance: Model) -> dict[str, Any]:
    return {
        "content_type": ContentType.objects.get_for_model(instance),
        "object_pk": str(instance.pk),
        "object_id": instance.pk,
        "object_repr": str(instance),
        **about(instance),
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | list | dict | None) else str(value)
