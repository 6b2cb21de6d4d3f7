"""Families from what others say of them, one or many at once, in a fixed number of statements a batch."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.enums import ChangeKind, Role
from crm.errors import Invalid
from crm.models import ContactPoint, Family, HouseholdChange, Member, Tag
from crm.models.people import generate_reference
from crm.news import announce
from crm.services.changes import Pairs, note_changes, note_made, note_put_in
from crm.services.family_rules import PLAIN, FamilyDiff, PointDiff, compare_family
from crm.services.people import FamilyDetails, check_family, refresh_family_text

Journal = dict[str, Any]


@transaction.atomic
def upsert_family(*, details: FamilyDetails) -> tuple[Family, bool, bool]:
    """Make or change a family by its reference; answers the family, whether it is new, whether anything changed.

    Members match by reference, else by case-folded name; contact points by channel and normalised value. A former
    reference leads to the family that it was merged into. Raises `Invalid` by field, and writes nothing then.
    """
    check_family(details)
    details = replace(details, external_ref=details.external_ref or generate_reference())
    (diff,) = compare_families(details=[details], lock=True)
    created, changed = diff.is_new, diff.changes
    if created and not details.name:
        raise Invalid({"name": _("A new family needs a name.")})
    if changed:
        write_families(diffs=[diff])
    assert diff.family is not None
    return diff.family, created, changed


def compare_families(*, details: Sequence[FamilyDetails], lock: bool = False) -> list[FamilyDiff]:
    """Differences between what is said and what is known, in six queries; the details must have been checked.

    Every one needs a reference, and no two may be about one family.
    """
    families = families_by_reference([one.external_ref or "" for one in details], lock=lock)
    ids = [family.pk for family in families.values()]
    members, points = defaultdict(list), defaultdict(list)
    for member in Member.objects.filter(family__in=ids).order_by("id"):
        members[member.family_id].append(member)
    for point in ContactPoint.objects.filter(family__in=ids).order_by("id"):
        points[point.family_id].append(point)
    tags: dict[int, set[str]] = defaultdict(set)
    links = Family.tags.through.objects.filter(family__in=ids)
    for family_id, name in links.values_list("family_id", "tag__name"):
        tags[family_id].add(name)
    diffs = []
    for one in details:
        family = families.get(one.external_ref or "")
        pk = family.pk if family else 0
        diffs.append(compare_family(one, family, tags[pk], members[pk], points[pk]))
    return diffs


def families_by_reference(references: Sequence[str], *, lock: bool = False) -> dict[str, Family]:
    """Families by their reference, or by that of a family that was merged into them."""
    former = former_references(references)
    wanted = Family.objects.filter(external_ref__in={*references, *former.values()}).order_by("pk")
    found = {family.external_ref: family for family in (wanted.select_for_update() if lock else wanted)}
    return {one: found[one] if one in found else found[former[one]] for one in references
            if one in found or former.get(one) in found}  # fmt: skip


def former_references(references: Sequence[str]) -> dict[str, str]:
    """Those of these references whose family was merged away, with the reference of the one that stayed."""
    merges = HouseholdChange.objects.filter(kind=ChangeKind.MERGE, gone_ref__in=references, undone_at=None)
    return dict(merges.order_by("pk").values_list("gone_ref", "family__external_ref"))


@transaction.atomic
def write_families(*, diffs: Sequence[FamilyDiff]) -> list[Journal]:
    """Write these differences; answers for each a journal of what was written.

    The journal holds, as far as there are any: `new`; `fields` and `attributes` (before and after); `tags` (ids added);
    `members` (people added, by id: name, role, reference); `member_fields` (by id: before and after); `points`
    (addresses added, by id, as they were written); `point_fields` (by id: before and after).
    """
    journals: list[Journal] = [{"new": diff.is_new} for diff in diffs]
    pairs = list(zip(journals, diffs, strict=True))
    _write_families(pairs)
    _write_tags(pairs)
    _write_members(pairs)
    changed = _write_points(pairs)
    refresh_family_text(family_ids=[diff.family.pk for diff in diffs if diff.family])
    if changed:
        announce("contact_point_changed", ids=changed)
    return [{name: value for name, value in journal.items() if value} for journal in journals]


def _write_families(pairs: Sequence[tuple[Journal, FamilyDiff]]) -> None:
    new, old = [], []
    for journal, diff in pairs:
        own = {key: after for key, (_before, after) in diff.attributes.items()}
        journal["attributes"] = {key: list(change) for key, change in diff.attributes.items()}
        if diff.family is None:
            given = {name: getattr(diff.details, name) for name in PLAIN}
            diff.family = Family(
                external_ref=str(diff.details.external_ref),
                attributes=own,
                **{name: value.strip() for name, value in given.items() if value is not None},
            )
            journal["fields"] = {name: ["", getattr(diff.family, name)] for name in PLAIN}
            new.append(diff.family)
        elif diff.fields or diff.attributes:
            journal["fields"] = {name: list(change) for name, change in diff.fields.items()}
            changes: dict[str, Any] = dict(diff.fields)
            if own:
                before, after = diff.family.attributes, {**diff.family.attributes, **own}
                changes["attributes"] = (before, {key: value for key, value in after.items() if value is not None})
            old.append((diff.family, changes))
    Family.objects.bulk_create(new)
    note_made(new, "name", "external_ref")
    for family, _changes in old:
        family.updated_at = timezone.now()
    _change(Family, old, [*PLAIN, "attributes", "updated_at"])


def _change(model: Any, changed: Sequence[tuple[Any, Pairs]], names: Sequence[str]) -> None:
    """Set the fields of rows to what they are to be, and note who did it."""
    for row, pairs in changed:
        for name, (_before, after) in pairs.items():
            setattr(row, name, after)
    model.objects.bulk_update([row for row, _pairs in changed], names, batch_size=200)
    note_changes(changed=changed)


def _write_tags(pairs: Sequence[tuple[Journal, FamilyDiff]]) -> None:
    names = sorted({name for _journal, diff in pairs for name in diff.tags})
    if not names:
        return
    Tag.objects.bulk_create([Tag(name=name) for name in names], ignore_conflicts=True)
    ids = dict(Tag.objects.filter(name__in=names).values_list("name", "pk"))
    link, links = Family.tags.through, []
    for journal, diff in pairs:
        assert diff.family is not None
        journal["tags"] = [ids[name] for name in diff.tags]
        links += [link(family_id=diff.family.pk, tag_id=tag) for tag in journal["tags"]]
    link.objects.bulk_create(links, ignore_conflicts=True)
    note_put_in((diff.family, "tags", diff.tags) for _journal, diff in pairs if diff.family and diff.tags)


def _write_members(pairs: Sequence[tuple[Journal, FamilyDiff]]) -> None:
    new: list[tuple[Journal, Member]] = []
    old: list[tuple[Member, Pairs]] = []
    for journal, diff in pairs:
        for one in diff.members:
            if one.again is not None:
                one.member = one.again.member
            elif one.member is None:
                details = one.details
                one.member = Member(
                    family=diff.family,
                    name=details.name.strip(),
                    role=details.role or Role.ADULT,
                    external_ref=details.external_ref,
                )
                new.append((journal, one.member))
            elif one.fields:
                told = {name: list(change) for name, change in one.fields.items()}
                journal.setdefault("member_fields", {})[str(one.member.pk)] = told
                old.append((one.member, one.fields))
    Member.objects.bulk_create([member for _journal, member in new])
    note_made([member for _journal, member in new], "name", "role")
    _change(Member, old, ["name", "role", "external_ref"])
    for journal, member in new:
        told_new = [member.name, member.role, member.external_ref]
        journal.setdefault("members", {})[str(member.pk)] = told_new


def _write_points(pairs: Sequence[tuple[Journal, FamilyDiff]]) -> list[int]:
    """Answers the ids of addresses that are new or changed."""
    # Who gives up being primary does so first: there is one a channel at any moment.
    ids = _change_points(pairs, lambda diff: [point for point in _held(diff) if not point.is_primary])
    ids += _change_points(pairs, _held)
    rows: list[tuple[Journal, ContactPoint]] = []
    for journal, diff in pairs:
        for owner, point in diff.all_points():
            if point.is_new:
                point.point = ContactPoint(
                    family=diff.family,
                    member=owner.member if owner else None,
                    channel=point.channel,
                    value=point.value,
                    label=point.label,
                    is_primary=point.is_primary,
                )
                rows.append((journal, point.point))
    ContactPoint.objects.bulk_create([row for _journal, row in rows])
    note_made([row for _journal, row in rows], "channel", "value")
    for journal, row in rows:
        journal.setdefault("points", {})[str(row.pk)] = row.as_told()
    return ids + [row.pk for _journal, row in rows]


def _held(diff: FamilyDiff) -> list[PointDiff]:
    """Addresses that are there already and change."""
    return [*diff.demoted, *(point for _owner, point in diff.all_points())]


def _change_points(
    pairs: Sequence[tuple[Journal, FamilyDiff]], choose: Callable[[FamilyDiff], Sequence[PointDiff]]
) -> list[int]:
    old: list[tuple[ContactPoint, Pairs]] = []
    for journal, diff in pairs:
        for point in choose(diff):
            if point.point is not None and point.fields:
                told = {name: list(change) for name, change in point.fields.items()}
                journal.setdefault("point_fields", {})[str(point.point.pk)] = told
                old.append((point.point, point.fields))
    _change(ContactPoint, old, ["label", "is_primary"])
    return [point.pk for point, _pairs in old]
