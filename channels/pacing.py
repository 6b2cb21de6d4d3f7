"""How fast a sender may go, and when one that fails is left alone. Pure: time comes from outside.

Rate: the generic cell rate algorithm (ITU-T I.371): one time per sender, up to which its slots are taken. In any
window of W seconds at most `per_second` × (W + BURST_SECONDS) + 1 messages leave: 1.8 % over the rate in a minute.
Pause: a circuit breaker that opens after some failures in a row, for longer each time, and lets one try it then.
"""

from datetime import datetime, timedelta
from decimal import Decimal

BURST_SECONDS = 1
"""How much may leave at once after a rest, in seconds of the rate."""
FAILURES_TO_PAUSE = 5
FIRST_PAUSE, LONGEST_PAUSE = 30, 600
"""Seconds."""

Rate = Decimal | float | int | None


def slots_free(taken_until: datetime | None, now: datetime, per_second: Rate) -> int | None:
    """How many may leave at this moment; None where the sender has no limit."""
    if not per_second:
        return None
    ahead = _ahead(taken_until, now)
    rate = float(per_second)
    return int((BURST_SECONDS - ahead) * rate) + 1 if ahead <= BURST_SECONDS else 0


def take_slot(taken_until: datetime | None, now: datetime, per_second: Rate) -> datetime | None:
    """Until when slots are taken once one more has left now; None where none is free."""
    if not slots_free(taken_until, now, per_second):
        return None
    start = now + timedelta(seconds=_ahead(taken_until, now))
    return start + timedelta(seconds=1 / float(per_second or 1))


def _ahead(taken_until: datetime | None, now: datetime) -> float:
    return max(0.0, (taken_until - now).total_seconds()) if taken_until else 0.0


def pause_seconds(failures: int) -> int:
    """How long a sender rests after so many failures in a row; 0 while they may be chance."""
    if failures < FAILURES_TO_PAUSE:
        return 0
    return min(FIRST_PAUSE * 2 ** min(failures - FAILURES_TO_PAUSE, 10), LONGEST_PAUSE)
