"""The outbox as lists: everything, or one family's."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import F, QuerySet
from django.db.models.functions import Left
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from channels.enums import MessageStatus
from channels.models import Delivery, Message
from channels.selectors.words import StateMark, moment_words, source_words, state_mark
from channels.senders import is_sandbox
from crm.selectors.pages import cut_page

PAGE = 50
_START = 300
_NOTE = 120


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message of a list; `before` are the channels that failed it first."""

    id: int
    family_id: int
    family: str
    person: str
    heading: str
    text: str
    channel: str
    before: tuple[str, ...]
    sandbox: bool
    state: StateMark
    note: str
    at: datetime
    when: str
    source: str
    status: str
    returnable: bool
    """Whether whoever wrote it can have it back in the form; asked for in the list of what waits alone."""


@dataclass(frozen=True, slots=True)
class MessagePage:
    """The rows of one page, the key of the next, and a mark that changes with anything shown."""

    rows: list[MessageRow]
    next: str
    version: str


def list_messages(found: QuerySet[Message] | None = None, *, after: str = "", of_period: bool = False) -> MessagePage:
    """What was found of the outbox, newest first, by page. Two queries.

    What was found in a period goes along the time, so that an old day is not reached through all that came later.
    """
    rows = _listed(Message.objects.all() if found is None else found)
    if of_period:
        page = cut_page(rows.order_by("-created_at", "-id"), after, ["created_at", "id"], PAGE, descending=True)
    else:
        page = cut_page(rows, after, ["id"], PAGE, descending=True)
    return _page(page.rows, page.next)


def latest_messages(*, family_id: int, most: int = 5) -> MessagePage:
    """A family's last messages, in two queries."""
    return page_of_rows(Message.objects.filter(family_id=family_id), most=most)


def page_of_rows(messages: QuerySet[Message], *, most: int) -> MessagePage:
    """The newest of these messages as a list, in two queries."""
    return _page(_listed(messages)[:most], "")


def _listed(messages: QuerySet[Message]) -> QuerySet[Message]:
    # A text may be long: a list reads its beginning only.
    return (
        messages.select_related("family", "member", "created_by")
        .prefetch_related("deliveries")
        .defer("body", "html", "sms")
        .annotate(start=Left(F("body"), _START))
        .order_by("-id")
    )


def _page(messages: Iterable[Message], following: str) -> MessagePage:
    messages = list(messages)
    zone = timezone.get_current_timezone()
    assert isinstance(zone, ZoneInfo)
    rows = [_row(one, zone) for one in messages]
    return MessagePage(rows, following, version_of(messages, timezone.localdate()))


def _row(message: Message, zone: ZoneInfo) -> MessageRow:
    legs = legs_of(message)
    channel = channel_of(message, legs)
    start = " ".join(message.start.split())  # type: ignore[attr-defined]
    return MessageRow(
        id=message.pk,
        family_id=message.family_id,
        family=message.family.name,
        person=message.member.first_name if message.member else "",
        heading=message.subject or Truncator(start).chars(80),
        text=start if message.subject else "",
        channel=channel,
        before=tuple(leg.channel for leg in legs[:-1]),
        sandbox=bool(legs) and is_sandbox(legs[-1].provider),
        state=state_mark(message.status, str(message.get_status_display()), channel),
        note=_note(message, zone),
        at=message.created_at,
        when=moment_words(message.created_at, zone),
        source=source_words(message),
        status=message.status,
        returnable=getattr(message, "is_returnable", False),
    )


def _note(message: Message, zone: ZoneInfo) -> str:
    if message.status == MessageStatus.HELD and message.hold_until:
        return _("until %s") % moment_words(message.hold_until, zone)
    failed = message.status in (MessageStatus.BLOCKED, MessageStatus.FAILED)
    return Truncator(message.error).chars(_NOTE) if failed else ""


def legs_of(message: Message) -> list[Delivery]:
    """Its deliveries in the order they were tried."""
    return sorted(message.deliveries.all(), key=lambda leg: leg.leg)


def channel_of(message: Message, legs: list[Delivery]) -> str:
    """The channel it went over last, or would go over; empty where none could carry it."""
    return legs[-1].channel if legs else message.via or (message.decision.get("channel") or "")


def version_of(messages: Iterable[Message], *more: object) -> str:
    """A mark that changes with any state of these messages or their deliveries, and with `more`."""
    seen = [
        (one.pk, one.status, one.updated_at, [(leg.pk, leg.state, leg.updated_at) for leg in legs_of(one)])
        for one in messages
    ]
    return hash_of(seen, more)


def hash_of(*told: object) -> str:
    """A short mark of what is shown."""
    return hashlib.blake2b(repr(told).encode(), digest_size=9).hexdigest()
