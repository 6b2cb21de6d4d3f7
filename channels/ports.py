"""What an adapter is: all that the house knows of a vendor."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, runtime_checkable

TEST_DELIVERY = 0
"""The delivery id of a test message, which has no delivery: what a vendor tells of it concerns nobody."""


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file that goes along with an email; `read` gives its bytes, or raises `OSError` where they are gone."""

    name: str
    content_type: str
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message for one address, ready to leave; `text` is what the channel carries as plain text."""

    delivery_id: int
    channel: str
    address: str
    subject: str
    text: str
    html: str
    family_id: int
    member_id: int | None
    person: str
    urgent: bool
    sender: str = ""
    """From whom, where the topic has a sender of its own; empty: the one that the environment names."""
    template: str = ""
    """The vendor's name of an approved template (WhatsApp and RCS: ContentSid), sent in place of the text."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What fills that template in."""
    title: str = ""
    """The heading of a push message or a card in the portal."""
    link: str = ""
    """Where a tap on a push message or a card leads."""
    is_marketing: bool = False
    stands_hours: float = 0
    """How long a card stands in the portal; 0: as the installation says."""
    attachments: tuple[AttachedFile, ...] = ()
    """Only email carries files."""


@dataclass(frozen=True, slots=True)
class SendResult:
    """The vendor's yes: its id, and the state this means (usually `sent`)."""

    provider_id: str = ""
    state: str = "sent"
    raw: str = ""
    """The answer as it came, for administrators; never with credentials."""


def wait_asked(retry_after: str | None) -> float | None:
    """Seconds of a Retry-After header (RFC 9110, 10.2.3: seconds or a date); None where it says nothing readable."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp())


@dataclass(frozen=True, slots=True)
class Fault:
    """What a vendor's error code means: in words for staff, and for the message, the address and the sender."""

    words: Any
    """Translated when it is told, not when it is declared."""
    permanent: bool = True
    address_dead: bool = False
    opted_out: bool = False
    of_sender: bool = False
    """Every message of this sender would fail alike: they wait until it is put right."""


class SendError(Exception):
    """The vendor's no. `permanent`: trying again is useless. `left`: it may have gone out, so never blindly again.

    `of_sender`: every message would fail alike (credentials, account), so that they wait. `opted_out`: the vendor
    knows of a STOP. `retry_after`: seconds that the vendor asks for. `raw`: the answer as it came, if one came.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool,
        code: str = "",
        left: bool = False,
        address_dead: bool = False,
        opted_out: bool = False,
        of_sender: bool = False,
        retry_after: float | None = None,
        raw: str = "",
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.code = code
        self.left = left
        self.address_dead = address_dead
        self.opted_out = opted_out
        self.of_sender = of_sender
        self.retry_after = retry_after
        self.raw = raw

    @property
    def shows_vendor_away(self) -> bool:
        """Whether it speaks against the vendor or our account there, and not against this one message."""
        return self.of_sender or not self.permanent


@dataclass(frozen=True, slots=True)
class DeliveryEvent:
    """News of a delivery, in our words; `state` None changes nothing but the log."""

    interaction_type: str
    occurred_at: datetime
    event_id: str
    state: str | None = None
    delivery_id: int | None = None
    provider_id: str = ""
    address: str = ""
    channel: str = "email"
    error_code: str = ""
    error: str = ""
    is_machine: bool = False
    address_dead: bool = False
    opt_out: str = ""
    """A consent source where this event withdraws consent: complaint, one_click."""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sought:
    """A message whose fate we do not know: what was to leave, when it was begun, and the vendor's id if it told one."""

    envelope: Envelope
    intent_at: datetime
    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """Something a person wrote to us; `consent` is stop or start where it is a consent word."""

    channel: str
    address: str
    text: str
    occurred_at: datetime
    event_id: str
    consent: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


News = DeliveryEvent | InboundMessage


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a vendor serves, and whether it only plays."""

    channels: frozenset[str]
    sandbox: bool = False
    lines: int = 1
    """How many messages it takes at once; more than one only where sending does not touch the database."""
    asks: bool = False
    """Whether the vendor can be asked what became of a message (`Finder`)."""


class Refused(Exception):
    """A callback that is not the vendor's: nothing of it is kept but a count."""

    def __init__(self, reason: str, status: int = 403) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """A callback as it came, kept so that it can be read again; `received_at` is the time of what tells none."""

    path: str
    query: str
    content_type: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


class Adapter(Protocol):
    """Carries messages; raises `SendError`."""

    name: str
    capabilities: Capabilities

    def send(self, envelope: Envelope) -> SendResult: ...


@runtime_checkable
class Finder(Protocol):
    """An adapter whose vendor can be asked; raises `SendError` where it does not answer."""

    def find(self, sought: Sought) -> list[DeliveryEvent]:
        """Every message at the vendor that may be this one, with what became of it; none: it does not know of any.

        An event that names our delivery id is certain; the others only look alike (recipient, text, time).
        """
        ...


class Ear(Protocol):
    """Hears a vendor's callbacks: `verify` first (raises `Refused`), `split` and `parse` later, in the background."""

    def verify(self, request: Any) -> None: ...

    def split(self, stored: StoredRequest) -> list[StoredRequest]: ...

    def parse(self, stored: StoredRequest) -> list[News]: ...
