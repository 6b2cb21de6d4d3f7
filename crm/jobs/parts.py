"""A tick of several parts or rows, none of which holds up those behind it."""

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from celery.exceptions import SoftTimeLimitExceeded

log = logging.getLogger(__name__)


def run_parts(parts: Mapping[str, Callable[[], int]]) -> dict[str, int]:
    """Run each part and answer what it did; what went wrong is logged at once and raised when all had their turn."""
    done: dict[str, int] = {}
    errors: list[Exception] = []
    for name, part in parts.items():
        try:
            done[name] = part()
        except SoftTimeLimitExceeded:
            # There is no time for the others: the next tick does them.
            raise
        except Exception as error:
            log.exception("%s failed; the others go on", name)
            error.add_note(f"part: {name}")
            errors.append(error)
    if errors:
        raise ExceptionGroup("some parts failed", errors)
    return done


def run_each(name: str, ids: Iterable[int], work: Callable[[int], int]) -> int:
    """The same for rows: answers the sum of what `work` answers for each."""
    return sum(run_parts({f"{name} {pk}": partial(work, pk) for pk in ids}).values())
