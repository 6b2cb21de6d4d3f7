"""Long lists, taken a stretch at a time."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def in_batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Stretches of at most `size`, in order; nothing for an empty list."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
