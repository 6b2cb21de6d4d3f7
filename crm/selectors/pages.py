"""Pages by key: each begins after the last row of the one before, so a late page costs what the first costs."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet

from crm.years import is_ours

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """The rows of one page, and the key that the next begins after (empty: there is none)."""

    rows: list[Row]
    next: str


def cut_page(
    rows: QuerySet[Any], after: str, fields: Sequence[str], size: int, *, descending: bool = False
) -> Page[Any]:
    """The page of `rows` after a key; the rows must be ordered by these fields, all in one direction.

    A key that is not one of ours begins at the first page.
    """
    found = list(_behind(rows, after, fields, descending=descending)[: size + 1])
    more = len(found) > size
    found = found[:size]
    return Page(found, key_of(found[-1], fields) if more else "")


@dataclass(frozen=True, slots=True)
class Leg:
    """One stretch of a list made of several, each in an order of its own; `rows` is called when it is reached."""

    rows: Callable[[], QuerySet[Any]]
    fields: tuple[str, ...]
    descending: bool = False


def cut_legs(legs: Sequence[Leg], after: str, size: int) -> Page[Any]:
    """The page of a list that goes through these legs one after the other; a leg is asked only when it is reached."""
    first, key = _place(after, len(legs))
    found: list[tuple[int, Any]] = []
    for number, leg in enumerate(legs[first:], start=first):
        rows = _behind(leg.rows(), key if number == first else "", leg.fields, descending=leg.descending)
        found += [(number, row) for row in rows[: size + 1 - len(found)]]
        if len(found) > size:
            break
    more = len(found) > size
    found = found[:size]
    behind = ""
    if more:
        number, last = found[-1]
        behind = f"{number}.{key_of(last, legs[number].fields)}"
    return Page([row for _number, row in found], behind)


def _place(after: str, legs: int) -> tuple[int, str]:
    number, _dot, key = after.partition(".")
    return (int(number), key) if number in map(str, range(legs)) else (0, "")


def _behind(rows: QuerySet[Any], after: str, fields: Sequence[str], *, descending: bool) -> QuerySet[Any]:
    values = _read(after, len(fields))
    if values:
        # A key with a word where a number should be is only found out by the field.
        with suppress(ValueError, TypeError, ValidationError):
            return rows.filter(_beyond(fields, values, "lt" if descending else "gt"))
    return rows


def key_of(row: Model, fields: Sequence[str]) -> str:
    """The key that a page after this row begins with; a field may belong to a row that is joined."""
    return _write([attrgetter(name.replace("__", "."))(row) for name in fields])


def _beyond(fields: Sequence[str], values: Sequence[Any], sign: str) -> Q:
    """Strictly beyond the key. The first field is named alone as well, for databases to use its index."""
    beyond = Q()
    for index, name in enumerate(fields):
        same = Q(**dict(zip(fields[:index], values[:index], strict=True)))
        beyond |= same & Q(**{f"{name}__{sign}": values[index]})
    return Q(**{f"{fields[0]}__{sign}e": values[0]}) & beyond


def _write(values: Sequence[Any]) -> str:
    plain = [{"t": value.isoformat()} if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _read(key: str, length: int) -> list[Any]:
    try:
        plain = json.loads(base64.urlsafe_b64decode(key.encode() + b"=" * (-len(key) % 4)))
        if not isinstance(plain, list) or len(plain) != length:
            return []
        values = [_value(one) for one in plain]
    except (ValueError, binascii.Error, KeyError, TypeError, RecursionError):
        return []
    return values


def _value(plain: Any) -> Any:
    if isinstance(plain, dict):
        moment = datetime.fromisoformat(plain["t"])
        if moment.tzinfo is None or not is_ours(moment):
            raise ValueError("not one of our keys")
        return moment
    if isinstance(plain, bool) or not isinstance(plain, str | int):
        raise TypeError("not one of our keys")
    if isinstance(plain, int) and not 0 <= plain < 2**63:
        raise ValueError("not one of our keys")
    if isinstance(plain, str) and "\x00" in plain:
        raise ValueError("not one of our keys")
    return plain
