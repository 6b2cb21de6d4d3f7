"""What saying something of a family changes: the one set of rules for one family and for many.

What is named is set, what is None stays, nothing is removed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from crm.attributes import merge_attributes
from crm.folding import fold
from crm.models import ContactPoint, Family, Member
from crm.services.people import ContactDetails, FamilyDetails, MemberDetails

PLAIN = ("name", "time_zone", "language", "stage")
_folded = lru_cache(maxsize=4096)(fold)
Change = tuple[Any, Any]


@dataclass(slots=True)
class PointDiff:
    """What is to be done about one address; `point` is None for a new one until it is written."""

    channel: str
    value: str
    label: str
    is_primary: bool
    point: ContactPoint | None = None

    @property
    def is_new(self) -> bool:
        return self.point is None

    @property
    def fields(self) -> dict[str, Change]:
        """What would be different of an address that is there."""
        if self.point is None:
            return {}
        return _differences(self.point, {"label": self.label, "is_primary": self.is_primary})


@dataclass(slots=True)
class MemberDiff:
    """What is to be done about one person; `member` is None for somebody new until it is written.

    Where several details are about one person, the first tells all that they say and the others are `again`.
    """

    details: MemberDetails
    member: Member | None
    fields: dict[str, Change] = field(default_factory=dict)
    points: list[PointDiff] = field(default_factory=list)
    again: "MemberDiff | None" = None

    @property
    def is_new(self) -> bool:
        return self.member is None and self.again is None

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
    attributes: dict[str, Change] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    points: list[PointDiff] = field(default_factory=list)
    members: list[MemberDiff] = field(default_factory=list)
    demoted: list[PointDiff] = field(default_factory=list)
    """Addresses that are no longer primary because another is."""

    @property
    def is_new(self) -> bool:
        return self.family is None

    @property
    def changes(self) -> bool:
        """Whether anything of the family or its people would be different afterwards."""
        itself = self.is_new or bool(self.fields or self.attributes or self.tags or self.points or self.demoted)
        return itself or any(member.changes for member in self.members)

    def all_points(self) -> list[tuple[MemberDiff | None, PointDiff]]:
        """Addresses that are new or changed, with whose they are; people's before the family's."""
        own: list[tuple[MemberDiff | None, PointDiff]] = [(None, point) for point in self.points]
        return [(one, point) for one in self.members for point in one.points] + own


def compare_family(
    details: FamilyDetails,
    family: Family | None,
    tags: Iterable[str],
    members: Sequence[Member],
    points: Sequence[ContactPoint],
) -> FamilyDiff:
    """The difference between what is said and what is known of one family; the details must have been checked."""
    if family is not None and family.external_ref != details.external_ref:
        # It was merged into this one. Two systems that still know two families would rename the one back and forth.
        details = replace(details, name=None, time_zone=None, language=None, stage=None)
    diff = FamilyDiff(details, family)
    if family is not None:
        given = {name: getattr(details, name) for name in PLAIN}
        diff.fields = _differences(family, {name: value.strip() for name, value in given.items() if value is not None})
    diff.attributes = _attributes(family.attributes if family else {}, details.attributes or {})
    held = set(tags)
    diff.tags = [name for name in dict.fromkeys(tag.strip() for tag in details.tags or []) if name not in held]
    people = _match(members, details.members)
    addresses = _Addresses(points, people)
    diff.members = _compare_people(people, details.members, addresses)
    diff.points = addresses.say(None, details.contact_points)
    said = [id(point) for _owner, point in diff.all_points()]
    diff.demoted = [point for point in addresses.known() if point.fields and id(point) not in said]
    return diff


def _compare_people(
    people: Sequence["_Person"], given: Sequence[MemberDetails], addresses: "_Addresses"
) -> list[MemberDiff]:
    made: dict[int, MemberDiff] = {}
    diffs = []
    for person, details in zip(people, given, strict=True):
        first = made.get(id(person))
        one = MemberDiff(details, person.member, again=first)
        one.points = addresses.say(person, details.contact_points)
        if first is None:
            made[id(person)] = one
        else:
            first.details = _together(first.details, details)
        diffs.append(one)
    for one in made.values():
        if one.member is not None:
            one.fields = _member_fields(one.member, one.details)
    return diffs


def _together(first: MemberDetails, later: MemberDetails) -> MemberDetails:
    """What two details say of one person; the later word stands."""
    return MemberDetails(later.name, later.role or first.role, later.external_ref or first.external_ref)


def _attributes(before: dict[str, Any], given: dict[str, Any]) -> dict[str, Change]:
    after = merge_attributes(before, given)
    return {key: (before.get(key), after.get(key)) for key in given if before.get(key) != after.get(key)}


def _member_fields(member: Member, details: MemberDetails) -> dict[str, Change]:
    wanted = {"name": details.name.strip(), "role": details.role, "external_ref": details.external_ref}
    return _differences(member, {name: value for name, value in wanted.items() if value is not None})


def _differences(row: Any, wanted: dict[str, Any]) -> dict[str, Change]:
    return {name: (getattr(row, name), value) for name, value in wanted.items() if getattr(row, name) != value}


@dataclass(slots=True, eq=False)
class _Person:
    """Somebody of the family, there already or about to be."""

    name: str
    reference: str | None
    member: Member | None = None
    claimed: bool = False


def _match(known: Sequence[Member], wanted: Sequence[MemberDetails]) -> list[_Person]:
    """For each whom it speaks of: by reference, else by folded name; two references are two people."""
    people = [_Person(_folded(one.name), one.external_ref, one) for one in known]
    by_reference = {one.reference: one for one in people if one.reference}
    found = [by_reference.get(one.external_ref) if one.external_ref else None for one in wanted]
    for one, claimed in zip(wanted, found, strict=True):
        if claimed is not None:
            claimed.name, claimed.claimed = _folded(one.name), True
    matched = []
    for one, person in zip(wanted, found, strict=True):
        person = person or _by_name(people, one)
        if person is None:
            person = _Person(_folded(one.name), None)
            people.append(person)
        person.claimed, person.reference = True, one.external_ref or person.reference
        matched.append(person)
    return matched


def _by_name(people: Sequence[_Person], wanted: MemberDetails) -> _Person | None:
    name = _folded(wanted.name)
    fitting = [one for one in people if one.name == name and not (wanted.external_ref and one.reference)]
    return next((one for one in fitting if not one.claimed), fitting[0] if fitting else None)


class _Addresses:
    """The addresses of a family while something is said of them; one primary a channel."""

    def __init__(self, points: Sequence[ContactPoint], people: Sequence["_Person"]) -> None:
        self._by_key: dict[tuple[object, str, str], PointDiff] = {}
        self._primary: dict[str, PointDiff] = {}
        self._said: set[int] = set()
        owners: dict[int | None, object] = {one.member.pk: one for one in people if one.member}
        for point in points:
            known = PointDiff(point.channel, point.value, point.label, point.is_primary, point)
            owner = owners.get(point.member_id, point.member_id)
            self._by_key[owner, point.channel, point.value] = known
            if point.is_primary:
                self._primary[point.channel] = known

    def known(self) -> Iterable[PointDiff]:
        """All of them, as they would stand."""
        return self._by_key.values()

    def say(self, owner: object, given: Sequence[ContactDetails]) -> list[PointDiff]:
        """Take these in as one person's, or the family's; answers those that are new or changed, each once."""
        touched: dict[int, PointDiff] = {}
        for details in given:
            key = (owner, details.channel, details.value)
            one = self._by_key.get(key)
            first = self._primary.get(details.channel)
            if one is None:
                one = self._by_key[key] = PointDiff(details.channel, details.value, "", is_primary=first is None)
            one.label = one.label if details.label is None else details.label
            if details.is_primary is not None:
                one.is_primary = details.is_primary
            if one.is_primary:
                if first is not None and first is not one:
                    first.is_primary = False
                self._primary[details.channel] = one
            elif first is one:
                del self._primary[details.channel]
            touched[id(one)] = one
        fresh = [one for key, one in touched.items() if key not in self._said and (one.is_new or one.fields)]
        self._said.update(id(one) for one in fresh)
        return fresh
