"""Taps at the door, which a flaky line may bring late and twice."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from crm.errors import Outdated
from crm.models import Event, Member
from crm.services.answers import Asked, give_turn_back, keep_answer, take_turn
from crm.services.events import set_attendance

LONGEST_WAIT = timedelta(days=30)
_DONE = 200
Ticks = Sequence[tuple[Member, str]]


@dataclass(frozen=True, slots=True)
class Tap:
    """One tap by the name that the browser gave it, and how long it waited there for the line."""

    key: str
    waited: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Ticked:
    """What a tap did: for whom it counted, and who was marked anew after it was made, for whom it does not."""

    counted: list[Member]
    outdated: list[Member]


def tick_people(*, event: Event, ticks: Ticks, by_id: int, tap: Tap | None = None) -> Ticked:
    """Set what became of each, all or none, but for those marked anew since; nobody where this tap was taken before.

    Raises `Invalid`, and of a named tap `OtherRequest` where it meant others, `BeingAnswered` where it is in work.
    """
    if tap is None:
        with transaction.atomic():
            return _set(event, ticks, by_id, timedelta(0))
    meant = ",".join(f"{member.pk}:{state}" for member, state in ticks)
    digest = hashlib.sha256(meant.encode()).hexdigest()
    kept = take_turn(Asked(owner=f"user:{by_id}", route=f"check-in {event.pk}", key=tap.key, digest=digest))
    if kept.status is not None:
        return Ticked([], [])
    try:
        with transaction.atomic():
            ticked = _set(event, ticks, by_id, min(tap.waited, LONGEST_WAIT))
            keep_answer(kept=kept, status=_DONE, body="")
    except BaseException:
        give_turn_back(kept)
        raise
    return ticked


def _set(event: Event, ticks: Ticks, by_id: int, waited: timedelta) -> Ticked:
    ticked = Ticked([], [])
    for member, state in ticks:
        try:
            set_attendance(event=event, member=member, state=state, by_id=by_id, at=timezone.now() - waited)
        except Outdated:
            ticked.outdated.append(member)
        else:
            ticked.counted.append(member)
    return ticked
