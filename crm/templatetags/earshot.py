"""Template tags of the look: icons, channels and states as colour + icon + word. Loaded in every template."""

import random
import re
from datetime import datetime
from typing import Any, NamedTuple

from django import template
from django.template import Context
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.addresses import pretty_address
from crm.selectors import times

register = template.Library()

OPENING = 2_000
LONGEST_UNFOLDED = 2_500
"""A text of so many characters is not worth folding."""
NO_BREAK_SPACE = "\u00a0"


class Mark(NamedTuple):
    """How a channel looks; the word is always there, as colour alone tells too little."""

    css: str
    icon: str
    word: str | Promise


CHANNELS = {
    "email": Mark("ch-email", "mail", gettext_lazy("Email")),
    "sms": Mark("ch-sms", "message", gettext_lazy("SMS")),
    "whatsapp": Mark("ch-whatsapp", "brand-whatsapp", gettext_lazy("WhatsApp")),
    "rcs": Mark("ch-rcs", "message-2-bolt", gettext_lazy("RCS")),
    "push": Mark("ch-push", "bell", gettext_lazy("Push")),
    "portal": Mark("ch-portal", "layout-dashboard", gettext_lazy("Portal")),
    "phone": Mark("ch-phone", "phone", gettext_lazy("Phone")),
    "in_person": Mark("ch-inperson", "users", gettext_lazy("In person")),
    "postal": Mark("ch-none", "mailbox", gettext_lazy("Post")),
}
NO_CHANNEL = Mark("ch-none", "note", gettext_lazy("Note"))


def channel_mark(channel: object) -> Mark:
    """The look of a channel; without one it is a note, and one we do not know yet keeps its own name."""
    if not channel:
        return NO_CHANNEL
    slug = str(getattr(channel, "value", channel))
    return CHANNELS.get(slug) or NO_CHANNEL._replace(word=slug.replace("_", " ").capitalize())


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """One icon of the sprite, hidden from screen readers because a word always stands beside it."""
    classes = f"icon {css}".strip()
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>', classes, static("icons.svg"), name
    )


@register.simple_tag
def live_pace() -> int:
    """After how many milliseconds a live part of a page asks for news: about a second, no two pages in step."""
    return random.randrange(900, 1100)  # noqa: S311 - no secret


@register.simple_tag
def channel_chip(channel: object, sandbox: bool = False) -> SafeString:
    """A channel as icon and word; a sandbox is said in words right beside it."""
    mark = channel_mark(channel)
    chip = format_html('<span class="ch {}">{}{}</span>', mark.css, icon(mark.icon), mark.word)
    return format_html("{} {}", chip, sandbox_tag()) if sandbox else chip


@register.simple_tag
def channel_dot(channel: object, small: bool = False) -> SafeString:
    """A channel as a round icon, for the head of a row; the word is there for screen readers."""
    mark = channel_mark(channel)
    size = " small" if small else ""
    return format_html(
        '<span class="dot {}{}">{}<span class="visually-hidden">{}</span></span>',
        mark.css,
        size,
        icon(mark.icon),
        mark.word,
    )


@register.simple_tag
def sandbox_tag() -> SafeString:
    """The mark of a channel whose messages never leave this machine."""
    return format_html('<span class="tag sandbox">{}{}</span>', icon("flask"), _("Sandbox"))


@register.filter
def channel_word(channel: object) -> str:
    """The channel's word alone, for sentences and titles."""
    return str(channel_mark(channel).word)


@register.filter
def address_words(point: Any) -> str:
    """An address as people here write it."""
    return pretty_address(point.channel, point.value)


@register.filter
def channel_class(channel: object) -> str:
    """The class that sets a channel's colour, for step lines, bars and rows."""
    return channel_mark(channel).css


@register.simple_tag
def state(kind: str, icon_name: str, text: object) -> SafeString:
    """A validity or outcome: `kind` is ok, warn, bad or empty; the words carry it, the colour only helps."""
    return format_html('<span class="{}">{}{}</span>', f"state {kind}".strip(), icon(icon_name), text)


@register.simple_tag(takes_context=True)
def here(context: Context, url_name: str) -> SafeString:
    """aria-current for a link of the navigation: this page, or a page below it.

    A view whose address is elsewhere names its place in the context: `place = "crm:families"`.
    """
    path = context["request"].path if "request" in context else ""
    target = reverse(url_name)
    if path == target:
        return mark_safe(' aria-current="page"')
    place = context.get("place")
    below = not place and target != reverse("dashboard") and path.startswith(target)
    if below or place == url_name:
        return mark_safe(' aria-current="true"')
    return SafeString("")


@register.filter
def opening(text: str) -> str:
    """The first lines of a long text, cut between words where there are any; a short one whole."""
    return text[: _end_of_opening(text)]


@register.filter
def beyond_opening(text: str) -> str:
    """What `opening` leaves of a long text."""
    return text[_end_of_opening(text) :]


def _end_of_opening(text: str) -> int:
    if len(text) <= LONGEST_UNFOLDED:
        return len(text)
    gaps = (text.rfind(gap, OPENING - 200, OPENING) for gap in ("\n", " "))
    return next((gap for gap in gaps if gap > 0), OPENING)


@register.filter
def percent(value: float | None) -> str:
    """A rate in per cent, as whole per cent; one that is not known says so."""
    if value is None:
        return _("unknown")
    return _("%(rate)d%(space)s%%") % {"rate": round(value), "space": NO_BREAK_SPACE}


@register.filter
def duration(seconds: float | None) -> str:
    """A length of time in the words people use: 45 s, 6 min, 1 h 10 min; nothing where it is not known."""
    if seconds is None or seconds == "":
        return ""
    whole = round(float(seconds))
    if whole < 60:
        return _("%(seconds)d s") % {"seconds": whole}
    hours, minutes = divmod(round(whole / 60), 60)
    if not hours:
        return _("%(minutes)d min") % {"minutes": minutes}
    if not minutes:
        return _("%(hours)d h") % {"hours": hours}
    return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}


@register.filter
def day_and_time(moment: datetime) -> str:
    """Thu 12 Nov, 10:00, here; with the year where it is another one."""
    return times.day_and_time(timezone.localtime(moment))


_NOT_A_LETTER = re.compile(r"[\W_]+")
_FAMILY_WORDS = frozenset({"the", "family", "household", "familie", "familia", "famille", "famiglia", "haushalt"})


@register.filter
def without_question(label: object) -> str:
    """A label that a colon can follow."""
    return str(label).rstrip("? ")


@register.filter
def initials(name: object) -> str:
    """Two letters for the round face: the first two of a family's name, or the initials of a person."""
    words = _NOT_A_LETTER.sub(" ", str(name).replace("'", "").replace("’", "")).split()
    own = [word for word in words if word.casefold() not in _FAMILY_WORDS]
    if len(own) > 1 and len(own) == len(words):
        return (own[0][:1] + own[-1][:1]).upper()
    return ("".join(own) or str(name).strip())[:2].capitalize()


@register.filter
def undo_url(message: Any) -> str:
    """Where a toast's Undo posts to: the message's `undo`, or extra_tags of the form `undo:/some/path/`."""
    return _own_path(message, "undo:") or _ours(getattr(message, "undo", ""))


@register.filter
def back_url(message: Any) -> str:
    """Where a toast's Undo posts to if the form comes back into the drawer: extra_tags `back:/some/path/`."""
    return _own_path(message, "back:")


@register.filter
def link_url(message: Any) -> str:
    """What a toast speaks of, to be looked at: extra_tags of the form `link:/some/path/`."""
    return _own_path(message, "link:")


def _own_path(message: Any, prefix: str) -> str:
    tags = (getattr(message, "extra_tags", "") or "").split()
    return _ours(next((tag.removeprefix(prefix) for tag in reversed(tags) if tag.startswith(prefix)), ""))


def _ours(target: str) -> str:
    """Only a path of this site: extra_tags travel in a cookie."""
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) else ""
