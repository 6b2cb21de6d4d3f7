"""How large one JSON value may be, measured as it is stored: in bytes of UTF-8."""

import json
from typing import Any

LARGEST_JSON = 128 * 1024
"""Holds the 20,000 characters that forms promise for notes in any script, emoji too, and what stands beside them."""

_WRITTEN_OUT = json.JSONEncoder(allow_nan=False, ensure_ascii=False).encode
_MOST_A_CHARACTER = 6 + len('"": "", ')
"""Bytes that one character may take in JSON (an escape), and what stands around a text."""


def fits(value: Any) -> bool:
    """Whether JSON is at most 128 KB and free of null characters; raises `ValueError` or `TypeError` for no JSON."""
    if isinstance(value, dict) and _is_small(value):
        return True
    text = _WRITTEN_OUT(value)
    size = len(text) if text.isascii() else len(text.encode())
    # A backslash that was typed is written as two: what is left are escapes.
    return size <= LARGEST_JSON and "\\u0000" not in text.replace("\\\\", "")


def _is_small(value: dict[Any, Any]) -> bool:
    """Whether these are a few short texts, which need not be written out to see that they fit."""
    size = 0
    for pair in value.items():
        for one in pair:
            if type(one) is not str or "\x00" in one:
                return False
            size += len(one)
    return size * _MOST_A_CHARACTER < LARGEST_JSON
