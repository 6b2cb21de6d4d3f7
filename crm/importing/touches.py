"""Finds what was touched since a families import, on any floor, without knowing the floors above."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from django.db import models
from django.db.models import ForeignObjectRel
from django.utils.translation import gettext as _

from crm.importing.journals import Touch, Written
from crm.models import (
    ChannelPreference,
    ChannelTally,
    Consent,
    ContactPoint,
    Family,
    FamilyText,
    ImportRow,
    LastContact,
    Member,
    StatedPreference,
)

# What is computed from the rest, and our own notes, is no reason to keep a family.
_DERIVED: frozenset[type[models.Model]] = frozenset(
    {FamilyText, LastContact, ChannelPreference, ChannelTally, ImportRow, Family.tags.through}
)


def touches_of_families(rows: Sequence[ImportRow]) -> list[Touch]:
    """Everything that something else has touched since these rows were written."""
    written = Written(rows)
    found = [Touch(row, _("the family is no longer there")) for row in written.rows if not row.family_id]
    found += _edited_families(written)
    found += _edited_people(written)
    found += _edited_points(written)
    found += _other_wishes(written)
    found += _other_consents(written)
    new = {pk: written.row_of_family[pk] for pk in written.new_families}
    ours = {Member: set(written.members), ContactPoint: set(written.points), Consent: set(written.consents)}
    ours[StatedPreference] = {pk for pk in new if "preference" in new[pk].written}
    found += _newcomers(Family, new, ours, "")
    found += _newcomers(Member, written.members, ours, "members")
    found += _newcomers(ContactPoint, written.points, ours, "points")
    return found


def _edited_families(written: Written) -> Iterable[Touch]:
    families = Family.objects.in_bulk(list(written.row_of_family))
    tags: dict[int, set[int]] = defaultdict(set)
    for family_id, tag_id in Family.tags.through.objects.filter(family__in=families).values_list("family_id", "tag_id"):
        tags[family_id].add(tag_id)
    for pk, row in written.row_of_family.items():
        family, journal = families.get(pk), row.written
        if family is None:
            yield Touch(row, _("the family is no longer there"))
            continue
        words = _("the family was edited: %s")
        for name, (_before, after) in journal.get("fields", {}).items():
            if getattr(family, name) != after:
                yield Touch(row, words % name, ("fields", name))
        own = journal.get("attributes", {})
        for key, (_before, after) in own.items():
            if family.attributes.get(key) != after:
                yield Touch(row, words % f"attributes.{key}", ("attributes", key))
        if journal.get("new") and set(family.attributes) - set(own):
            yield Touch(row, words % _("attributes"))
        added = set(journal.get("tags", []))
        if added - tags[pk] or (journal.get("new") and tags[pk] - added):
            yield Touch(row, _("the family’s tags were edited"), ("other", None))


def _edited_people(written: Written) -> Iterable[Touch]:
    made, changed = written.told("members"), written.told("member_fields")
    rows = {int(pk): row for row in written.rows for pk in row.written.get("member_fields", {})} | written.members
    people = Member.objects.in_bulk([*made, *changed])
    words = _("a person was edited: %s")
    for pk, told in made.items():
        member = people.get(pk)
        if member is None or [member.name, member.role, member.external_ref] != told:
            yield Touch(rows[pk], words % told[0], ("members", pk))
    for pk, fields in changed.items():
        member = people.get(pk)
        for name, (_before, after) in fields.items():
            if member is None or getattr(member, name) != after:
                yield Touch(rows[pk], words % (member or ""), ("member_fields", (pk, name)))


def _edited_points(written: Written) -> Iterable[Touch]:
    made, changed = written.told("points"), written.told("point_fields")
    rows = {int(pk): row for row in written.rows for pk in row.written.get("point_fields", {})} | written.points
    points = ContactPoint.objects.in_bulk([*made, *changed])
    for pk, told in made.items():
        point = points.get(pk)
        if point is None:
            yield Touch(rows[pk], _("an address was taken away: %s") % told["value"], ("points", pk))
        elif point.value != told["value"]:
            words = _("an address was changed: %(before)s → %(after)s")
            yield Touch(rows[pk], words % {"before": told["value"], "after": point.value}, ("points", pk))
        elif point.as_told() != told or not point.is_valid or point.last_ok_at:
            yield Touch(rows[pk], _("an address was used or edited: %s") % point.value, ("points", pk))
    for pk, fields in changed.items():
        point = points.get(pk)
        for name, (_before, after) in fields.items():
            if point is None or getattr(point, name) != after:
                words = _("an address was used or edited: %s")
                yield Touch(rows[pk], words % (point or ""), ("point_fields", (pk, name)))


def _other_wishes(written: Written) -> Iterable[Touch]:
    asked = written.of("preference")
    stated = StatedPreference.objects.in_bulk(list(asked))
    for pk, told in asked.items():
        one = stated.get(pk)
        if one is None or (one.preferred_channel, one.from_file) != (told["after"], True):
            row = written.row_of_family[pk]
            yield Touch(row, _("the family has asked for another channel since"), ("preference", None))


def _other_consents(written: Written) -> Iterable[Touch]:
    """Records made since; one of the same scope leaves what the import recorded as it is."""
    families = written.kept("consents")
    first = {pk: min(ids) for pk, ids in families.items()}
    names = ("pk", "family_id", "member_id", "channel", "topic_id")
    found = list(Consent.objects.filter(family__in=first).order_by("pk").values_list(*names))
    ours = {(family, *scope): pk for pk, family, *scope in found if pk in written.consents}
    for pk, family, *scope in found:
        if pk > first[family] and pk not in written.consents:
            same = ours.get((family, *scope))
            item = ("consents", same) if same else ("other", None)
            yield Touch(written.row_of_family[family], _("consent was recorded since"), item)


def _newcomers(
    model: type[models.Model],
    rows: Mapping[int, ImportRow],
    ours: Mapping[type[models.Model], set[int]],
    part: str,
) -> Iterable[Touch]:
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
                yield Touch(rows[target], words, (part, target) if part else None)
