"""Every interaction type, declared once; the portal may add its own, which count as nothing but history."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

OUT, IN, NEITHER = "out", "in", ""
Step = Literal["", "sent", "arrived", "engaged", "failed"]

# How long an answer may take and still belong to its attempt (hours; CHOICE.md, section 2).
WINDOW_HOURS: dict[str, int] = {
    "email": 72, "sms": 24, "whatsapp": 24, "rcs": 24, "push": 24, "portal": 168, "phone": 1,
}  # fmt: skip
WINDOWS = {channel: timedelta(hours=hours) for channel, hours in WINDOW_HOURS.items()}


@dataclass(frozen=True, slots=True)
class InteractionType:
    """What a type means: `attempt` carries a message, `human` proves that a person acted on one."""

    name: str
    label: str | Promise
    channel: str
    direction: str
    category: str
    attempt: bool = False
    human: bool = False
    step: Step = ""
    response: bool = False
    """A human event that answers rather than looks: a click or a reply."""


def _texting(channel: str, label: str) -> list[InteractionType]:
    def one(suffix: str, words: str | Promise, direction: str, **flags: object) -> InteractionType:
        return InteractionType(f"{channel}_{suffix}", words, channel, direction, "message", **flags)  # type: ignore[arg-type]

    return [
        one("sent", _("%s sent") % label, OUT, attempt=True, step="sent"),
        one("delivered", _("Delivered"), OUT, step="arrived"),
        one("failed", _("Failed"), OUT, step="failed"),
        one("undelivered", _("Not delivered"), OUT, step="failed"),
        one("status_update", _("Status"), OUT),
        one("read", _("Read"), IN, human=True, step="engaged"),
        one("replied", _("Replied"), IN, human=True, step="engaged", response=True),
        one("received", _("%s received") % label, IN),
        one("clicked", _("Clicked"), IN, human=True, step="engaged", response=True),
    ]


def _email() -> list[InteractionType]:
    def one(suffix: str, words: str | Promise, direction: str, **flags: object) -> InteractionType:
        return InteractionType(f"email_{suffix}", words, "email", direction, "message", **flags)  # type: ignore[arg-type]

    return [
        one("sent", _("Email sent"), OUT, attempt=True, step="sent"),
        one("delivered", _("Delivered"), OUT, step="arrived"),
        one("opened", _("Opened"), IN, human=True, step="engaged"),
        one("clicked", _("Clicked"), IN, human=True, step="engaged", response=True),
        one("replied", _("Replied"), IN, human=True, step="engaged", response=True),
        one("received", _("Email received"), IN),
        one("bounced", _("Bounced"), OUT, step="failed"),
        one("dropped", _("Dropped"), OUT, step="failed"),
        one("failed", _("Failed"), OUT, step="failed"),
        one("spam_reported", _("Reported as spam"), IN, step="failed"),
        one("unsubscribed", _("Unsubscribed"), IN),
    ]


_OTHERS = [
    InteractionType("phone_call_made", _("Call to them"), "phone", OUT, "call", attempt=True, step="sent"),
    InteractionType("phone_call_received", _("Call from them"), "phone", IN, "call"),
    InteractionType("portal_login", _("Portal log-in"), "portal", IN, "visit"),
    InteractionType("portal_page_viewed", _("Portal page viewed"), "portal", IN, "visit"),
    InteractionType("document_downloaded", _("Document downloaded"), "portal", IN, "visit"),
    InteractionType(
        "portal_message_posted",
        _("Portal message posted"),
        "portal",
        OUT,
        "message",
        attempt=True,
        step="arrived",
    ),
    InteractionType("portal_message_read", _("Read"), "portal", IN, "message", human=True, step="engaged"),
    InteractionType(
        "portal_message_clicked",
        _("Clicked"),
        "portal",
        IN,
        "message",
        human=True,
        step="engaged",
        response=True,
    ),
    InteractionType("portal_message_dismissed", _("Dismissed"), "portal", IN, "message"),
    InteractionType("event_expected", _("Expected at an event"), "in_person", OUT, "event"),
    InteractionType("event_attended", _("Came to an event"), "in_person", IN, "event"),
    InteractionType("event_no_show", _("Did not come to an event"), "in_person", NEITHER, "event"),
    InteractionType("conversation", _("Conversation"), "in_person", IN, "conversation"),
    InteractionType("note", _("Note"), "", NEITHER, "note"),
    InteractionType("correction", _("Correction"), "", NEITHER, "correction"),
]

TYPES: dict[str, InteractionType] = {
    one.name: one
    for one in [
        *_email(),
        *_texting("sms", "SMS"),
        *_texting("whatsapp", "WhatsApp"),
        *_texting("rcs", "RCS"),
        *_texting("push", "Push"),
        *_OTHERS,
    ]
}

PHONE_ANSWERED = "answered"
PHONE_NOT_REACHABLE = "wrong_number"


@cache
def attempt_types() -> frozenset[str]:
    """Types that carry a message and so can be answered."""
    return frozenset(name for name, kind in TYPES.items() if kind.attempt)


@cache
def human_types() -> frozenset[str]:
    """Types that prove a person looked or answered."""
    return frozenset(name for name, kind in TYPES.items() if kind.human)


@cache
def response_types() -> frozenset[str]:
    """Types that prove a person clicked or replied."""
    return frozenset(name for name, kind in TYPES.items() if kind.response)


def attempt_type_of(channel: str) -> str:
    """The type that our own attempt on a channel is recorded as."""
    return {"portal": "portal_message_posted", "phone": "phone_call_made"}.get(channel, f"{channel}_sent")


def is_event_of_attempt(name: str) -> bool:
    """Whether a type is news of an earlier attempt: an open, click, reply, status, never the attempt itself."""
    kind = TYPES.get(name)
    if kind is None or kind.attempt or kind.category != "message":
        return False
    return not name.endswith("_received")
