"""Reads JSON as strictly as a database needs it: what could not be stored is refused at the door."""

import json
import math
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

DEEPEST = 40
"""Levels of nesting; people's data has four."""


class StrictJSONParser(JSONParser):
    """UTF-8 JSON without duplicate keys, null characters, lone surrogates, infinities or bottomless nesting."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """The parsed body; raises `ParseError` that says what is wrong."""
        try:
            text = stream.read().decode("utf-8")
            data = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
        except UnicodeDecodeError:
            raise ParseError(_("The body is not UTF-8.")) from None
        except RecursionError:
            raise ParseError(_too_deep()) from None
        except ValueError as error:
            raise ParseError(_("The body is not JSON: %s.") % error) from None
        check_storable(data)
        return data


def check_storable(data: Any) -> None:
    """Refuse what no database keeps, without recursion of our own."""
    waiting: list[tuple[Any, int]] = [(data, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > DEEPEST:
            raise ParseError(_too_deep())
        if isinstance(value, dict):
            waiting += [(one, depth + 1) for pair in value.items() for one in pair]
        elif isinstance(value, list):
            waiting += [(one, depth + 1) for one in value]
        elif isinstance(value, str):
            _check_text(value)
        elif isinstance(value, float) and not math.isfinite(value):
            raise ParseError(_("The body holds a number that is too large."))


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise ParseError(_("The body holds a null character, which cannot be stored."))
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ParseError(_("The body holds half of a surrogate pair, which is no character."))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(_("the key “%s” stands twice in one object") % twice[:60])
    return made


def _refuse_constant(name: str) -> Any:
    raise ValueError(_("%s is no number") % name)


def _too_deep() -> str:
    return _("The body is nested too deeply; %d levels are the most.") % DEEPEST
