"""What an import wrote, as its rows keep it, and what of it something else has touched since."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm.models import ImportRow

PARTS = (
    "fields", "attributes", "tags", "members", "member_fields", "points", "point_fields", "preference", "consents",
)  # fmt: skip
Item = tuple[str, Any]
"""A part of a journal, and the key of what was touched in it: a field's name, an id, or both."""


@dataclass(frozen=True, slots=True)
class Touch:
    """One thing that was touched since; without an item the row stays as a whole."""

    row: ImportRow
    reason: str
    item: Item | None = None


class Written:
    """All that the journals of some rows tell, by what it is."""

    def __init__(self, rows: Sequence[ImportRow], journals: Mapping[int, dict[str, Any]] | None = None) -> None:
        self.journals = {row.pk: row.written for row in rows if row.journal} if journals is None else journals
        self.rows = [row for row in rows if row.pk in self.journals]
        self.row_of_family = {row.family_id: row for row in self.rows if row.family_id}
        self.new_families = [
            row.family_id for row in self.rows if row.family_id and self.journals[row.pk].get("new")
        ]  # fmt: skip
        self.members = self._by_id("members")
        self.points = self._by_id("points")
        self.consents = self._by_id("consents")

    def journal(self, row: ImportRow) -> dict[str, Any]:
        """The journal of one row."""
        return self.journals[row.pk]

    def _by_id(self, name: str) -> dict[int, ImportRow]:
        return {int(pk): row for row in self.rows for pk in self.journal(row).get(name, ())}

    def told(self, name: str) -> dict[int, Any]:
        """What was written of the rows with an id of their own, by that id."""
        return {int(pk): told for row in self.rows for pk, told in self.journal(row).get(name, {}).items()}

    def of(self, name: str) -> dict[int, Any]:
        """One part of the journals by family."""
        return {pk: self.journal(row)[name] for pk, row in self.row_of_family.items() if name in self.journal(row)}

    def kept(self, name: str) -> dict[int, Any]:
        """The same without new families, which go as a whole."""
        new = set(self.new_families)
        return {family_id: part for family_id, part in self.of(name).items() if family_id not in new}

    def without(self, touches: Iterable[Touch]) -> "Written":
        """What is left of it where all that was touched stays; a new family that was touched stays as a whole."""
        items: dict[int, set[Item]] = {}
        whole: set[int] = set()
        for touch in touches:
            if touch.item is None or self.journals.get(touch.row.pk, {}).get("new"):
                whole.add(touch.row.pk)
            else:
                items.setdefault(touch.row.pk, set()).add(touch.item)
        left = {
            pk: _spared(journal, items[pk]) if pk in items else journal
            for pk, journal in self.journals.items()
            if pk not in whole
        }
        return Written(self.rows, left)


def _spared(journal: Mapping[str, Any], items: set[Item]) -> dict[str, Any]:
    """A journal without these items; a person whom the file brought and their addresses stay together."""
    points, brought = journal.get("points", {}), {int(pk) for pk in journal.get("members", {})}
    people = {key for part, key in items if part == "members"}
    people |= brought & {told["member"] for pk, told in points.items() if ("points", int(pk)) in items}
    items = items | {("members", pk) for pk in people}
    items |= {("points", int(pk)) for pk, told in points.items() if told["member"] in people}
    left: dict[str, Any] = {}
    for part in PARTS:
        told = journal.get(part)
        if isinstance(told, dict) and part.endswith("_fields"):
            left[part] = {
                pk: {name: pair for name, pair in pairs.items() if (part, (int(pk), name)) not in items}
                for pk, pairs in told.items()
            }
        elif part == "preference" and told and (part, None) not in items:
            left[part] = told
        elif isinstance(told, dict) and part != "preference":
            left[part] = {key: value for key, value in told.items() if (part, _key(part, key)) not in items}
        elif isinstance(told, list):
            left[part] = [pk for pk in told if (part, pk) not in items]
    return {part: told for part, told in left.items() if told}


def _key(part: str, key: str) -> Any:
    """Keys of JSON are text; those of rows are numbers."""
    return int(key) if part in ("members", "points") else key
