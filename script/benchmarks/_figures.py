"""What a benchmark answers: figures, each with a floor where one was promised."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One measured number; `at_most` and `at_least` are promises, None where there is none."""

    name: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the promises are kept."""
        small_enough = self.at_most is None or self.value <= self.at_most
        return small_enough and (self.at_least is None or self.value >= self.at_least)

    @property
    def verdict(self) -> str:
        """The promise and whether it is kept, in words."""
        bounds = {"at most": self.at_most, "at least": self.at_least}
        promised = " and ".join(f"{words} {bound:g}" for words, bound in bounds.items() if bound is not None)
        return f"{promised}: {'kept' if self.holds else 'MISSED'}" if promised else ""

    def as_json(self) -> dict[str, object]:
        """For the file that is kept."""
        return {**asdict(self), "holds": self.holds}


def seconds(work: Callable[[], object]) -> float:
    """How long one run takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def middle(work: Callable[[], object], times: int = 5) -> float:
    """The median duration of some runs after one that warms up, in milliseconds."""
    work()
    return 1000 * statistics.median(seconds(work) for _turn in range(times))
