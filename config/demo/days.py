"""The calendar of the demo: everything is placed relative to the day on which it is made."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

DAYS_A_MONTH = 30.44
FIRST_HOUR, LAST_HOUR = 7, 22
NIGHT_OWLS = 0.03
"""Share of answers that come at night all the same."""


@dataclass(frozen=True, slots=True)
class Days:
    """The stretch of time that the demo covers, and the office's clock; history ends with yesterday."""

    now: datetime
    today: date
    first: date
    zone: ZoneInfo

    def at(self, day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
        """A time by the office's clock, as UTC."""
        return datetime.combine(day, time(hour, minute, second), self.zone).astimezone(UTC)

    @property
    def midnight(self) -> datetime:
        """Where history ends: the beginning of today, so that the hour at which the demo is made does not matter."""
        return self.at(self.today, 0)

    def ago(self, days: float) -> date:
        """A day before today, never before the first."""
        return max(self.first, self.today - timedelta(days=days))

    def recent(self, **span: int) -> datetime:
        """So long before this moment; what would fall into the night moves to the evening before."""
        moment = self.now - timedelta(**span)
        local = moment.astimezone(self.zone)
        if local.hour >= FIRST_HOUR:
            return moment
        return self.at(local.date() - timedelta(days=1), LAST_HOUR - 2, local.minute, local.second)


def days_up_to_now(months: int) -> Days:
    """The last so many months by the organisation's clock."""
    zone = ZoneInfo(settings.TIME_ZONE)
    # Whole hours: a demo made anew within the hour is the same to the second.
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    today = now.astimezone(zone).date()
    return Days(now, today, today - timedelta(days=round(months * DAYS_A_MONTH)), zone)


def awake(moment: datetime, zone: ZoneInfo, rng: Random) -> datetime:
    """The moment itself by day; what falls into the family's night mostly waits until the morning."""
    local = moment.astimezone(zone)
    if FIRST_HOUR <= local.hour < LAST_HOUR or rng.random() < NIGHT_OWLS:
        return moment
    day = local.date() + timedelta(days=1 if local.hour >= LAST_HOUR else 0)
    morning = time(FIRST_HOUR + rng.randrange(2), rng.randrange(60), rng.randrange(60))
    return datetime.combine(day, morning, zone).astimezone(UTC)
