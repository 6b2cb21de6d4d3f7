"""The `date` filter: strftime's signs, said in the language of the text."""

import re
from datetime import date, datetime
from typing import Any

from django.utils import timezone
from django.utils.dateformat import format as written
from liquid.exceptions import FilterArgumentError

DAY = "%-d %B %Y"
SIGNS = {
    "%d": "d", "%-d": "j", "%m": "m", "%-m": "n", "%b": "b", "%B": "F", "%y": "y", "%Y": "Y", "%a": "D", "%A": "l",
    "%H": "H", "%-H": "G", "%I": "h", "%-I": "g", "%M": "i", "%p": "A", "%%": "",
}  # fmt: skip
"""strftime's sign to Django's letter, which knows the names of days and months in every language."""
_SIGN = re.compile(r"%-?.|%")
_LONGEST = 60


def date_filter(value: Any, pattern: Any = DAY) -> str:
    """`{{ day | date: "%A, %-d %B" }}`; a day is ISO 8601 (2026-11-12 or 2026-11-12T17:24), or “today”.

    What is no date stays as it is; a sign that is not known is an error of the template.
    """
    text, signs = str(value), str(pattern)
    if len(signs) > _LONGEST:
        raise FilterArgumentError(f"a pattern of a date has at most {_LONGEST} signs", token=None)
    for sign in _SIGN.findall(signs):
        if sign not in SIGNS:
            raise FilterArgumentError(f"{sign} is not known in a date; there is {' '.join(SIGNS)}", token=None)
    day = _read(text.strip())
    return text if day is None else _SIGN.sub(lambda found: _one(day, found[0]), signs)


def _one(day: datetime, sign: str) -> str:
    return written(day, SIGNS[sign]) if SIGNS[sign] else "%"


def _read(text: str) -> datetime | None:
    if text in ("today", "now"):
        return timezone.localtime()
    try:
        moment = datetime.fromisoformat(text) if "T" in text else _midnight(date.fromisoformat(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else timezone.make_aware(moment)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)
