"""Every interaction type, declared once; the portal may add its own, which count as nothing but history."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm import details as told

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
    details: type[told.Details] = told.Details
    """What its metadata may hold."""


_DETAILS: dict[str, type[told.Details]] = {
    "sent": told.SentDetails,
    "opened": told.SeenDetails,
    "read": told.SeenDetails,
    "clicked": told.ClickedDetails,
    "unsubscribed": told.ClickedDetails,
    "replied": told.WrittenDetails,
    "received": told.WrittenDetails,
}


def _texting(channel: str, label: str) -> list[InteractionType]:
    def one(suffix: str, words: str | Promise, direction: str, **flags: object) -> InteractionType:
        details = _DETAILS.get(suffix, told.StatusDetails)
        return InteractionType(
            f"{channel}_{suffix}",
            words,
            channel,
            direction,
            "message",
            details=details,
            **flags,  # type: ignore[arg-type]
        )

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
        details = _DETAILS.get(suffix, told.StatusDetails)
        return InteractionType(
            f"email_{suffix}",
            words,
            "email",
            direction,
            "message",
            details=details,
            **flags,  # type: ignore[arg-type]
        )

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


def _portal(suffix: str, label: Promise, direction: str, **flags: object) -> InteractionType:
    return InteractionType(f"portal_message_{suffix}", label, "portal", direction, "message", **flags)  # type: ignore[arg-type]


def _visit(name: str, label: Promise) -> InteractionType:
    return InteractionType(name, label, "portal", IN, "visit", details=told.VisitDetails)


def _event(suffix: str, label: Promise, direction: str) -> InteractionType:
    return InteractionType(f"event_{suffix}", label, "in_person", direction, "event", details=told.EventDetails)


_CLICKED = told.ClickedDetails
_OTHERS = [
    InteractionType(
        "phone_call_made", _("Call to them"), "phone", OUT, "call", attempt=True, step="sent", details=told.CallDetails
    ),
    InteractionType("phone_call_received", _("Call from them"), "phone", IN, "call", details=told.CallDetails),
    _visit("portal_login", _("Portal log-in")),
    _visit("portal_page_viewed", _("Portal page viewed")),
    _visit("document_downloaded", _("Document downloaded")),
    _portal("posted", _("Portal message posted"), OUT, attempt=True, step="arrived", details=told.SentDetails),
    _portal("read", _("Read"), IN, human=True, step="engaged", details=told.SeenDetails),
    _portal("clicked", _("Clicked"), IN, human=True, step="engaged", response=True, details=_CLICKED),
    _portal("dismissed", _("Dismissed"), IN),
    _event("expected", _("Expected at an event"), OUT),
    _event("attended", _("Came to an event"), IN),
    _event("no_show", _("Did not come to an event"), NEITHER),
    InteractionType("conversation", _("Conversation"), "in_person", IN, "conversation", details=told.TalkDetails),
    InteractionType("note", _("Note"), "", NEITHER, "note", details=told.TalkDetails),
    InteractionType("correction", _("Correction"), "", NEITHER, "correction", details=told.CorrectionDetails),
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
