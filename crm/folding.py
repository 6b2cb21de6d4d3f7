"""One folding for what is stored and what is typed, so that search does not mind case, accents or spaces."""

import re
import unicodedata

_NUMBER = re.compile(r"^\+?[\d\s().\-/]{5,}$")
_TRUNK = re.compile(r"^0+")


def fold(text: str) -> str:
    """Lower case, without accents, spaces collapsed: “Ngọ  Zoë” → “ngo zoe”."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(bare.split())


def digits_of(text: str) -> str:
    """Digits without the trunk noughts: 07700 900142 and +44 7700 900142 share 7700900142."""
    return _TRUNK.sub("", re.sub(r"\D", "", text))


def search_words(text: str) -> list[str]:
    """What must be found, at most eight words; a phone number in any notation is one word of digits."""
    text = text.strip()[:200]
    if _NUMBER.match(text):
        return [digits_of(text)] if digits_of(text) else []
    return fold(text).split()[:8]
