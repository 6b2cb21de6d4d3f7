"""Which channel, which person, or why not: pure functions over dataclasses, no Django in them."""

from channels.policy.decide import decide
from channels.policy.recipient import may_hold, may_use
from channels.policy.types import (
    CHANNEL_ORDER,
    Address,
    Counts,
    Decision,
    Learned,
    Person,
    RankedChannel,
    Reason,
    Snapshot,
)

__all__ = [
    "CHANNEL_ORDER",
    "Address",
    "Counts",
    "Decision",
    "Learned",
    "Person",
    "RankedChannel",
    "Reason",
    "Snapshot",
    "decide",
    "may_hold",
    "may_use",
]
