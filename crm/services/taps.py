"""Taps at the door, which a flaky line may bring late and twice."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from crm.models import Event, Member
from crm.services.answers import Asked, give_turn_back, keep_answer, take_turn
from crm.services.events import set_attendance

LONGEST_WAIT = timedelta(hours=12)
_DONE = 200


@dataclass(frozen=True, slots=True)
class Tap:
    """One tap by the name that the browser gave it, and how long it waited there for the line."""

    key: str
    waited: timedelta = timedelta(0)


def tick_people(*, event: Event, ticks: Sequence[tuple[Member, str]], by_id: int, tap: Tap | None = None) -> bool:
    """Set what became of each, all or none; answers whether it did, False where this tap was taken before.

    Raises `Invalid`, and of a named tap `OtherRequest` where it meant others, `BeingAnswered` where it is in work.
    """
    if tap is None:
        with transaction.atomic():
            _set(event, ticks, by_id, timedelta(0))
        return True
    meant = ",".join(f"{member.pk}:{state}" for member, state in ticks)
    digest = hashlib.sha256(meant.encode()).hexdigest()
    kept = take_turn(Asked(owner=f"user:{by_id}", route=f"check-in {event.pk}", key=tap.key, digest=digest))
    if kept.status is not None:
        return False
    try:
        with transaction.atomic():
            _set(event, ticks, by_id, min(tap.waited, LONGEST_WAIT))
            keep_answer(kept=kept, status=_DONE, body="")
    except BaseException:
        give_turn_back(kept)
        raise
    return True


def _set(event: Event, ticks: Sequence[tuple[Member, str]], by_id: int, waited: timedelta) -> None:
    for member, state in ticks:
        set_attendance(event=event, member=member, state=state, by_id=by_id, at=timezone.now() - waited)
