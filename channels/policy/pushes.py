"""What a push message can hold: push services take 4,096 bytes of it, encrypted (RFC 8030, 7.2)."""

import json

LONGEST_PAYLOAD = 3993
"""Bytes of plain text in those 4,096: the rest is the header, the padding mark and the tag (RFC 8291, 4)."""
LONGEST_TEXT = 2000
"""Bytes of the text as JSON writes it, so that a title, a link and our own numbers have room beside it."""


def cut_text(text: str, longest: int = LONGEST_TEXT) -> str:
    """The text, or as much of it as fits with “…” at its end."""
    if _bytes(text) <= longest:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _bytes(text[:middle] + "…") <= longest else (low, middle - 1)
    return text[:low].rstrip() + "…"


def left_out(text: str) -> int:
    """How many characters of a text a push message leaves out."""
    cut = cut_text(text)
    return 0 if cut == text else len(text) - len(cut) + 1


def _bytes(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")) - 2
