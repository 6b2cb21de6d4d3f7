"""Requests that may be sent twice and are done once: who comes first works, who comes again gets the same answer."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from crm.models import KeptAnswer

KEPT_FOR = timedelta(hours=24)
WORKED_ON_FOR = timedelta(minutes=2)
"""Longer than any request takes; a server that died in the middle gives the key back after this."""


class OtherRequest(Exception):
    """The key stands for a request with another body."""


class BeingAnswered(Exception):
    """The same request is being worked on just now."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request under a key: who asked, where, and the digest of what was asked."""

    owner: str
    route: str
    key: str
    digest: str


def take_turn(asked: Asked) -> KeptAnswer:
    """The answer that is kept, or with no status yet the right to work it out.

    Raises `OtherRequest` and `BeingAnswered`. Must not stand in the transaction of the work: others have to see it.
    """
    now, turn = timezone.now(), uuid.uuid4().hex
    fresh = {"digest": asked.digest, "turn": turn, "locked_until": now + WORKED_ON_FOR, "created_at": now}
    kept, created = KeptAnswer.objects.get_or_create(
        owner=asked.owner, route=asked.route, key=asked.key, defaults=fresh
    )
    if created:
        return kept
    if kept.created_at <= now - KEPT_FOR:
        return _take_over(kept, fresh)
    if kept.digest != asked.digest:
        raise OtherRequest
    if kept.status is not None:
        return kept
    if kept.locked_until > now:
        raise BeingAnswered
    return _take_over(kept, fresh)


def _take_over(kept: KeptAnswer, fresh: dict[str, object]) -> KeptAnswer:
    """Whoever changes the turn first has it: of an answer that is too old, and of work that nobody finishes."""
    taken = KeptAnswer.objects.filter(pk=kept.pk, turn=kept.turn).update(status=None, body="", **fresh)
    if not taken:
        raise BeingAnswered
    return KeptAnswer.objects.get(pk=kept.pk)


def keep_answer(*, kept: KeptAnswer, status: int, body: str) -> None:
    """Keep the answer, in the transaction of the work itself; raises `BeingAnswered` where another took the turn."""
    if not KeptAnswer.objects.filter(pk=kept.pk, turn=kept.turn, status=None).update(status=status, body=body):
        raise BeingAnswered


def give_turn_back(kept: KeptAnswer) -> None:
    """The work failed and wrote nothing: the key is free again."""
    KeptAnswer.objects.filter(pk=kept.pk, turn=kept.turn, status=None).delete()


def forget_answers(*, most: int = 5_000) -> int:
    """Drop answers after a day, oldest first; answers how many."""
    old = KeptAnswer.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).order_by("created_at")
    return KeptAnswer.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:most])).delete()[0]
