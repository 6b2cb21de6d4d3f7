"""What vendors said of one message, raw, for the administrator's eyes."""

import json
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from channels.models import Delivery, Message, Receipt, SendAnswer
from channels.selectors.pages import legs_of
from channels.selectors.words import moment_words

MOST = 20
_LOOKED_AT = 200
"""Callbacks of the family that are looked through; each is the family's own, so hardly ever more."""
_LONGEST = 4_000


@dataclass(frozen=True, slots=True)
class VendorAnswer:
    """An answer to a send, or a callback, as it came."""

    id: str
    source: str
    at: datetime
    received: str
    state: str
    error: str
    body: str


def vendor_answers(message: Message) -> list[VendorAnswer]:
    """The answers to its sends, and the callbacks that name one of its deliveries, oldest first; two queries."""
    legs, zone = legs_of(message), message.family.zone
    told = [*_sends(legs, zone), *_callbacks(message, legs, zone)]
    return sorted(told, key=lambda one: one.at)[:MOST]


def _sends(legs: list[Delivery], zone: ZoneInfo) -> list[VendorAnswer]:
    providers = {leg.pk: leg.provider for leg in legs}
    return [
        VendorAnswer(
            id=f"send-{one.pk}",
            source=providers[one.delivery_id],
            at=one.at,
            received=moment_words(one.at, zone),
            state=_("answer to try %d") % one.number,
            error=one.error,
            body=one.raw,
        )
        for one in SendAnswer.objects.filter(delivery__in=legs).order_by("id")[:MOST]
    ]


def _callbacks(message: Message, legs: list[Delivery], zone: ZoneInfo) -> list[VendorAnswer]:
    marks = [mark for leg in legs for mark in _marks(leg)]
    found = Receipt.objects.filter(families=message.family_id, received_at__gte=message.created_at).order_by("id")
    told = [(one, _part_of(one, marks)) for one in found[:_LOOKED_AT]]
    return [
        VendorAnswer(
            id=f"receipt-{one.pk}",
            source=one.source,
            at=one.received_at,
            received=moment_words(one.received_at, zone),
            state=str(one.get_state_display()),
            error=one.error,
            body=body[:_LONGEST],
        )
        for one, body in told
        if body
    ]


def _marks(leg: Delivery) -> list[str]:
    """By what a callback names a delivery: the vendor's id, or ours as it travels in a query or as metadata."""
    ours = [f"delivery={leg.pk}", f'"delivery": "{leg.pk}"', f'"delivery":"{leg.pk}"']
    return [leg.provider_id, *ours] if leg.provider_id else ours


def _part_of(receipt: Receipt, marks: list[str]) -> str:
    """What of a callback speaks of these marks: of a batch only its own events, as the rest is of others."""
    body = bytes(receipt.body).decode(errors="replace")
    if not any(_names(f"{receipt.query}&{body}", mark) for mark in marks):
        return ""
    try:
        events = json.loads(body)
    except ValueError:
        return body
    if not isinstance(events, list):
        return body
    own = [one for one in events if any(_names(json.dumps(one), mark) for mark in marks)]
    return json.dumps(own, indent=1, ensure_ascii=False)


def _names(text: str, mark: str) -> bool:
    """Whether the mark stands there whole: “delivery=12” is not in “delivery=123”."""
    at = text.find(mark)
    while at >= 0:
        if not text[at + len(mark) : at + len(mark) + 1].isdigit():
            return True
        at = text.find(mark, at + 1)
    return False
