"""States, times and sources of messages as staff read them."""

from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from channels.enums import MessageStatus
from channels.models import Message


class StateMark(NamedTuple):
    """How a state looks: the tone and the icon only help, the words carry it."""

    tone: str
    icon: str
    words: str


_LOOKS = {
    "held": ("warn", "hourglass"),
    "blocked": ("bad", "ban"),
    "queued": ("", "clock"),
    "sending": ("", "arrow-up-right"),
    "sent": ("", "check"),
    "delivered": ("ok", "checks"),
    "engaged": ("ok", "eye-check"),
    "unknown": ("warn", "help"),
    "failed": ("bad", "alert-circle"),
    "bounced": ("bad", "mail-x"),
    "undelivered": ("bad", "alert-circle"),
    "expired": ("bad", "clock-exclamation"),
    "cancelled": ("", "x"),
}
_ENGAGED = {
    "email": lambda: _("Opened"),
    "sms": lambda: _("Answered"),
    "phone": lambda: _("Answered"),
}
_PHONE = {
    "sent": lambda: _("Call asked for"),
    "failed": lambda: _("Not reached"),
}


def state_mark(state: str, label: str, channel: str) -> StateMark:
    """A state in words that fit the channel: a family opens an email, answers a text, reads the rest."""
    tone, icon = _LOOKS[state]
    if state == MessageStatus.ENGAGED:
        return StateMark(tone, icon, _ENGAGED.get(channel, lambda: _("Read"))())
    if channel == "phone" and state in _PHONE:
        return StateMark(tone, icon, _PHONE[state]())
    return StateMark(tone, icon, label)


def moment_words(at: datetime, zone: ZoneInfo) -> str:
    """“17:24” today, “Thu 12 Nov, 17:24” else, with the year where it is another; in the zone given."""
    local, today = timezone.localtime(at, zone), timezone.localtime(timezone.now(), zone)
    if local.date() == today.date():
        return date_format(local, "H:i")
    return date_format(local, "D j M, H:i" if local.year == today.year else "D j M Y, H:i")


def source_words(message: Message) -> str:
    """Who asked for it, from the opaque source; expects the writer fetched along."""
    kind = message.source.partition(":")[0]
    if message.created_by is not None:
        name = message.created_by.get_short_name() or message.created_by.get_username()
        return (
            _("%(kind)s, by %(name)s") % {"kind": _KINDS[kind](), "name": name}
            if kind in _KINDS
            else (_("by %s") % name)
        )
    return _KINDS[kind]() if kind in _KINDS else _OTHERS.get(kind, lambda: kind)()


_KINDS = {
    "campaign": lambda: _("campaign"),
    "journey": lambda: _("journey"),
}
_OTHERS = {
    "staff": lambda: _("by staff"),
    "api": lambda: _("by the API"),
    "demo": lambda: _("demo data"),
    "test": lambda: _("a test"),
}
