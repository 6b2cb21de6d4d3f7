"""What the policy reads and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

CHANNEL_ORDER = ("email", "sms", "whatsapp", "rcs", "push", "portal", "phone")
"""The fixed order that settles ties."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a channel won or lost: a code and its values; `text` is filled in by `channels.wording`."""

    code: str
    values: Mapping[str, object] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    id: int
    name: str
    is_child: bool


@dataclass(frozen=True, slots=True)
class Address:
    """A contact point with what the ledger says of it for this topic: granted, withdrawn (False) or never asked."""

    contact_point_id: int
    channel: str
    value: str
    member_id: int | None
    is_primary: bool
    is_valid: bool
    consent: bool | None
    consent_source: str = ""
    invalid_reason: str = ""
    window_open: bool | None = None
    """Whether free text may go there now; None where the channel takes it at any time."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Attempts on one channel in the last 90 days, and those a person engaged with."""

    attempts: int
    engaged: int

    @property
    def rate(self) -> float | None:
        """Per cent, or None where nothing was tried."""
        return 100 * self.engaged / self.attempts if self.attempts else None


@dataclass(frozen=True, slots=True)
class Learned:
    """What the night taught: rates in per cent (None: unknown), counts behind them, use of the portal."""

    rates: Mapping[str, float | None] = field(default_factory=dict)
    counts: Mapping[str, Counts] = field(default_factory=dict)
    portal_usage: str | None = None
    best_time: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One family at one moment, as far as deciding needs it."""

    family_id: int
    people: tuple[Person, ...]
    addresses: tuple[Address, ...]
    ready: frozenset[str]
    topic_kind: str = "transactional"
    topic_allows_children: bool = False
    opted_out: frozenset[str] = frozenset()
    preferred: str = ""
    learned: Learned = field(default_factory=Learned)
    urgency: str = "normal"
    only_channel: str = ""
    allow_fallback: bool = True
    member_id: int | None = None
    text_length: int = 0
    templates: frozenset[str] = frozenset()
    """Channels on which an approved template stands in for the text."""


@dataclass(frozen=True, slots=True)
class RankedChannel:
    """One channel's place: score in per cent × weight, or None where unknown; estimate and interval 0 to 1."""

    channel: str
    eligible: bool
    reasons: tuple[Reason, ...]
    score: float | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    member_id: int | None = None
    contact_point_id: int | None = None
    address: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """Chosen, held or blocked, with every channel ranked and a reason for each that lost."""

    urgency: str
    channel: str | None
    ranking: tuple[RankedChannel, ...]
    verdict: Literal["send", "hold", "blocked"]
    reasons: tuple[Reason, ...] = ()
    sentence: str = ""
    hold_until: datetime | None = None
    best_time: str | None = None

    def place_of(self, channel: str) -> RankedChannel | None:
        """The entry of one channel."""
        return next((one for one in self.ranking if one.channel == channel), None)
