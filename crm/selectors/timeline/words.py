"""How the fields of an entry are put into words; metadata comes from anywhere, so nothing of it is trusted."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.enums import CallOutcome, ConversationKind
from crm.models import Interaction
from crm.selectors.timeline.cards import State
from crm.selectors.timeline.roots import REPLIES
from crm.vocabulary import TYPES

LONGEST = 4000
OUTCOME_LOOKS = {
    "answered": ("ok", "phone-check"),
    "no_answer": ("warn", "phone-x"),
    "voicemail": ("", "record-mail"),
    "busy": ("", "phone-pause"),
    "wrong_number": ("bad", "phone-off"),
}
KIND_LOOKS = {
    "concern": ("warn", "alert-circle"),
    "feedback": ("", "mood-smile"),
    "question": ("", "message-circle-question"),
    "other": ("", "message-circle"),
}
_NAMES = ("title", "page", "document", "name", "path", "url")
_ERRORS = ("error", "reason", "response", "outcome", "code")
_MESSAGE_WORDS = {
    "email": gettext_lazy("Email"),
    "sms": gettext_lazy("Text"),
    "whatsapp": gettext_lazy("WhatsApp message"),
    "rcs": gettext_lazy("RCS message"),
    "push": gettext_lazy("Push message"),
    "portal": gettext_lazy("Portal message"),
}


def written(metadata: Mapping[str, Any], *names: str) -> str:
    """The first of these fields that holds words or a number, whole; only what may be kept at all bounds it."""
    if not isinstance(metadata, Mapping):
        return ""
    values = (metadata.get(name) for name in names)
    words = (str(one).strip() for one in values if isinstance(one, str | int | float) and not isinstance(one, bool))
    return next((one for one in words if one), "")


def told(metadata: Mapping[str, Any], *names: str) -> str:
    """As `written`, bounded: for what stands in a line among others."""
    return written(metadata, *names)[:LONGEST]


def type_word(name: str) -> str:
    """A type in words; one that only its reporter knows is spelled out."""
    kind = TYPES.get(name)
    return str(kind.label) if kind else name.replace("_", " ").strip().capitalize() or _("Entry")


def message_word(channel: str) -> str:
    """What one message on a channel is called."""
    return str(_MESSAGE_WORDS.get(channel, _("Message")))


def thread_word(channel: str, name: str) -> str:
    """What a talk in writing is called."""
    word = {"sms": _("Texts"), "whatsapp": _("WhatsApp messages"), "rcs": _("RCS messages")}.get(channel, _("Messages"))
    return _("%(messages)s with %(name)s") % {"messages": word, "name": name} if name else word


def subject(entry: Interaction) -> str:
    """The subject of a letter, or of the one that it answers."""
    own = told(entry.metadata, "subject", "title")
    if own or entry.interaction_type not in REPLIES or entry.attempt is None:
        return own[:300]
    return told(entry.attempt.metadata, "subject", "title")[:300]


def person(entry: Interaction) -> str:
    """What staff call the member, also one who was taken out since."""
    if entry.member:
        return entry.member.first_name
    return _("%s (no longer in the family)") % entry.left if entry.left else ""


def author(entry: Interaction) -> str:
    """Who wrote the entry, where a person did."""
    user = entry.created_by
    return (user.first_name or user.get_username()) if user else ""


def outcome_state(value: str) -> State | None:
    """The outcome of a call; an unknown one in its own words."""
    if not value:
        return None
    css, icon = OUTCOME_LOOKS.get(value, ("", "phone"))
    word = str(CallOutcome(value).label) if value in CallOutcome.values else value.replace("_", " ").capitalize()
    return State(css, icon, word)


def conversation_state(value: str) -> State | None:
    """The kind of a talk; an unknown one in its own words."""
    if not value or value == ConversationKind.OTHER:
        return None
    css, icon = KIND_LOOKS.get(value, ("", "message-circle"))
    known = value in ConversationKind.values
    return State(css, icon, str(ConversationKind(value).label) if known else value.replace("_", " ").capitalize())


def call_length(entry: Interaction) -> str:
    """How long a call was; where a person chose a rough length, only about so long."""
    seconds = entry.metadata.get("duration")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
        return ""
    minutes = max(1, round(seconds / 60))
    words = ngettext("%d min", "%d min", minutes) % minutes
    return _("about %s") % words if entry.metadata.get("about") is True else words


def failure(entry: Interaction) -> str:
    """Why it failed, as the vendor or a colleague told it."""
    return told(entry.metadata, *_ERRORS) or entry.outcome.replace("_", " ")


def visited(entry: Interaction) -> str:
    """What was looked at in the portal."""
    return told(entry.metadata, *_NAMES)[:120] or type_word(entry.interaction_type)
