"""One folding for what is stored and what is typed, so that search does not mind case, accents or spaces."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

_NUMBER = re.compile(r"^\+?[\d\s().\-/]{5,}$")
_TRUNK = re.compile(r"^0+")


def fold(text: str) -> str:
    """Lower case, without accents, spaces collapsed: “Ngọ  Zoë” → “ngo zoe”."""
    if text.isascii():
        return " ".join(text.lower().split())
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(bare.split())


# Letters to Unicode that show nothing: fillers of Hangul, an empty Braille cell, the Khmer vowels nobody writes.
_BLANK = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def has_visible(text: str) -> bool:
    """Whether anything of it can be seen: not only spaces, marks without a letter, controls and directions."""
    return any(unicodedata.category(char)[0] in "LNPS" and char not in _BLANK for char in text)


def digits_of(text: str) -> str:
    """Digits without the trunk noughts: 07700 900142 and +44 7700 900142 share 7700900142."""
    return _TRUNK.sub("", re.sub(r"\D", "", text))


def search_words(text: str) -> list[str]:
    """What must be found, at most eight words; a phone number in any notation is one word of digits."""
    text = text.strip()[:200]
    if _NUMBER.match(text):
        return [digits_of(text)] if digits_of(text) else []
    return fold(text).split()[:8]


_WRITTEN = ("subject", "title", "name", "page", "document", "notes", "text", "body")
WRITTEN_LIMIT = 4_000


def written_in(metadata: Mapping[str, Any]) -> str:
    """What search reads of an entry of the log: its words, folded, at most `WRITTEN_LIMIT` characters."""
    if not metadata:
        return ""
    parts = [value for name in _WRITTEN if isinstance(value := metadata.get(name), str)]
    changes = metadata.get("changes")
    if isinstance(changes, Mapping) and isinstance(changes.get("notes"), str):
        parts.append(changes["notes"])
    return fold(" ".join(parts)[:WRITTEN_LIMIT])[:WRITTEN_LIMIT] if parts else ""
