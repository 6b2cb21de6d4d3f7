"""Which column each heading stands for: by its own name, by another name of it, or as somebody said last time."""

import hashlib
from collections.abc import Sequence

from django.utils.translation import gettext as _

from crm.importing.columns import COLUMNS, names_of, required_of
from crm.importing.problems import Unreadable
from crm.models import ColumnMapping


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
    known = set(names_of(kind))
    return [plain(heading) if plain(heading) in known else "" for heading in headings]


def kept_columns(kind: str, headings: Sequence[str]) -> list[str] | None:
    """What was said of the same headings before."""
    kept = ColumnMapping.objects.filter(kind=kind, digest=digest_of(headings)).first()
    return [kept.columns.get(plain(heading), "") for heading in headings] if kept else None


def suggest_columns(kind: str, headings: Sequence[str]) -> list[str]:
    """A first guess for a person to look at: exact names, then other names that no exact one has taken."""
    columns = exact_columns(kind, headings)
    for index, heading in enumerate(headings):
        for column in COLUMNS[kind]:
            if not columns[index] and plain(heading) in column.also and column.name not in columns:
                columns[index] = column.name
    return columns


def missing_columns(kind: str, columns: Sequence[str]) -> list[str]:
    """Needed columns that no heading stands for."""
    return [name for name in required_of(kind) if name not in columns]


def unknown_headings(headings: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Headings that are left out."""
    return [heading for heading, column in zip(headings, columns, strict=True) if heading and not column]
