"""What several vendors have in common: their forms, the words of consent, and lines that broke before anything left."""

from urllib.parse import parse_qsl

import requests

from channels.ports import StoredRequest

STOP_WORDS = frozenset(["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"])
START_WORDS = frozenset({"START", "UNSTOP"})


def consent_word(text: str) -> str:
    """`stop` or `start` where the whole text is such a word, else nothing."""
    word = text.strip().upper().rstrip(".!")
    return "stop" if word in STOP_WORDS else "start" if word in START_WORDS else ""


def clean(text: str) -> str:
    """Text without the null characters that PostgreSQL cannot keep."""
    return text.replace("\x00", "")


def form_of(stored: StoredRequest) -> dict[str, str]:
    """The fields of a form-encoded callback; of a repeated one the last."""
    return dict(parse_qsl(clean(stored.body.decode("utf-8", "replace")).replace("%00", ""), keep_blank_values=True))


def delivery_number(value: object) -> int | None:
    """Our delivery id as it came back, or None where it is no such thing."""
    text = str(value or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def never_connected(error: requests.RequestException) -> bool:
    """Whether the line broke before anything could have left."""
    text = repr(error)
    return any(name in text for name in ("NewConnectionError", "NameResolutionError", "ConnectTimeout"))
