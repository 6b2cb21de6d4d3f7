"""What a benchmark answers: figures, each with a floor where one was promised."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One measured number; `at_most` is the promise, None where there is none."""

    name: str
    value: float
    unit: str
    at_most: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the promise is kept."""
        return self.at_most is None or self.value <= self.at_most

    @property
    def verdict(self) -> str:
        """The promise and whether it is kept, in words."""
        if self.at_most is None:
            return ""
        return f"at most {self.at_most:g}: {'kept' if self.holds else 'MISSED'}"

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
