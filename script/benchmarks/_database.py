"""What the database is asked for one page: how long it takes, how often it is asked, and how it finds the rows."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection

PLANS = Path(__file__).resolve().parents[2] / "var" / "bench"
TURNS = 15
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


def database_time(work: Callable[[], object], turns: int = TURNS) -> tuple[float, int, list[Asked]]:
    """The median time in the database over some warm runs (milliseconds), the number of queries, and the queries."""
    work()
    work()
    times, watch = [], Watch()
    for _turn in range(turns):
        with watched() as watch:
            work()
        times.append(watch.spent)
    return statistics.median(times), len(watch.asked), watch.asked


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
