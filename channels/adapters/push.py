"""Web push by pywebpush: encrypted for one browser (RFC 8291), signed with our own keys (VAPID, RFC 8292).

The endpoint is an address that a browser brought, so it is posted to like any address that others chose: over https,
to public hosts only, without following redirects (`crm.adapters.outside`).
"""

import json
import socket
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlencode

import urllib3
from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.utils.translation import gettext as _
from py_vapid import VapidException
from pywebpush import WebPushException, webpush

from channels.adapters.reading import form_of
from channels.models import PushSubscription
from channels.policy.pushes import LONGEST_PAYLOAD, cut_text
from channels.ports import (
    Capabilities,
    DeliveryEvent,
    Envelope,
    News,
    Refused,
    SendError,
    SendResult,
    StoredRequest,
)
from crm.adapters import outside
from crm.errors import Invalid

REPORT_PATH = "/webhooks/webpush/events/"
TTL = {True: 4 * 60 * 60, False: 24 * 60 * 60}
"""Seconds that the push service keeps an urgent or another message for a browser that is off."""
SIGNED_FOR = "channels.push"
GONE, LATER, OURS = frozenset({404, 410}), frozenset({429, 503}), frozenset({401, 403})
EVENTS: dict[str, tuple[str, str]] = {
    "shown": ("push_delivered", "delivered"),
    "clicked": ("push_clicked", "engaged"),
    "dismissed": ("push_read", "engaged"),
}


class WebPush:
    """Pushes one message to one browser."""

    name = "webpush"
    capabilities = Capabilities(frozenset({"push"}))

    def send(self, envelope: Envelope) -> SendResult:
        subscription = _subscription(envelope)
        if subscription is None or subscription.server_key != settings.VAPID_PUBLIC_KEY:
            # Nothing was asked of anybody: the browser subscribes again when the portal is opened next.
            raise SendError(_("This browser has to subscribe again."), permanent=True, code="keys", address_dead=True)
        try:
            outside.check_url(envelope.address)
            webpush(
                {"endpoint": envelope.address, "keys": {"p256dh": subscription.p256dh, "auth": subscription.auth}},
                data=payload_of(envelope),
                vapid_private_key=settings.VAPID_PRIVATE_KEY,
                vapid_claims={"sub": f"mailto:{parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}"},
                ttl=TTL[envelope.urgent],
                headers={
                    "Urgency": "high" if envelope.urgent else "normal",
                    # A message that waits at the push service is replaced by one of the same topic, never doubled.
                    "Topic": f"earshot-{envelope.delivery_id}",
                    "Content-Type": "application/octet-stream",
                },
                requests_session=_Outside(),
            )
        except WebPushException as error:
            raise _refusal(error) from error
        except (outside.Forbidden, Invalid) as error:
            raise SendError(str(error), permanent=True, code="forbidden", address_dead=True) from error
        except outside.Unreachable as error:
            raise SendError(str(error), permanent=False, code="connection", left=_may_have_left(error)) from error
        except (ValueError, VapidException) as error:
            raise SendError(str(error), permanent=True, code="keys", address_dead=True) from error
        return SendResult()


@dataclass(frozen=True, slots=True)
class _Answer:
    """What pywebpush reads of an answer."""

    status_code: int
    headers: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    text: str = ""


class _Outside:
    """Stands in for a session of `requests`: posts as we post to every address that others chose."""

    def post(self, endpoint: str, *, data: bytes, headers: Any, timeout: float | None) -> _Answer:
        told = outside.post(endpoint, data, dict(headers))
        return _Answer(told.status, {"Retry-After": str(told.retry_after)} if told.retry_after is not None else {})


def _subscription(envelope: Envelope) -> PushSubscription | None:
    found = PushSubscription.objects.filter(
        contact_point__family_id=envelope.family_id,
        contact_point__channel="push",
        contact_point__value=envelope.address,
    )
    return found.order_by("-created_at", "-pk").first()


def _refusal(error: WebPushException) -> SendError:
    """A push service's no (RFC 8030, 5; RFC 8292, 4.2)."""
    status = error.status_code
    if status is None:
        return SendError(_("This browser’s keys cannot be used."), permanent=True, code="keys", address_dead=True)
    code = str(status)
    if status in GONE:
        words = _("The browser takes no push messages any more.")
        return SendError(words, permanent=True, code=code, address_dead=True)
    if status in OURS:
        words = _("The push service does not accept our VAPID keys; an administrator has to look at it.")
        return SendError(words, permanent=False, code=code, of_sender=True)
    if status in LATER:
        wait = float(error.retry_after) if error.retry_after else None
        return SendError(_("Too much at once; it is tried again."), permanent=False, code=code, retry_after=wait)
    if status >= 500:
        return SendError(_("The push service had a problem of its own."), permanent=False, code=code, left=True)
    if status == 413:
        return SendError(_("The push message is too long."), permanent=True, code=code)
    return SendError(_("The push service refused it (%s).") % status, permanent=True, code=code)


def _may_have_left(error: outside.Unreachable) -> bool:
    """Whoever could not be found or connected to has seen nothing; all else may have been taken."""
    unseen = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError, socket.gaierror)
    return not isinstance(error.__cause__, (*unseen, urllib3.exceptions.SSLError))


def payload_of(envelope: Envelope) -> str:
    """What the portal's service worker gets, as JSON of at most 3,993 bytes; docs/push.md tells of it.

    A text that is too long is cut; raises `SendError` where even that is not enough.
    """
    told = {
        "title": cut_text(" ".join((envelope.title or settings.ORGANISATION_NAME).split()), 400),
        "body": cut_text(envelope.text.strip()),
        "link": envelope.link if envelope.link.startswith(("https://", "http://")) else "",
        "delivery": str(envelope.delivery_id),
        "token": token_of(envelope.delivery_id),
        "report": f"{settings.BASE_URL}{REPORT_PATH}",
    }
    payload = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace").decode()
    if len(payload.encode()) > LONGEST_PAYLOAD:
        raise SendError(_("The link is too long for a push message."), permanent=True, code="too_long")
    return payload


def token_of(delivery_id: int) -> str:
    """What proves that a report about a delivery comes from the browser that got it."""
    return signing.Signer(salt=SIGNED_FOR).sign(str(delivery_id))


def report_of(delivery_id: int, event: str) -> str:
    """A report as the service worker posts it."""
    return urlencode({"token": token_of(delivery_id), "event": event})


class PushEar:
    """Hears what browsers report of messages: shown, clicked, dismissed. The token in the form is the signature."""

    def verify(self, request: HttpRequest) -> None:
        if request.content_type != "application/x-www-form-urlencoded":
            raise Refused("not a form", 400)
        if _delivery_of(request.POST.get("token", "")) is None:
            raise Refused("signature", 403)

    def split(self, stored: StoredRequest) -> list[StoredRequest]:
        """A browser tells one thing at a time."""
        return [stored]

    def parse(self, stored: StoredRequest) -> list[News]:
        """One event; the same one of the same message counts once."""
        form = form_of(stored)
        delivery_id, known = _delivery_of(form.get("token", "")), EVENTS.get(form.get("event", ""))
        if delivery_id is None or known is None:
            return []
        kind, state = known
        return [
            DeliveryEvent(
                interaction_type=kind,
                occurred_at=stored.received_at,
                event_id=f"push-{delivery_id}:{form['event']}",
                state=state,
                delivery_id=delivery_id,
                channel="push",
            )
        ]


def _delivery_of(token: str) -> int | None:
    try:
        return int(signing.Signer(salt=SIGNED_FOR).unsign(token))
    except (signing.BadSignature, ValueError):
        return None


def make_adapter(vendor: str, channel: str) -> WebPush:
    """What the registry asks for."""
    return WebPush()


def make_ear(vendor: str, kind: str) -> PushEar:
    """Who hears what browsers tell; raises `KeyError` for other kinds."""
    return {"events": PushEar}[kind]()
