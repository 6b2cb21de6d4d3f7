"""Which column each heading stands for: by its own name, by another name of it, or as somebody said last time."""

import hashlib
from collections.abc import Sequence

from django.utils.translation import gettext as _

from crm.importing.columns import columns_of
from crm.importing.problems import Unreadable
from crm.models import ColumnMapping

# Columns of the list of rows to mend, which comes back with them.
OUR_NOTES = ("earshot_row", "earshot_problem")


def plain(heading: str) -> str:
    """A heading without the differences that mean nothing: “Family Ref” is family_ref."""
    return "_".join(heading.casefold().split())


def digest_of(headings: Sequence[str]) -> str:
    """The same for the same set of headings, whatever their order."""
    return hashlib.sha256("\n".join(sorted(plain(one) for one in headings if one)).encode()).hexdigest()


def refuse_twice(headings: Sequence[str]) -> None:
    """Two columns of one name cannot both be right; raises `Unreadable`."""
    names = [plain(heading) for heading in headings]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise Unreadable(_("These columns are there twice: %s.") % ", ".join(twice), 1)


def exact_columns(kind: str, headings: Sequence[str]) -> list[str]:
    """The column of each heading that has a column's very name; empty for others."""
    known = {column.name for column in columns_of(kind)}
    return [plain(heading) if plain(heading) in known else "" for heading in headings]


def kept_columns(kind: str, headings: Sequence[str]) -> list[str] | None:
    """What was said of the same headings before; a column that is gone since is left out."""
    kept = ColumnMapping.objects.filter(kind=kind, digest=digest_of(headings)).first()
    if kept is None:
        return None
    known = {column.name for column in columns_of(kind)}
    said = [kept.columns.get(plain(heading), "") for heading in headings]
    return [column if column in known else "" for column in said]


def suggest_columns(kind: str, headings: Sequence[str]) -> list[str]:
    """A first guess for a person to look at: exact names, then other names that no exact one has taken."""
    columns = exact_columns(kind, headings)
    known = columns_of(kind)
    for index, heading in enumerate(headings):
        for column in known:
            if not columns[index] and plain(heading) in column.also and column.name not in columns:
                columns[index] = column.name
    return columns


def missing_columns(kind: str, columns: Sequence[str]) -> list[str]:
    """Needed columns that no heading stands for."""
    return [column.name for column in columns_of(kind) if column.required and column.name not in columns]


def unknown_headings(headings: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Headings that are left out."""
    named = zip(headings, columns, strict=True)
    return [heading for heading, column in named if heading and not column and plain(heading) not in OUR_NOTES]
