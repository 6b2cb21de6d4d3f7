"""What a families import would change, in words for the preview, on the row that says it."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _

from crm.enums import RowState
from crm.importing.columns import OWN
from crm.importing.planning import FamilyPlan, Wish, is_former
from crm.importing.preferring import Asked
from crm.models import ImportRow
from crm.services.family_rules import FamilyDiff, PointDiff


def tell(plan: FamilyPlan, diff: FamilyDiff, news: Sequence[Wish], stays: Sequence[Wish], asked: Asked) -> None:
    """Set notes and state of a family's rows."""
    for row in plan.rows:
        row.family_id = diff.family.pk if diff.family else None
        row.state = RowState.NEW if diff.is_new else RowState.UNCHANGED
        row.notes = []
        if is_former(row):
            words = _("%(former)s was merged into %(now)s: only people, addresses and tags are read")
            row.notes = [words % {"former": row.cells["family_ref"], "now": row.key}]
    if not diff.is_new:
        _tell_family(plan.rows[0], diff, asked)
        _tell_people(plan, diff, news)
    if asked.is_kept:
        plan.rows[0].notes.append(asked.kept_in_words())
    for wish in stays:
        plan.people[wish.index].notes.append(_("marketing by %s stays withdrawn") % wish.channel)


def _tell_family(row: ImportRow, diff: FamilyDiff, asked: Asked) -> None:
    notes = [_change(name, change) for name, change in diff.fields.items()]
    notes += [_change(f"{OWN}{key}", change) for key, change in diff.attributes.items()]
    notes += [_("new tag: %s") % name for name in diff.tags]
    notes += _tell_points(diff.points)
    if change := asked.change():
        notes.append(_change("preferred_channel", change))
    _say(row, notes)


def _tell_people(plan: FamilyPlan, diff: FamilyDiff, news: Sequence[Wish]) -> None:
    for index, (row, one) in enumerate(zip(plan.people, diff.members, strict=True)):
        notes = [_("new person")] if one.is_new else [_change(name, change) for name, change in one.fields.items()]
        notes += _tell_points(one.points)
        for wish in news:
            if wish.index == index:
                words = _("marketing by %s allowed") if wish.granted else _("marketing by %s withdrawn")
                notes.append(words % wish.channel)
        _say(row, notes)


def _tell_points(points: Iterable[PointDiff]) -> list[str]:
    return [words for words in map(_point, points) if words]


def _point(point: PointDiff) -> str:
    if not point.is_new:
        return _change(f"{point.channel} {point.value}", point.fields["label"]) if "label" in point.fields else ""
    told = _("new %(channel)s: %(value)s") % {"channel": point.channel, "value": point.value}
    return f"{told} ({point.label})" if point.label else told


def _say(row: ImportRow, notes: list[str]) -> None:
    if notes:
        row.notes, row.state = [*row.notes, *notes], RowState.CHANGED


def _change(name: str, change: tuple[Any, Any]) -> str:
    before, after = (_plain(value) for value in change)
    if not before:
        return _("%(field)s: %(after)s") % {"field": name, "after": after}
    return _("%(field)s: %(before)s → %(after)s") % {"field": name, "before": before, "after": after}


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return "" if value is None else value
