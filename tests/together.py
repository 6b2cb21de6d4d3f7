"""Runs things at the same time; SQLite has one writer at a time, so that there they follow each other."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

side_by_side = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run these side by side, each on a connection of its own; answers what they returned or raised."""
    if connection.vendor == "sqlite":
        return [work() for work in works]
    results: list[Any] = [None] * len(works)

    def run(index: int, work: Callable[[], Any]) -> None:
        try:
            results[index] = work()
        except Exception as error:
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return results
