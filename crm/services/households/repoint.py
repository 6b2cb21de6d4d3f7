"""Points everything that names one row at another row of the same table, and remembers how to turn it back.

It asks Django which tables name the row, so a table that a floor above adds tomorrow moves along by itself.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.apps import apps
from django.core import serializers
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import SET_NULL, Exists, Model, OuterRef, Q, QuerySet
from django.db.models.constraints import UniqueConstraint
from django.db.models.deletion import Collector, ProtectedError
from django.utils.translation import gettext as _

from crm.audit import tracked_fields
from crm.batches import in_batches
from crm.errors import Invalid
from crm.merging import FREED, LEARNED, RENAMED, UNSET
from crm.services.changes import note_changes

BATCH = 500
Thing = TypeVar("Thing")
Table = Any
"""A model of whichever app, of which only `_meta` is known."""
Steps = list[list[Any]]
"""What was done, as JSON, in order: ["point", model, field, ids, old, new], ["set", model, id, field, old, new],
["away", rows as Django's JSON]. The way back takes them in reverse."""


class Exact(DjangoJSONEncoder):
    """Django's JSON keeps thousandths of a second; what comes back must be the same to the last digit."""

    def default(self, value: Any) -> Any:
        """A time in full."""
        return value.isoformat() if isinstance(value, datetime) else super().default(value)


def batches(things: Sequence[Thing]) -> Iterator[Sequence[Thing]]:
    """A few hundred at a time, as a database takes only so many values in one question."""
    return in_batches(things, BATCH)


def rows_of(model: Table) -> QuerySet[Any]:
    """Every row of a table, whatever its managers leave out."""
    return model._base_manager.all()


def point_all(old: Model, new: Model, steps: Steps) -> None:
    """Point every row that names `old` at `new`; where only one of two may stand, `crm.merging` says what happens."""
    for model, foreign in _naming(type(old)):
        named = rows_of(model).filter(**{foreign.name: old})
        if model._meta.label in LEARNED:
            put_away(named, steps)
            continue
        for names, condition in _unique_sets(model, foreign):
            for row in _clashing(named, foreign, new, names, condition):
                _settle(row, foreign, new, names, condition, steps)
        point_rows(named, foreign.name, new.pk, steps)


def point_rows(rows: QuerySet[Any], name: str, new: Any, steps: Steps) -> list[Any]:
    """Point these rows, which all name the same one, at another; answers their ids."""
    foreign = rows.model._meta.get_field(name)
    found = list(rows.order_by("pk").values_list("pk", foreign.attname))
    ids = [pk for pk, _old in found]
    for some in batches(ids):
        rows_of(rows.model).filter(pk__in=some).update(**{foreign.attname: new})
    if ids:
        steps.append(["point", rows.model._meta.label, name, ids, found[0][1], new])
    return ids


def change_value(row: Model, name: str, value: Any, steps: Steps) -> None:
    """Set one field and remember what it was."""
    before = getattr(row, name)
    steps.append(["set", row._meta.label, row.pk, name, before, value])
    setattr(row, name, value)
    rows_of(type(row)).filter(pk=row.pk).update(**{name: value})
    note_changes(changed=[(row, {name: (before, value)})])


def put_away(rows: QuerySet[Any], steps: Steps) -> None:
    """Delete rows with all that goes with them, keeping each one for the way back; raises `Invalid`."""
    found = list(rows)
    if not found:
        return
    collector = Collector(using=rows.db, origin=rows)
    try:
        collector.collect(found)
    except ProtectedError as error:
        held = ", ".join(sorted({str(one) for one in error.protected_objects})[:3])
        raise Invalid({"": _("Something still holds on to it: %s.") % held}) from None
    for (foreign, _value), groups in collector.field_updates.items():
        for row in (row for group in groups for row in (group if isinstance(group, QuerySet) else [group])):
            steps.append(["set", row._meta.label, row.pk, foreign.attname, getattr(row, foreign.attname), None])
    gone = [row for group in [*collector.data.values(), *collector.fast_deletes] for row in group]
    first = {(type(row), row.pk) for row in found}
    # What names another row can only come back after it.
    gone.sort(key=lambda row: (type(row), row.pk) not in first)
    steps.append(["away", serializers.serialize("json", gone, cls=Exact)])
    rows_of(rows.model).filter(pk__in=[row.pk for row in found]).delete()


def turn_back(steps: Steps) -> None:
    """Take the steps in reverse, each as far as things still are as it left them."""
    for kind, *step in reversed(steps):
        _BACK[kind](*step)


def _point_back(label: str, name: str, ids: list[Any], old: Any, new: Any) -> None:
    model: Table = apps.get_model(label)
    foreign = model._meta.get_field(name)
    if foreign.primary_key:
        ids = [new]
    for some in batches(ids):
        rows_of(model).filter(pk__in=some, **{foreign.attname: new}).update(**{foreign.attname: old})


def _set_back(label: str, pk: Any, name: str, old: Any, new: Any) -> None:
    model: Table = apps.get_model(label)
    same = rows_of(model).filter(pk=pk)
    if same.filter(**{name: new}).update(**{name: old}) and name in tracked_fields(model):
        note_changes(changed=[(same.get(), {name: (new, old)})])


def _bring_back(text: str) -> None:
    for one in serializers.deserialize("json", text):
        if not rows_of(type(one.object)).filter(pk=one.object.pk).exists():
            _check_roots(one.object)
            one.save()


def _check_roots(row: Any) -> None:
    """What a row belongs to must be there; what it would lose without harm is left empty."""
    for foreign in row._meta.concrete_fields:
        value = getattr(row, foreign.attname)
        if not foreign.is_relation or value is None or rows_of(foreign.related_model).filter(pk=value).exists():
            continue
        if foreign.remote_field.on_delete is not SET_NULL:
            raise Invalid({"": _("What %s belonged to is not there any more.") % row})
        setattr(row, foreign.attname, None)


_BACK: dict[str, Callable[..., None]] = {"point": _point_back, "set": _set_back, "away": _bring_back}


def _naming(target: type[Model]) -> Iterator[tuple[Table, Table]]:
    """Tables and their fields that name rows of `target`, those behind many-to-many fields too."""
    for relation in target._meta.get_fields(include_hidden=True):
        if relation.auto_created and not relation.concrete and (relation.one_to_many or relation.one_to_one):
            yield relation.related_model, relation.field  # type: ignore[union-attr]


def _unique_sets(model: Table, foreign: Table) -> Iterator[tuple[list[str], Q]]:
    """For each rule by which something stands once a target: the rule's other fields, and where it holds."""
    if foreign.unique:
        yield [], Q()
    for group in model._meta.unique_together:
        if foreign.name in group:
            yield [name for name in group if name != foreign.name], Q()
    for rule in model._meta.constraints:
        if isinstance(rule, UniqueConstraint) and foreign.name in rule.fields:
            yield [name for name in rule.fields if name != foreign.name], rule.condition or Q()


def _clashing(rows: QuerySet[Any], foreign: Table, new: Model, names: list[str], condition: Q) -> list[Any]:
    twins = rows_of(rows.model).filter(condition, **{foreign.name: new}, **{name: OuterRef(name) for name in names})
    return list(rows.filter(condition, Exists(twins)).order_by("pk"))


def _settle(row: Any, foreign: Table, new: Model, names: list[str], condition: Q, steps: Steps) -> None:
    label = row._meta.label
    flag, freed, renamed = UNSET.get(label), FREED.get(label), RENAMED.get(label)
    if flag and any(isinstance(child, tuple) and child[0] == flag for child in condition.children):
        change_value(row, flag, False, steps)
    elif freed in names:
        change_value(row, str(freed), None, steps)
    elif renamed in names:
        change_value(row, str(renamed), _ended(row, str(renamed)), steps)
    else:
        same = {name: getattr(row, name) for name in names}
        point_all(row, rows_of(type(row)).get(condition, **{foreign.name: new}, **same), steps)
        put_away(rows_of(type(row)).filter(pk=row.pk), steps)


def _ended(row: Any, name: str) -> str:
    """The key with the row's own number at its end: still readable, and nobody else's."""
    ending = f"~{row.pk}"
    return f"{str(getattr(row, name))[: row._meta.get_field(name).max_length - len(ending)]}{ending}"
