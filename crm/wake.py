"""Wakes a worker once the transaction is safe; a lost wake-up costs seconds, as ticks sweep up."""

import logging
import time
from typing import Any

from celery import current_app
from django.db import transaction

log = logging.getLogger(__name__)
AWAY_SECONDS = 10
"""How long a broker that did not answer is left alone: each try takes seconds, and the ticks do the work anyway."""
_away_until = 0.0


def wake(task: str, *arguments: Any) -> None:
    """Send a task by name on commit; a broker that is away is logged and never an error of the request."""
    transaction.on_commit(lambda: _send(task, arguments), robust=True)


def _send(task: str, arguments: tuple[Any, ...]) -> None:
    global _away_until
    if time.monotonic() < _away_until:
        return
    try:
        current_app.send_task(task, args=arguments, ignore_result=True)
    except Exception as error:
        _away_until = time.monotonic() + AWAY_SECONDS
        log.warning("broker did not take %s (%r); the next tick does it", task, error)
