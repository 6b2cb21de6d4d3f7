"""Lets the floors above hear news so that a failing receiver costs a row to repair, never the interaction."""

import json
import logging
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils import timezone

from crm import signals
from crm.models import MissedNews

log = logging.getLogger(__name__)
Receiver = Callable[..., None]
_RECEIVERS: dict[str, Receiver] = {}


def announce(name: str, **payload: Any) -> None:
    """Tell every receiver, inside the caller's transaction; the payload is ids and flags only."""
    signals.BY_NAME[name].send(sender=None, **payload)


def hears(name: str) -> Callable[[Receiver], Receiver]:
    """Register a receiver that works in a savepoint of its own and whose failure is kept for the sweeper."""

    def register(receiver: Receiver) -> Receiver:
        label = f"{receiver.__module__}.{receiver.__qualname__}"
        _RECEIVERS[label] = receiver

        def told(sender: object = None, signal: object = None, **payload: Any) -> None:
            _tell(name, label, payload)

        signals.BY_NAME[name].connect(told, weak=False, dispatch_uid=label)
        return receiver

    return register


def _tell(name: str, label: str, payload: dict[str, Any]) -> None:
    try:
        with transaction.atomic():
            _RECEIVERS[label](**payload)
    except Exception as error:
        log.exception("receiver %s of %s failed; kept for the sweeper", label, name)
        MissedNews.objects.create(
            signal=name, receiver=label, payload=json.loads(json.dumps(payload)), error=repr(error)
        )


def tell_again(limit: int = 100) -> int:
    """Tell missed news again, oldest first; answers how many were settled."""
    settled = 0
    for missed in MissedNews.objects.filter(settled_at=None).order_by("id")[:limit]:
        receiver = _RECEIVERS.get(missed.receiver)
        if receiver is None:
            continue
        try:
            with transaction.atomic():
                receiver(**missed.payload)
                MissedNews.objects.filter(pk=missed.pk).update(settled_at=timezone.now())
            settled += 1
        except Exception as error:
            log.exception("receiver %s failed again", missed.receiver)
            MissedNews.objects.filter(pk=missed.pk).update(tries=missed.tries + 1, error=repr(error))
    return settled
