"""Whom the rows of a file speak of, found for many rows in three queries."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

from django.utils.translation import gettext as _

from crm.folding import fold
from crm.models import Family, ImportRow, Member
from crm.services.family_batches import families_by_reference

_folded = lru_cache(maxsize=4096)(fold)


class People:
    """The families and members that some rows name; a former reference leads to the family that stayed."""

    def __init__(self, rows: Sequence[ImportRow]) -> None:
        references = {row.cells["family_ref"] for row in rows}
        self.families = families_by_reference(sorted(references))
        self._members: dict[int, list[Member]] = defaultdict(list)
        for member in Member.objects.filter(family__in=self.families.values()).order_by("id"):
            self._members[member.family_id].append(member)

    def find(self, row: ImportRow) -> tuple[Family | None, Member | None]:
        """The family and person of a row; what is named and not there becomes a problem of the row."""
        cells = row.cells
        family = self.families.get(cells["family_ref"])
        if family is None:
            row.problems.append(["family_ref", _("There is no family “%s”.") % cells["family_ref"]])
            return None, None
        reference, name = cells.get("member_ref", ""), cells.get("member_name", "")
        if not reference and not name:
            return family, None
        member = _first(self._members[family.pk], reference, name)
        if member is None:
            column = "member_ref" if reference else "member_name"
            row.problems.append([column, _("“%s” is not a person of this family.") % (reference or name)])
        return family, member


def _first(members: Iterable[Member], reference: str, name: str) -> Member | None:
    if reference:
        return next((one for one in members if one.external_ref == reference), None)
    return next((one for one in members if _folded(one.name) == _folded(name)), None)


def identity(*parts: str) -> str:
    """What tells two happenings apart where the file gives no id: 40 hex digits over its parts."""
    return hashlib.sha256("\x1f".join(_folded(part) for part in parts).encode()).hexdigest()[:40]
