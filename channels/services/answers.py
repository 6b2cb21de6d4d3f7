"""Keeps what a vendor answered to a send, for administrators who have to find out why."""

from collections.abc import Iterable
from functools import cache

from django.conf import settings
from django.utils import timezone

from channels.models import Delivery, SendAnswer

LONGEST = 4_000
"""Characters of an answer: enough for any error that a vendor puts into words."""
_SECRET = ("TOKEN", "SECRET", "PASSWORD", "API_KEY", "PRIVATE_KEY")
_SHORTEST_SECRET = 6


def keep_answer(*, delivery: Delivery, raw: str, code: str = "", error: str = "") -> None:
    """Keep the answer to one try, or the error where there was none; a yes without words is not worth a row."""
    if raw or error:
        _answer(delivery, raw, code, error).save()


def keep_answers(answers: Iterable[tuple[Delivery, str]]) -> None:
    """Keep what vendors said to many that they took."""
    SendAnswer.objects.bulk_create([_answer(delivery, raw) for delivery, raw in answers if raw])


def _answer(delivery: Delivery, raw: str, code: str = "", error: str = "") -> SendAnswer:
    return SendAnswer(
        delivery=delivery,
        number=max(delivery.tries, 1),
        code=code[:40],
        error=without_secrets(error)[:500],
        raw=without_secrets(raw)[:LONGEST],
        at=timezone.now(),
    )


def without_secrets(text: str) -> str:
    """The text with our own credentials struck out, and without what no database keeps."""
    text = text.replace("\x00", "")
    for secret in _secrets():
        text = text.replace(secret, "•••")
    return text


@cache
def _secrets() -> tuple[str, ...]:
    """Every credential among the settings; a vendor may repeat in its answer what it was sent."""
    named = {name: getattr(settings, name) for name in dir(settings) if name.isupper()}
    given = {**named, **{f"ANYMAIL_{name}": value for name, value in settings.ANYMAIL.items()}}
    found = {
        value
        for name, value in given.items()
        if isinstance(value, str) and len(value) >= _SHORTEST_SECRET and any(word in name for word in _SECRET)
    }
    return tuple(sorted(found, key=len, reverse=True))
