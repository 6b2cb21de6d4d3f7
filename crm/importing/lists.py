"""What lists of calls and of attendance share: rows that name a known family, each one thing that happened."""

from collections.abc import Callable, Mapping, Sequence

from django.utils.translation import gettext as _

from crm.errors import Invalid
from crm.models import ImportRow
from crm.models.people import REFERENCE

Faults = list[list[str]]
Reader = Callable[[str], str]


def check_cells(
    cells: dict[str, str], *, needed: Sequence[str], readers: Mapping[str, Reader]
) -> tuple[dict[str, str], Faults]:
    """The cells that hold something, read; what is needed and empty, and what cannot be read, are faults."""
    cells = {name: cell for name, cell in cells.items() if cell}
    faults: Faults = [[name, _("cannot be empty.")] for name in needed if not cells.get(name)]
    if not REFERENCE.regex.match(cells.get("family_ref", "x")):  # type: ignore[union-attr]
        faults.append(["family_ref", str(REFERENCE.message)])
    for name, read in readers.items():
        try:
            if name in cells:
                cells[name] = read(cells[name])
        except Invalid as invalid:
            faults.append([name, " ".join(word for words in invalid.errors.values() for word in words)])
    return cells, faults


def one_of(words: Mapping[str, str], named: Sequence[str]) -> Reader:
    """Reads a cell that is one of these words, in any case; `named` are those that people are told of."""

    def read(cell: str) -> str:
        word = "_".join(cell.casefold().split())
        if word not in words:
            told = _("“%(value)s” is not one of %(all)s.")
            raise Invalid({"": told % {"value": cell, "all": ", ".join(named)}})
        return words[word]

    return read


def by_key(rows: Sequence[ImportRow], compared: Sequence[str]) -> list[list[ImportRow]]:
    """Rows of one key together; a later one says nothing new, and is wrong where it says otherwise in `compared`."""
    found: dict[str, list[ImportRow]] = {}
    for row in rows:
        row.notes = []
        found.setdefault(row.key, []).append(row)
    for some in found.values():
        for row in some[1:]:
            row.notes = [_("the same as row %d") % some[0].number]
            for name in compared:
                first, value = some[0].cells.get(name), row.cells.get(name)
                if first and value and first != value:
                    row.problems.append([name, _("Row %d says otherwise.") % some[0].number])
    return list(found.values())
