"""Asks email vendors what became of a message, by our delivery id that travelled along as metadata.

Postmark: postmarkapp.com/developer/api/messages-api and its “custom metadata” FAQ (`metadata_<key>`).
Mailgun: documentation.mailgun.com, Events (a recipient's events since a time, each with our user-variables).
Other vendors answer by their webhooks alone, or a person settles it.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import requests
from django.conf import settings
from django.utils import timezone

from channels.adapters.email_lines import connection_by
from channels.ports import DeliveryEvent, SendError, Sought, wait_asked

EARLIER = timedelta(minutes=5)
"""Clocks differ a little."""
MOST = 300
"""Events of one recipient that are read: Mailgun's own limit of a page."""
# What a vendor's words say of the message; of two the further one counts. An open or click proves only that it
# arrived: whether a machine opened it the webhook tells, not the search.
POSTMARK = {"Delivered": "delivered", "Opened": "delivered", "LinkClicked": "delivered", "Bounced": "bounced"}
MAILGUN = {
    "accepted": "sent", "delivered": "delivered", "opened": "delivered", "clicked": "delivered", "rejected": "failed",
}  # fmt: skip
_ORDER = ("sent", "failed", "delivered", "bounced")


def look_up(provider: str, sought: Sought) -> list[DeliveryEvent]:
    """The messages that carry our delivery id; raises `SendError` where the vendor does not answer readably."""
    try:
        return LOOKUPS[provider](sought)
    except requests.RequestException as error:
        raise SendError(f"{provider} could not be asked: {error}"[:400], permanent=False, code="connection") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        text = f"{provider} answered something unreadable: {error!r}"
        raise SendError(text[:400], permanent=False, code="unreadable") from error


def _postmark(sought: Sought) -> list[DeliveryEvent]:
    backend: Any = connection_by("postmark")
    headers = {"X-Postmark-Server-Token": backend.server_token, "Accept": "application/json"}
    wanted = {"count": "50", "offset": "0", "metadata_delivery": str(sought.envelope.delivery_id)}
    if backend.message_stream:
        wanted["messagestream"] = backend.message_stream
    found = _get(f"{backend.api_url}messages/outbound", params=wanted, headers=headers)["Messages"]
    mine = [one["MessageID"] for one in found if _is_ours(one.get("Metadata"), sought)]
    return [_postmark_event(sought, backend.api_url, headers, message_id) for message_id in mine]


def _postmark_event(sought: Sought, base: str, headers: Mapping[str, str], message_id: str) -> DeliveryEvent:
    told = _get(f"{base}messages/outbound/{message_id}/details", headers=headers)["MessageEvents"]
    bounced = next((one for one in told if one["Type"] == "Bounced"), None)
    words = str((bounced or {}).get("Details", {}).get("Summary", ""))
    return _event(sought, message_id, [POSTMARK.get(one["Type"], "sent") for one in told], words)


def _mailgun(sought: Sought) -> list[DeliveryEvent]:
    backend: Any = connection_by("mailgun")
    domain = backend.sender_domain or settings.DEFAULT_FROM_EMAIL.rsplit("@", 1)[1].rstrip(">")
    wanted = {
        "begin": str((sought.intent_at - EARLIER).timestamp()),
        "ascending": "yes",
        "limit": str(MOST),
        "recipient": sought.envelope.address,
    }
    auth = ("api", backend.api_key)
    events = _get(f"{backend.api_url}{domain}/events", params=wanted, auth=auth)["items"]
    by_message: dict[str, list[dict[str, Any]]] = {}
    for one in events:
        if _is_ours(one.get("user-variables"), sought):
            by_message.setdefault(f"<{one['message']['headers']['message-id']}>", []).append(one)
    return [
        _event(sought, message_id, [_mailgun_state(one) for one in mine], _mailgun_words(mine))
        for message_id, mine in by_message.items()
    ]


def _mailgun_state(event: Mapping[str, Any]) -> str:
    """A failure that is not permanent is tried again by Mailgun itself."""
    if event["event"] == "failed":
        return "bounced" if event.get("severity") == "permanent" else "sent"
    return MAILGUN.get(event["event"], "sent")


def _mailgun_words(events: list[dict[str, Any]]) -> str:
    status = next((one.get("delivery-status") or {} for one in events if one["event"] in ("failed", "rejected")), {})
    return str(status.get("description") or status.get("message") or "")


def _is_ours(metadata: object, sought: Sought) -> bool:
    """Whether it names our delivery: a vendor that ignores the filter must not settle it by somebody else's mail."""
    return isinstance(metadata, dict) and str(metadata.get("delivery")) == str(sought.envelope.delivery_id)


def _event(sought: Sought, message_id: str, states: list[str], words: str) -> DeliveryEvent:
    """The furthest of what the vendor tells; as a status update, as its webhooks tell the steps by ids of their own."""
    state = max(states, key=_ORDER.index, default="sent")
    return DeliveryEvent(
        interaction_type="email_status_update",
        occurred_at=timezone.now(),
        event_id=f"{message_id}:found:{state}",
        state=state,
        delivery_id=sought.envelope.delivery_id,
        provider_id=message_id,
        channel="email",
        error=words.replace("\x00", "")[:500],
    )


def _get(url: str, **more: Any) -> Any:
    answer = requests.get(url, timeout=float(str(settings.ANYMAIL["REQUESTS_TIMEOUT"])), **more)
    if answer.status_code != 200:
        # Other answers are no yes and no no: nothing is concluded from them.
        wait = wait_asked(answer.headers.get("Retry-After"))
        text = f"the vendor answered {answer.status_code} when asked what became of a message"
        raise SendError(text, permanent=False, code=str(answer.status_code), retry_after=wait)
    return answer.json()


LOOKUPS: dict[str, Callable[[Sought], list[DeliveryEvent]]] = {"mailgun": _mailgun, "postmark": _postmark}
