"""How many texts a text costs: SMS are cut into segments by alphabet (GSM 03.38; 3GPP TS 23.038, 6.2.1).

A sign that takes two units, from the extension table or beyond the first plane of Unicode, is never cut in two: it
begins the next segment (3GPP TS 23.040, 9.2.3.24.1), so that a long text may take one segment more than its units say.
"""

from collections.abc import Iterable
from dataclasses import dataclass

_GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("^{}\\[~]|€\f")


@dataclass(frozen=True, slots=True)
class TextSize:
    """Characters as a person counts them, and the segments that a vendor charges."""

    characters: int
    segments: int
    is_plain: bool
    """Whether the small alphabet holds it; one other sign more than halves what a segment carries."""


def text_size(text: str) -> TextSize:
    """Segments of 160 (153 when joined) in the small alphabet, else of 70 (67) UTF-16 units."""
    plain = all(sign in _GSM_BASIC or sign in _GSM_TWICE for sign in text)
    alone, joined = (160, 153) if plain else (70, 67)
    units = [1 + (sign in _GSM_TWICE if plain else sign > "\uffff") for sign in text]
    segments = 0 if not text else 1 if sum(units) <= alone else _cut(units, joined)
    return TextSize(len(text), segments, plain)


def _cut(units: Iterable[int], most: int) -> int:
    segments, taken = 1, 0
    for one in units:
        segments, taken = (segments, taken + one) if taken + one <= most else (segments + 1, one)
    return segments
