"""The organisation's own fields of a family: one check for pages, the API and import."""

import math
import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from crm.enums import AttributeKind
from crm.errors import Invalid
from crm.models import AttributeField

LONGEST_TEXT = 500
LARGEST_NUMBER = 10**15
_YES = frozenset({"yes", "y", "true", "1", "on"})
_NO = frozenset({"no", "n", "false", "0", "off"})
_NUMBER = re.compile(r"\A[+-]?\d{1,16}([.,]\d{1,6})?\Z")


def attribute_fields() -> list[AttributeField]:
    """The fields in use, in their order."""
    return list(AttributeField.objects.filter(is_active=True))


def check_attributes(values: Mapping[str, Any], fields: Iterable[AttributeField] | None = None) -> dict[str, Any]:
    """The values as they are kept; None takes a value away, and a key that is no field of ours is kept as it came.

    A number, a yes or no and a date may be written as text, as a spreadsheet has them.
    Raises `Invalid` by `attributes.<key>`.
    """
    known = {field.key: field for field in (attribute_fields() if fields is None else fields)}
    kept: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for key, value in values.items():
        field = known.get(key)
        if field is None:
            kept[key] = value
            continue
        try:
            kept[key] = _READERS[field.kind](field, value) if value not in (None, "") else None
        except ValueError as error:
            errors[f"attributes.{key}"] = str(error)
    if errors:
        raise Invalid(errors)
    return kept


def merge_attributes(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What a family has after `given` was said of it: None removes."""
    return {key: value for key, value in {**before, **given}.items() if value is not None}


def _text(field: AttributeField, value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or "\x00" in value:
        raise ValueError(_("Text of at most %d characters, please.") % LONGEST_TEXT)
    return value.strip()


def _number(field: AttributeField, value: Any) -> int | float:
    if isinstance(value, str) and _NUMBER.match(value.strip()):
        value = float(value.strip().replace(",", "."))
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(_("“%s” is not a number.") % value)
    if abs(value) > LARGEST_NUMBER:
        raise ValueError(_("That number is too large."))
    return int(value) if float(value).is_integer() else value


def _yes_no(field: AttributeField, value: Any) -> bool:
    word = str(value).strip().casefold()
    if word not in _YES | _NO:
        raise ValueError(_("“%s” is neither yes nor no.") % value)
    return word in _YES


def _date(field: AttributeField, value: Any) -> str:
    try:
        return (value if isinstance(value, date) else date.fromisoformat(str(value).strip())).isoformat()
    except ValueError:
        raise ValueError(_("“%s” is not a date; write it like 2026-11-12.") % value) from None


def _choice(field: AttributeField, value: Any) -> str:
    by_fold = {str(option).casefold(): str(option) for option in field.options}
    found = by_fold.get(str(value).strip().casefold())
    if found is None:
        raise ValueError(_("“%(value)s” is not one of %(all)s.") % {"value": value, "all": ", ".join(by_fold.values())})
    return found


_READERS = {
    AttributeKind.TEXT.value: _text,
    AttributeKind.NUMBER.value: _number,
    AttributeKind.YES_NO.value: _yes_no,
    AttributeKind.DATE.value: _date,
    AttributeKind.CHOICE.value: _choice,
}


def told(field: AttributeField, value: Any) -> str:
    """A kept value in words."""
    if field.kind == AttributeKind.YES_NO and isinstance(value, bool):
        return _("yes") if value else _("no")
    if field.kind == AttributeKind.DATE and isinstance(value, str):
        return _day(value)
    return "" if value is None else str(value)


def _day(value: str) -> str:
    try:
        return date_format(date.fromisoformat(value), "j M Y")
    except ValueError:
        # Kept from before this was a field.
        return value
