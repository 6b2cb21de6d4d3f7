"""Pages by keyset: a cursor names the last row seen, so that page 1,000 costs what page 1 does."""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from crm.errors import Invalid
from crm.years import is_ours

Row = TypeVar("Row", bound=models.Model)
LARGEST_ID = 2**63 - 1
SCANNED = 20_000
"""Rows that one page looks at where filters have no index of their own."""


def page_of(
    request: Request,
    rows: QuerySet[Row, Row],
    *,
    keys: Sequence[str],
    size: int,
    along: QuerySet[Row, Row] | None = None,
) -> tuple[list[Row], str | None]:
    """One page in the order of `keys` (`-occurred_at`, `-id`), and the address of the next or None.

    The last key is unique. `along` are the rows before filters that no index answers: a page then looks at 20,000 of
    them, may hold fewer rows than `size` or none, and still has a next. It takes two keys that both run backwards.
    Raises `Invalid` for a cursor that is not ours.
    """
    position = _decode(request.query_params.get("cursor"), keys)
    if position is not None:
        rows = rows.filter(_beyond(keys, position))
    end = _end_of_scan(along, keys, position) if along is not None else None
    if end is not None:
        rows = rows.filter(**{f"{keys[0].lstrip('-')}__gte": end})
    found = list(rows.order_by(*keys)[: size + 1])
    if len(found) > size:
        last = [getattr(found[size - 1], key.lstrip("-")) for key in keys]
    elif end is not None:
        last = [end, _ALL_SEEN]
    else:
        return found, None
    return found[:size], replace_query_param(request.build_absolute_uri(), "cursor", _encode(last))


_ALL_SEEN = 0
"""In place of an id: every row of that moment was looked at."""


def _end_of_scan(along: QuerySet[Row, Row], keys: Sequence[str], position: Sequence[Any] | None) -> Any | None:
    """The first key of the last row that a page looks at, or None where it comes to the end of all."""
    name = keys[0].lstrip("-")
    if position is not None:
        along = along.filter(**{f"{name}__{'lt' if position[1] == _ALL_SEEN else 'lte'}": position[0]})
    # One step along the index, which holds the key itself: the rows are not fetched.
    return next(iter(along.order_by(keys[0]).values_list(name, flat=True)[SCANNED : SCANNED + 1]), None)


def _beyond(keys: Sequence[str], position: Sequence[Any]) -> Q:
    """Rows after the position: of two keys, a later first one, or the same first and a later second."""
    condition = Q()
    for place in range(len(keys)):
        same = Q(**{key.lstrip("-"): value for key, value in zip(keys[:place], position[:place], strict=True)})
        name, side = keys[place].lstrip("-"), "lt" if keys[place].startswith("-") else "gt"
        condition |= same & Q(**{f"{name}__{side}": position[place]})
    # The bound on the first key alone lets the index begin at the right place.
    side = "lte" if keys[0].startswith("-") else "gte"
    return condition & Q(**{f"{keys[0].lstrip('-')}__{side}": position[0]})


def _encode(values: Sequence[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _decode(cursor: str | None, keys: Sequence[str]) -> list[Any] | None:
    if not cursor:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        values = json.loads(text)
        return [_value(key.lstrip("-"), value) for key, value in zip(keys, values, strict=True)]
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise Invalid({"cursor": _("This cursor is not one of ours; begin again without it.")}) from None


def _value(name: str, value: Any) -> Any:
    if name == "id" or name == "pk":
        if type(value) is not int or not 0 <= value <= LARGEST_ID:
            raise ValueError(name)
        return value
    moment = datetime.fromisoformat(value)
    if timezone.is_naive(moment) or not is_ours(moment):
        raise ValueError(name)
    return moment
