"""Many families at once: what would change, and the change, in a fixed number of statements a batch.

`upsert_family` is for one; the rules are the same: what is named is set, what is None stays, nothing is removed.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.db import transaction
from django.utils import timezone

from crm.enums import Role
from crm.folding import fold
from crm.models import ContactPoint, Family, Member, Tag
from crm.models.people import generate_reference
from crm.news import announce
from crm.services.changes import Pairs, note_changes, note_made
from crm.services.people import ContactDetails, FamilyDetails, MemberDetails, refresh_family_text

_folded = lru_cache(maxsize=4096)(fold)
Change = tuple[Any, Any]


@dataclass(slots=True)
class MemberDiff:
    """What is to be done about one person; `member` is None for somebody new until it is written."""

    details: MemberDetails
    member: Member | None
    fields: dict[str, Change] = field(default_factory=dict)
    points: list[ContactDetails] = field(default_factory=list)

    @property
    def is_new(self) -> bool:
        return self.member is None

    @property
    def changes(self) -> bool:
        """Whether anything of this person would be different afterwards."""
        return self.is_new or bool(self.fields or self.points)


@dataclass(slots=True)
class FamilyDiff:
    """What is to be done about one family."""

    details: FamilyDetails
    family: Family | None
    fields: dict[str, Change] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    points: list[ContactDetails] = field(default_factory=list)
    members: list[MemberDiff] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    """Channels on which the family has a primary address."""

    @property
    def is_new(self) -> bool:
        return self.family is None

    @property
    def changes_itself(self) -> bool:
        """Whether the family, apart from its people, would be different afterwards."""
        return self.is_new or bool(self.fields or self.tags or self.points)

    @property
    def changes(self) -> bool:
        return self.changes_itself or any(member.changes for member in self.members)


def compare_families(*, details: Sequence[FamilyDetails], lock: bool = False) -> list[FamilyDiff]:
    """Differences between what is said and what is known, in five queries; the details must have been checked.

    Every one needs a reference. Addresses are only ever added here: label and primary stay as they are.
    """
    families = Family.objects.filter(external_ref__in=[one.external_ref for one in details]).order_by("pk")
    known = {family.external_ref: family for family in (families.select_for_update() if lock else families)}
    ids = [family.pk for family in known.values()]
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
        family = known.get(one.external_ref or "")
        pk = family.pk if family else 0
        diffs.append(_compare(one, family, tags[pk], members[pk], points[pk]))
    return diffs


def _compare(
    details: FamilyDetails, family: Family | None, tags: set[str], members: list[Member], points: list[ContactPoint]
) -> FamilyDiff:
    diff = FamilyDiff(details, family, taken={point.channel for point in points if point.is_primary})
    given = {name: getattr(details, name) for name in ("name", "time_zone", "language", "stage")}
    wanted = {name: value.strip() for name, value in given.items() if value is not None}
    if family is not None:
        diff.fields = _differences(family, wanted)
    named = dict.fromkeys(tag.strip() for tag in details.tags or [])
    diff.tags = [name for name in named if name not in tags]
    held: dict[int | None, set[tuple[str, str]]] = defaultdict(set)
    for point in points:
        held[point.member_id].add((point.channel, point.value))
    diff.points = _missing(details.contact_points, held[None])
    for one, member in zip(details.members, _match(members, details.members), strict=True):
        diff.members.append(_compare_member(one, member, held[member.pk] if member else set()))
    return diff


def _compare_member(details: MemberDetails, member: Member | None, held: set[tuple[str, str]]) -> MemberDiff:
    wanted = {"name": details.name.strip(), "role": details.role, "external_ref": details.external_ref}
    fields = _differences(member, {name: value for name, value in wanted.items() if value}) if member else {}
    return MemberDiff(details, member, fields, _missing(details.contact_points, held))


def _differences(row: Family | Member, wanted: dict[str, Any]) -> dict[str, Change]:
    return {name: (getattr(row, name), value) for name, value in wanted.items() if getattr(row, name) != value}


def _missing(points: Sequence[ContactDetails], held: set[tuple[str, str]]) -> list[ContactDetails]:
    given = {(point.channel, point.value): point for point in points}
    return [point for key, point in given.items() if key not in held]


def _match(known: Sequence[Member], wanted: Sequence[MemberDetails]) -> list[Member | None]:
    """For each the person it speaks of: by reference, else by folded name among those that no reference claims."""
    by_reference = {member.external_ref: member for member in known if member.external_ref}
    found = [by_reference.get(one.external_ref) if one.external_ref else None for one in wanted]
    left = [member for member in known if member not in found]
    for index, one in enumerate(wanted):
        if found[index] is not None:
            continue
        name = _folded(one.name)
        for member in left:
            if not (one.external_ref and member.external_ref) and _folded(member.name) == name:
                found[index] = member
                left.remove(member)
                break
    return found


@transaction.atomic
def write_families(*, diffs: Sequence[FamilyDiff]) -> list[dict[str, Any]]:
    """Write these differences; answers for each a journal of what was written, which `undo` can read.

    The journal holds, as far as there are any: `new`; `fields` (before and after); `tags`, `points` (ids added);
    `members` (people added, by id: name, role, reference); `member_fields` (by id: before and after).
    """
    new = {id(diff) for diff in diffs if diff.is_new}
    _write_families([diff for diff in diffs if diff.is_new], [diff for diff in diffs if diff.fields])
    tags = _write_tags(diffs)
    created, altered = _write_members(diffs)
    points = _write_points(diffs)
    changed = [
        diff.family.pk for diff in diffs if diff.family and (id(diff) in new or diff.changes or created[id(diff)])
    ]
    refresh_family_text(family_ids=changed)
    if ids := [pk for some in points.values() for pk in some]:
        announce("contact_point_changed", ids=ids)
    journals = []
    for diff in diffs:
        journal = {
            "new": id(diff) in new,
            "fields": _fields_of(diff, id(diff) in new),
            "tags": tags[id(diff)],
            "members": created[id(diff)],
            "member_fields": altered[id(diff)],
            "points": points[id(diff)],
        }
        journals.append({name: value for name, value in journal.items() if value})
    return journals


def _fields_of(diff: FamilyDiff, is_new: bool) -> dict[str, list[Any]]:
    if is_new:
        return {name: ["", getattr(diff.family, name)] for name in ("name", "time_zone", "language", "stage")}
    return {name: list(change) for name, change in diff.fields.items()}


def _write_families(new: Sequence[FamilyDiff], changed: Sequence[FamilyDiff]) -> None:
    rows = []
    for diff in new:
        given = {name: getattr(diff.details, name) for name in ("time_zone", "language", "stage")}
        diff.family = Family(
            external_ref=diff.details.external_ref or generate_reference(),
            name=(diff.details.name or "").strip(),
            **{name: value for name, value in given.items() if value is not None},
        )
        rows.append(diff.family)
    Family.objects.bulk_create(rows)
    note_made(rows, "name", "external_ref")
    old = []
    for diff in changed:
        assert diff.family is not None
        for name, (_before, after) in diff.fields.items():
            setattr(diff.family, name, after)
        diff.family.updated_at = timezone.now()
        old.append(diff.family)
    Family.objects.bulk_update(old, ["name", "time_zone", "language", "stage", "updated_at"], batch_size=200)
    note_changes(changed=[(diff.family, diff.fields) for diff in changed if diff.family is not None])


def _write_tags(diffs: Sequence[FamilyDiff]) -> dict[int, list[int]]:
    """Tags that were added, by diff."""
    names = sorted({name for diff in diffs for name in diff.tags})
    added: dict[int, list[int]] = {id(diff): [] for diff in diffs}
    if not names:
        return added
    Tag.objects.bulk_create([Tag(name=name) for name in names], ignore_conflicts=True)
    ids = dict(Tag.objects.filter(name__in=names).values_list("name", "pk"))
    link = Family.tags.through
    links = []
    for diff in diffs:
        assert diff.family is not None
        added[id(diff)] = [ids[name] for name in diff.tags]
        links += [link(family_id=diff.family.pk, tag_id=tag) for tag in added[id(diff)]]
    link.objects.bulk_create(links, ignore_conflicts=True)
    return added


def _write_members(diffs: Sequence[FamilyDiff]) -> tuple[dict[int, dict[str, Any]], dict[int, dict[str, Any]]]:
    """People who were added, and fields that were changed, by diff."""
    new: list[tuple[int, Member]] = []
    old: list[tuple[Member, Pairs]] = []
    altered: dict[int, dict[str, Any]] = {id(diff): {} for diff in diffs}
    for diff in diffs:
        assert diff.family is not None
        for one in diff.members:
            if one.member is None:
                details = one.details
                one.member = Member(
                    family=diff.family,
                    name=details.name.strip(),
                    role=details.role or Role.ADULT,
                    external_ref=details.external_ref,
                )
                new.append((id(diff), one.member))
            elif one.fields:
                altered[id(diff)][str(one.member.pk)] = {name: list(change) for name, change in one.fields.items()}
                for name, (_before, after) in one.fields.items():
                    setattr(one.member, name, after)
                old.append((one.member, one.fields))
    Member.objects.bulk_create([member for _key, member in new])
    note_made([member for _key, member in new], "name", "role")
    Member.objects.bulk_update([member for member, _fields in old], ["name", "role", "external_ref"], batch_size=200)
    note_changes(changed=old)
    created: dict[int, dict[str, Any]] = {id(diff): {} for diff in diffs}
    for key, member in new:
        created[key][str(member.pk)] = [member.name, member.role, member.external_ref]
    return created, altered


def _write_points(diffs: Sequence[FamilyDiff]) -> dict[int, list[int]]:
    """Addresses that were added, by diff; the first of a channel is the family's primary one."""
    rows: list[tuple[int, ContactPoint]] = []
    for diff in diffs:
        wanted = [(None, point) for point in diff.points]
        wanted += [(one.member, point) for one in diff.members for point in one.points]  # type: ignore[misc]
        for member, point in wanted:
            primary = point.channel not in diff.taken
            diff.taken.add(point.channel)
            row = ContactPoint(
                family=diff.family, member=member, channel=point.channel, value=point.value, is_primary=primary
            )
            rows.append((id(diff), row))
    ContactPoint.objects.bulk_create([row for _key, row in rows])
    note_made([row for _key, row in rows], "channel", "value")
    added: dict[int, list[int]] = {id(diff): [] for diff in diffs}
    for key, row in rows:
        added[key].append(row.pk)
    return added
