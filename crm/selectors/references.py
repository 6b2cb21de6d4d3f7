"""Finds families and people by the names that other systems give them, many in two queries."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Q
from django.utils.translation import gettext as _

from crm.enums import ChangeKind
from crm.errors import Invalid
from crm.models import Family, HouseholdChange, Member

LARGEST_ID = 2**63 - 1


class Named(NamedTuple):
    """A family's reference, and perhaps a person of it: by reference, else by id; thousands are made for one list."""

    family: str
    member: str | None = None


@dataclass(frozen=True, slots=True)
class References:
    """What the names of one batch stand for."""

    families: dict[str, int]
    by_reference: dict[tuple[int, str], int]
    by_id: dict[int, int]

    def resolve(self, named: Named) -> tuple[int, int | None]:
        """Ids of the family and the person; raises `Invalid` by field."""
        family_id = self.families.get(named.family)
        if family_id is None:
            raise Invalid({"family": _("There is no family “%s”.") % named.family[:64]})
        return family_id, self._member(family_id, named.member) if named.member else None

    def _member(self, family_id: int, reference: str) -> int:
        found = self.by_reference.get((family_id, reference))
        if found is not None:
            return found
        as_id = id_of(reference)
        if as_id is None or self.by_id.get(as_id) != family_id:
            raise Invalid({"member": _("There is no person “%s” in this family.") % reference[:64]})
        return as_id


def id_of(text: str) -> int | None:
    """A row's id, or None where the text cannot be one."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 19):
        return None
    return int(text) if 0 < int(text) <= LARGEST_ID else None


def find_references(named: Iterable[Named]) -> References:
    """Look up all names of a batch in two queries, and a third where some are not the reference of a family today."""
    named = list(named)
    asked = {one.family for one in named}
    families = dict(Family.objects.filter(external_ref__among=asked).order_by().values_list("external_ref", "pk"))
    families |= _former(asked - families.keys())
    references = {one.member for one in named if one.member}
    members = list(_members(families.values(), references)) if references and families else []
    return References(
        families,
        {(member.family_id, member.external_ref): member.pk for member in members if member.external_ref},
        {member.pk: member.family_id for member in members},
    )


def _former(references: Collection[str]) -> dict[str, int]:
    """Families by the references of those that were merged into them."""
    if not references:
        return {}
    merges = HouseholdChange.objects.filter(kind=ChangeKind.MERGE, undone_at=None, gone_ref__in=references)
    return dict(merges.values_list("gone_ref", "family_id"))


def _members(family_ids: Collection[int], references: set[str]) -> Iterable[Member]:
    ids = {found for found in map(id_of, references) if found is not None}
    return Member.objects.filter(Q(external_ref__in=references) | Q(pk__in=ids), family_id__in=set(family_ids)).only(
        "id", "family_id", "external_ref"
    )


def find_family(reference: str) -> Family | None:
    """One family by its reference, or by that of one that was merged into it."""
    if "\x00" in reference:
        return None
    found = Family.objects.filter(external_ref=reference).first()
    return found or Family.objects.filter(pk__in=_former([reference]).values()).first()


def family_after_merge(family_id: int) -> int | None:
    """Where a family went that was merged away."""
    merges = HouseholdChange.objects.filter(kind=ChangeKind.MERGE, undone_at=None, gone_id=family_id)
    return merges.values_list("family_id", flat=True).first()


def find_member(family: Family, reference: str | None) -> Member | None:
    """One person of a family by reference, else by id; raises `Invalid` where there is none."""
    if not reference:
        return None
    named = Named(family.external_ref, reference)
    _family_id, member_id = find_references([named]).resolve(named)
    return Member.objects.filter(pk=member_id).first() if member_id else None


def reference_of(member: Member | None) -> str | None:
    """How other systems name a person: the reference, else the id."""
    return (member.external_ref or str(member.pk)) if member else None
