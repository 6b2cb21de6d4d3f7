"""Takes a families import back, and finds what was touched since, on any floor, without knowing the floors above."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import models
from django.db.models import ForeignObjectRel
from django.utils.translation import gettext as _

from crm.importing.wishes import take_back_grants
from crm.models import (
    ChannelPreference,
    ChannelTally,
    Consent,
    ContactPoint,
    Family,
    FamilyText,
    Import,
    ImportRow,
    LastContact,
    Member,
    StatedPreference,
)
from crm.services.people import refresh_family_text

# What is computed from the rest, and our own notes, is no reason to keep a family.
_DERIVED: frozenset[type[models.Model]] = frozenset(
    {FamilyText, LastContact, ChannelPreference, ChannelTally, ImportRow, Family.tags.through}
)


class _Written:
    """All that the journals of some rows tell, by what it is."""

    def __init__(self, rows: Sequence[ImportRow]) -> None:
        self.rows = [row for row in rows if row.journal]
        self.row_of_family = {row.family_id: row for row in self.rows if row.family_id}
        self.new_families = [row.family_id for row in self.rows if row.written.get("new") and row.family_id]
        self.members = self._ids("members")
        self.points = self._ids("points")
        self.consents = self._ids("consents")

    def _ids(self, name: str) -> dict[int, ImportRow]:
        return {int(pk): row for row in self.rows for pk in row.written.get(name, [])}

    def of(self, name: str) -> dict[int, Any]:
        """One part of the journals by family."""
        return {family_id: row.written[name] for family_id, row in self.row_of_family.items() if name in row.written}

    def kept(self, name: str) -> dict[int, Any]:
        """The same without new families, which go as a whole."""
        new = set(self.new_families)
        return {family_id: part for family_id, part in self.of(name).items() if family_id not in new}


def touched_families(rows: Sequence[ImportRow]) -> dict[int, str]:
    """Rows, by key, that something else has touched since they were written, with the reason."""
    written = _Written(rows)
    found: dict[int, str] = {}
    for row in written.rows:
        if not row.family_id:
            found[row.pk] = _("the family is no longer there")
    for row, reason in _all_touches(written):
        found.setdefault(row.pk, reason)
    return found


def _all_touches(written: _Written) -> Iterable[tuple[ImportRow, str]]:
    yield from _edited_families(written)
    yield from _edited_people(written)
    yield from _edited_points(written)
    yield from _other_wishes(written)
    new = {pk: written.row_of_family[pk] for pk in written.new_families}
    ours = {Member: set(written.members), ContactPoint: set(written.points), Consent: set(written.consents)}
    ours[StatedPreference] = {pk for pk in new if "preference" in new[pk].written}
    yield from _newcomers(Family, new, ours)
    yield from _newcomers(Member, written.members, ours)
    yield from _newcomers(ContactPoint, written.points, ours)


def _edited_families(written: _Written) -> Iterable[tuple[ImportRow, str]]:
    families = Family.objects.in_bulk(list(written.row_of_family))
    tags: dict[int, set[int]] = defaultdict(set)
    for family_id, tag_id in Family.tags.through.objects.filter(family__in=families).values_list("family_id", "tag_id"):
        tags[family_id].add(tag_id)
    for pk, row in written.row_of_family.items():
        family, journal = families.get(pk), row.written
        if family is None:
            yield row, _("the family is no longer there")
            continue
        edited = [
            name for name, (_before, after) in journal.get("fields", {}).items() if getattr(family, name) != after
        ]
        if edited or (journal.get("new") and family.attributes):
            yield row, _("the family was edited: %s") % (", ".join(edited) or _("attributes"))
        added = set(journal.get("tags", []))
        if added - tags[pk] or (journal.get("new") and tags[pk] - added):
            yield row, _("the family's tags were edited")


def _edited_people(written: _Written) -> Iterable[tuple[ImportRow, str]]:
    expected = {int(pk): tuple(told) for part in written.of("members").values() for pk, told in part.items()}
    changed = {
        int(pk): (told, row) for row in written.rows for pk, told in row.written.get("member_fields", {}).items()
    }
    people = Member.objects.in_bulk([*expected, *changed])
    for pk, told in expected.items():
        member = people.get(pk)
        if member is None or (member.name, member.role, member.external_ref) != told:
            yield written.members[pk], _("a person was edited: %s") % told[0]
    for pk, (fields, row) in changed.items():
        member = people.get(pk)
        if member is None or any(getattr(member, name) != after for name, (_before, after) in fields.items()):
            yield row, _("a person was edited: %s") % (member.name if member else "")


def _edited_points(written: _Written) -> Iterable[tuple[ImportRow, str]]:
    points = ContactPoint.objects.in_bulk(list(written.points))
    for pk, row in written.points.items():
        point = points.get(pk)
        if point is None or not point.is_valid or point.label or point.last_ok_at:
            yield row, _("an address was used or edited: %s") % (point.value if point else "")


def _other_wishes(written: _Written) -> Iterable[tuple[ImportRow, str]]:
    asked = written.of("preference")
    stated = dict(StatedPreference.objects.filter(family__in=asked).values_list("family_id", "preferred_channel"))
    for pk, (_before, after) in asked.items():
        if stated.get(pk, "") != after:
            yield written.row_of_family[pk], _("the family has asked for another channel since")
    first = {pk: min(ids) for pk, ids in written.kept("consents").items()}
    for pk, family_id in Consent.objects.filter(family__in=first).values_list("pk", "family_id"):
        if pk > first[family_id] and pk not in written.consents:
            yield written.row_of_family[family_id], _("consent was recorded since")


def _newcomers(
    model: type[models.Model], rows: Mapping[int, ImportRow], ours: Mapping[type[models.Model], set[int]]
) -> Iterable[tuple[ImportRow, str]]:
    """Whatever points at something that we made and was not made by us: one query for each table that can."""
    for relation in model._meta.get_fields(include_hidden=True):
        other = relation.related_model
        if not rows or not isinstance(relation, ForeignObjectRel) or other is None or isinstance(other, str):
            continue
        if other in _DERIVED:
            continue
        name = relation.field.name
        theirs = other._base_manager.filter(**{f"{name}__in": list(rows)}).exclude(pk__in=ours.get(other, set()))
        words = _("something was added since: %s") % other._meta.verbose_name
        for target in theirs.order_by().values_list(name, flat=True).distinct():
            if target in rows:
                yield rows[target], words


def undo_families(run: Import, rows: Sequence[ImportRow]) -> None:
    """Take back what these journals tell; new families go with all that is theirs."""
    written = _Written(rows)
    ImportRow.objects.filter(family__in=written.new_families).update(family=None)
    Family.objects.filter(pk__in=written.new_families).delete()
    ContactPoint.objects.filter(pk__in=written.points).delete()
    Member.objects.filter(pk__in=written.members).delete()
    _restore(Family, written.kept("fields"))
    _restore(
        Member, {int(pk): told for row in written.rows for pk, told in row.written.get("member_fields", {}).items()}
    )
    for family_id, tags in written.kept("tags").items():
        Family.tags.through.objects.filter(family=family_id, tag__in=tags).delete()
    _restore_preferences(written.kept("preference"))
    take_back_grants(run, [pk for ids in written.kept("consents").values() for pk in ids])
    refresh_family_text(family_ids=[pk for pk in written.row_of_family if pk not in set(written.new_families)])


def _restore(model: type[models.Model], changes: Mapping[int, Mapping[str, Sequence[Any]]]) -> None:
    rows = model._base_manager.in_bulk(list(changes))
    names: set[str] = set()
    for pk, row in rows.items():
        for name, (before, _after) in changes[pk].items():
            setattr(row, name, before)
            names.add(name)
    if names:
        model._base_manager.bulk_update(list(rows.values()), sorted(names), batch_size=200)


def _restore_preferences(changes: Mapping[int, Sequence[str]]) -> None:
    for before in {before for before, _after in changes.values()}:
        families = [pk for pk, (old, _after) in changes.items() if old == before]
        stated = StatedPreference.objects.filter(family__in=families)
        if before:
            stated.update(preferred_channel=before)
        else:
            stated.delete()
