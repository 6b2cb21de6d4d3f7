"""States and reasons as staff read them in lists and filters."""

from collections.abc import Callable

from django.utils.translation import gettext as _

from channels.adapters import fault_words
from channels.enums import MessageStatus
from channels.wording import PLAIN_REASONS
from crm.enums import CallOutcome

_STATES: dict[str, Callable[[], str]] = {
    "waiting": lambda: _("Waiting to go"),
    "queued": lambda: _("Waiting or going out"),
    "engaged": lambda: _("Read or answered"),
    "done": lambda: _("Done"),
}
_OURS: dict[str, Callable[[], str]] = {
    "person_gone": lambda: _("the person is gone"),
    "address_gone": lambda: _("the address is gone"),
    "withdrawn": lambda: _("they said no to this"),
    "too_long": lambda: _("too long for a text"),
    "vendor_away": lambda: _("the vendor was away"),
    "called_off": lambda: _("staff called the call off"),
    "worker_died": lambda: _("a worker stopped in the middle"),
    "connection": lambda: _("the line to the vendor broke"),
    "unreadable": lambda: _("the vendor’s answer could not be read"),
    "no_id": lambda: _("the vendor answered without an id"),
    "crash": lambda: _("something broke on our side"),
    "unsendable": lambda: _("it could not be put together"),
    "file_gone": lambda: _("a file that goes along is gone"),
    "refused": lambda: _("the vendor refused the address"),
    "invalid": lambda: _("the address is not valid"),
    "rejected": lambda: _("the vendor rejected it"),
    "failed": lambda: _("the vendor failed to send it"),
    "bounced": lambda: _("it bounced"),
    "blocked": lambda: _("their mail server blocked it"),
    "spam": lambda: _("they reported our mail as spam"),
    "unsubscribed": lambda: _("they unsubscribed"),
    "timed_out": lambda: _("their mail server did not answer"),
    "other": lambda: _("the vendor gave no reason"),
}


def state_words(name: str) -> str:
    """A state of the filters in words."""
    return _STATES[name]() if name in _STATES else str(MessageStatus(name).label)


def reason_words(code: str) -> str:
    """An error code or a reason in words, to stand in a list; a code that nobody explained stands for itself."""
    if code in _OURS:
        words = _OURS[code]()
    elif code in PLAIN_REASONS:
        words = PLAIN_REASONS[code]()
    elif told := fault_words(code):
        words = told.rstrip(".")
    elif code in CallOutcome.values:
        words = str(CallOutcome(code).label)
    else:
        return _("code %s") % code
    return words[:1].upper() + words[1:]
