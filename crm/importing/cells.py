"""One cell on its way out and in: a spreadsheet must not run what a name begins with, and gets it back unharmed."""

import re
from collections.abc import Iterable
from datetime import datetime, time
from zoneinfo import ZoneInfo

from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from crm.errors import Invalid
from crm.years import is_ours

YES = frozenset({"yes", "y", "true", "1"})
NO = frozenset({"no", "n", "false", "0"})
# What a spreadsheet may take for a formula (OWASP, CSV injection), behind any apostrophes of our own or others'.
_DANGEROUS = re.compile(r"'*[=+\-@\t\r]")
_DEFUSED = re.compile(r"'+[=+\-@\t\r]")
_SIGNS = re.compile(r"[\\;]")
_ESCAPED = re.compile(r"\\([\\;])")
_PART = re.compile(r"((?:\\[\\;]|[^;])*)(;|\Z)")
_DAY_FIRST = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})(?:[ T](.+))?")


def defuse(text: str) -> str:
    """The cell as it is written to a file: what could be a formula gets an apostrophe in front."""
    return f"'{text}" if _DANGEROUS.match(text) else text


def undefuse(text: str) -> str:
    """The cell as it was before `defuse`; exactly one apostrophe is taken away."""
    text = text.strip(" \n\u00a0")
    return text[1:] if _DEFUSED.match(text) else text.strip()


def several(cell: str) -> list[str]:
    """Parts of a cell that stand between semicolons; one that belongs to a part has a backslash in front."""
    return [part for part in places(cell) if part]


def places(cell: str) -> list[str]:
    """The same with the parts that are empty, so that each keeps its place."""
    parts = []
    for found in _PART.finditer(cell):
        parts.append(_ESCAPED.sub(r"\1", found[1]).strip())
        if not found[2]:
            break
    return parts


def together(parts: Iterable[str]) -> str:
    """One cell of several parts, as `several` reads it."""
    return "; ".join(_SIGNS.sub(r"\\\g<0>", part) for part in parts)


def read_day(cell: str) -> str:
    """A day in ISO from any spelling of it, also a spreadsheet's with midnight behind; else the cell as it is."""
    try:
        moment = read_moment(cell, ZoneInfo("UTC"))
    except Invalid:
        return cell
    whole = ":" not in cell or moment.time() == time(0)
    return moment.date().isoformat() if whole else cell


def read_moment(cell: str, zone: ZoneInfo) -> datetime:
    """A time as people and programs write it, in `zone` where it names none; a day alone is its noon.

    Takes ISO (2026-11-12 17:24) and day first (12/11/2026 17:24, 12.11.2026). Raises `Invalid`.
    """
    found = _DAY_FIRST.fullmatch(cell)
    if found:
        day, month, year, rest = found.groups()
        cell = f"{year}-{month:0>2}-{day:0>2}" + (f"T{rest}" if rest else "")
    try:
        moment = parse_datetime(cell)
        if moment is None and (date := parse_date(cell)):
            moment = datetime.combine(date, time(12))
    except ValueError:
        moment = None
    if moment is None:
        raise Invalid({"": _("“%s” is not a time; write it like 2026-11-12 17:24.") % cell})
    moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    if not is_ours(moment):
        raise Invalid({"": _("“%s” lies far from our time; please check the year.") % cell})
    return moment
