"""How figures, states and reasons of a campaign are shown."""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.selectors.rehearsal import RefusalShare, Rehearsal, why_in_words
from campaigns.selectors.results import Result
from channels.enums import MessageStatus
from channels.models import Message


class Look(NamedTuple):
    """A state or reason: colour class, icon and word."""

    css: str
    icon: str
    word: str | Promise


class Bar(NamedTuple):
    """One step of the funnel: `width` and `share` in per cent, of the first step and of the one above."""

    word: str
    families: int
    width: int
    share: int | None


_STATUS_LOOKS = {
    "engaged": ("ok", "eye-check"),
    "delivered": ("ok", "checks"),
    "sent": ("", "check"),
    "queued": ("", "clock"),
    "sending": ("", "clock"),
    "held": ("", "hourglass"),
    "blocked": ("warn", "hand-stop"),
    "unknown": ("warn", "help"),
    "failed": ("bad", "circle-x"),
    "cancelled": ("", "ban"),
}
CAMPAIGN_LOOKS = {
    "draft": ("", "pencil"),
    "running": ("warn", "send"),
    "done": ("ok", "circle-check"),
    "stopped": ("", "player-stop"),
}
_REASON_LOOKS = {
    "no_consent": Look("", "hand-stop", gettext_lazy("No consent")),
    "withdrawn": Look("", "hand-stop", gettext_lazy("Said no")),
    "opted_out": Look("", "bell-off", gettext_lazy("Opted out")),
    "no_address": Look("", "plug-connected-x", gettext_lazy("No address")),
    "address_broken": Look("", "plug-connected-x", gettext_lazy("Broken address")),
    "only_a_child": Look("", "user-x", gettext_lazy("Only a child")),
    "no_marketing_calls": Look("", "phone-off", gettext_lazy("Only a phone")),
    "no_sender": Look("", "message-off", gettext_lazy("Not set up")),
    "too_long": Look("", "message-off", gettext_lazy("Too long")),
    "already_said": Look("", "copy-off", gettext_lazy("Already said")),
}


def reason_look(code: str) -> Look:
    """The pill of a reason that keeps a family from getting it."""
    return _REASON_LOOKS.get(code) or Look("", "info-circle", gettext_lazy("Not possible"))


def refusal_words(share: RefusalShare, *, any_channel: bool) -> str:
    """Why a group of families does not get it; where any channel would do, the reason speaks of all of them."""
    of_all = {
        "no_address": _("on any channel"),
        "opted_out": _("of every channel that would reach them"),
        "address_broken": _("and no other that works"),
    }
    return of_all.get(share.code, share.text) if any_channel else share.text


def status_look(message: Message) -> Look:
    """The state of one family's message."""
    css, icon = _STATUS_LOOKS.get(message.status, ("", "info-circle"))
    return Look(css, icon, MessageStatus(message.status).label)


def whys_in_words(rehearsal: Rehearsal) -> dict[str, str]:
    """Per channel why families get it there, with counts where there is more than one reason."""
    words = {}
    for share in rehearsal.channels:
        told = [(why_in_words(code), n) for code, n in share.whys]
        words[share.channel] = told[0][0] if len(told) == 1 else ", ".join(f"{n} {text}" for text, n in told)
    return words


def funnel(result: Result) -> list[Bar]:
    """From the audience to those who reacted."""
    steps = [
        (_("Audience"), result.messages),
        (_("Reachable"), result.accepted),
        (_("Sent"), result.sent),
        (_("Arrived"), result.arrived),
        (_("Engaged"), result.engaged),
    ]
    bars: list[Bar] = []
    for word, count in steps:
        above = bars[-1].families if bars else 0
        bars.append(Bar(word, count, _share(count, result.messages) or 0, _share(count, above)))
    return bars


def _share(part: int, whole: int) -> int | None:
    return round(100 * part / whole) if whole else None
