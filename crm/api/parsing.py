"""Reads JSON as strictly as a database needs it: what could not be stored is refused at the door."""

import json
import math
from collections.abc import Iterable, Mapping
from itertools import chain
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
            data = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_finite)
        except UnicodeDecodeError:
            raise ParseError(_("The body is not UTF-8.")) from None
        except RecursionError:
            raise ParseError(_too_deep()) from None
        except ValueError as error:
            raise ParseError(_("The body is not JSON: %s.") % error) from None
        levels = _levels(data)
        # Only an escape can bring in what UTF-8 and JSON themselves forbid.
        if "\\u" in text:
            for level in levels:
                _check_texts(level)
        return data


def _levels(data: Any) -> list[list[Any]]:
    """The containers of the data, level by level, without recursion; raises `ParseError` where they never end."""
    level: list[Any] = [[data]]
    levels = [level]
    while level := [one for held in level for one in _content(held) if type(one) is dict or type(one) is list]:
        levels.append(level)
        if len(levels) > DEEPEST:
            raise ParseError(_too_deep())
    return levels


def _content(held: Any) -> Iterable[Any]:
    return held.values() if type(held) is dict else held


def _check_texts(level: list[Any]) -> None:
    for held in level:
        for one in chain(held, held.values()) if type(held) is dict else held:
            if type(one) is str:
                _check_text(one)


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


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(_("%s is too large a number") % text[:60])
    return number


def _refuse_constant(name: str) -> Any:
    raise ValueError(_("%s is no number") % name)


def _too_deep() -> str:
    return _("The body is nested too deeply; %d levels are the most.") % DEEPEST
