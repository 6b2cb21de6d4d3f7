"""Who gets how much of the log."""

from collections.abc import Mapping, Sequence
from random import Random

from config.demo.people import PlannedFamily


def share_out(families: Sequence[PlannedFamily], wanted: Mapping[int, int], total: int, seed: int) -> list[int]:
    """How many entries each household gets; the sum is `total`.

    Scripted ones get what they want up to a twelfth, the first of them up to a quarter; the rest go by chance.
    """
    rng = Random(f"{seed}:shares")  # noqa: S311 - made-up people
    fixed = {
        number: min(entries, total // (12 if place else 4)) for place, (number, entries) in enumerate(wanted.items())
    }
    weights = [0.0 if one.number in fixed else rng.gammavariate(4, 1) for one in families]
    rest, weight = total - sum(fixed.values()), sum(weights)
    if not weight:
        return _whole(families, fixed, total)
    # Rounding the running sum keeps every share whole and the sum exact.
    shares, before, running = [], 0, 0.0
    for one, own in zip(families, weights, strict=True):
        running += own
        upto = round(rest * running / weight)
        shares.append(fixed.get(one.number, upto - before))
        before = upto
    return shares


def _whole(families: Sequence[PlannedFamily], fixed: Mapping[int, int], total: int) -> list[int]:
    """All households are scripted: the first takes what the others leave."""
    shares = [fixed[one.number] for one in families]
    shares[0] += total - sum(shares)
    return shares
