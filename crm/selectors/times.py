"""Days and times as sentences say them: the year only where it is another one."""

from datetime import date, datetime

from django.utils import timezone
from django.utils.formats import date_format


def day_words(day: date) -> str:
    """Thu 12 Nov; Thu 12 Nov 2027 in another year."""
    return date_format(day, "D j M" if day.year == timezone.localdate().year else "D j M Y")


def day_and_time(moment: datetime) -> str:
    """Thu 12 Nov, 10:00, on the clock of the moment's own zone."""
    return f"{day_words(moment.date())}, {moment:%H:%M}"
