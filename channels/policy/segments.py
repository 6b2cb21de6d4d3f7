"""How many texts a text costs: SMS are cut into segments by alphabet (GSM 03.38; 3GPP TS 23.038)."""

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
    if plain:
        units = len(text) + sum(sign in _GSM_TWICE for sign in text)
        alone, joined = 160, 153
    else:
        units = len(text.encode("utf-16-le", "surrogatepass")) // 2
        alone, joined = 70, 67
    segments = 0 if not text else 1 if units <= alone else -(-units // joined)
    return TextSize(len(text), segments, plain)
