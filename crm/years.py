"""The years that our times lie in: far from where calendars end, so that every zone and sum of days can be told."""

from datetime import UTC, datetime, timedelta

FIRST_YEAR, LAST_YEAR = 1900, 2199
FIRST = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
END = datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)


def is_ours(moment: datetime) -> bool:
    """Whether an aware time lies in these years, by UTC."""
    return FIRST <= moment < END


FURTHEST = timedelta(days=3653)
"""How far ahead anything may be asked for: ten years."""
