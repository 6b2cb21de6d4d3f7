"""What the database is asked for one page: how long it takes, how often it is asked, and how it finds the rows."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection

PLANS = Path(__file__).resolve().parents[2] / "var" / "bench"
TURNS = 9
_CLOCK = re.compile(r"(?:Planning|Execution) Time: ([\d.]+) ms")
Asked = tuple[str, Any]


@dataclass
class Watch:
    """Time in the database (milliseconds, rows fetched included), and the statements."""

    spent: float = 0.0
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.spent += 1000 * (time.perf_counter() - began)
            self.asked.append((sql, params))


@contextmanager
def watched() -> Iterator[Watch]:
    """Count and time every statement inside."""
    watch = Watch()
    with connection.execute_wrapper(watch):
        yield watch


@dataclass(frozen=True)
class Look:
    """What one piece of work costs warm, in milliseconds."""

    client: float
    """Median of all its statements as this process sees them, rows fetched."""
    server: float | None
    """What PostgreSQL says of planning and running them, the least disturbed of some runs; None on SQLite."""
    asked: list[Asked]


def look(work: Callable[[], object], turns: int = TURNS) -> Look:
    """Run some work again and again, and its statements by themselves."""
    work()
    watches = []
    for _turn in range(turns):
        with watched() as watch:
            work()
        watches.append(watch)
    asked = watches[-1].asked
    server = sum(_server_time(*one) for one in asked) if connection.vendor == "postgresql" else None
    return Look(statistics.median(one.spent for one in watches), server, asked)


def _server_time(sql: str, params: Any, turns: int = TURNS) -> float:
    """Planning and execution of one statement by the server's own clock, the least of some runs."""
    least = float("inf")
    with connection.cursor() as cursor:
        for _turn in range(turns):
            cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, SUMMARY ON) {sql}", params)
            told = "\n".join(row[0] for row in cursor.fetchall())
            least = min(least, sum(float(found) for found in _CLOCK.findall(told)))
    return least


def keep_plans(name: str, asked: dict[str, list[Asked]]) -> Path:
    """Write how PostgreSQL answers each statement to var/bench/<name>-plans.txt."""
    PLANS.mkdir(parents=True, exist_ok=True)
    path = PLANS / f"{name}-plans.txt"
    with path.open("w", encoding="utf-8") as file, connection.cursor() as cursor:
        for title, statements in asked.items():
            file.write(f"\n{'=' * 100}\n{title}\n")
            for sql, params in statements:
                file.write(f"\n{sql[:4000]}\n\n")
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", params)
                file.writelines(f"    {row[0]}\n" for row in cursor.fetchall())
    return path
