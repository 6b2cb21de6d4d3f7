"""Email by django-anymail (and plain SMTP): every ESP that Anymail carries, chosen by EMAIL_PROVIDER."""

import hashlib
import io
import json
import re
import smtplib
import socket
import ssl
from dataclasses import replace
from datetime import datetime
from email.utils import formataddr, make_msgid
from typing import Any
from urllib.parse import parse_qsl

import requests
from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused, AnymailWebhookValidationFailure
from anymail.signals import AnymailTrackingEvent
from anymail.urls import urlpatterns as anymail_urls
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, PermissionDenied, SuspiciousOperation
from django.core.handlers.wsgi import WSGIRequest
from django.core.mail import EmailMultiAlternatives, get_connection
from django.http import HttpRequest

from channels.adapters.email_lines import drop_line, mail_line
from channels.adapters.email_lookups import LOOKUPS, look_up
from channels.ports import (
    Capabilities,
    DeliveryEvent,
    Envelope,
    News,
    Refused,
    SendError,
    SendResult,
    Sought,
    StoredRequest,
    wait_asked,
)


class AnymailEmail:
    """Sends one email to one person; our delivery id travels as metadata, so a callback finds its delivery."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.capabilities = Capabilities(frozenset({"email"}), lines=8, asks=name in LOOKUPS)

    def find(self, sought: Sought) -> list[DeliveryEvent]:
        """What the vendor's own search tells of our delivery id."""
        return look_up(self.name, sought)

    def send(self, envelope: Envelope) -> SendResult:
        try:
            message = compose(envelope)
        except (ValueError, UnicodeError) as error:
            raise SendError(str(error), permanent=True, code="unsendable") from error
        except ImproperlyConfigured as error:
            # Nothing has left, and every message would meet the same: they wait until it is put right.
            raise SendError(str(error)[:400], permanent=False, code="not_configured", of_sender=True) from error
        try:
            self._hand_over(message)
        except AnymailRecipientsRefused as error:
            raise SendError(str(error), permanent=True, code="refused", address_dead=True) from error
        except AnymailAPIError as error:
            raise _api_error(error) from error
        except (AnymailError, ImproperlyConfigured) as error:
            raise SendError(str(error), permanent=True, code="unsendable") from error
        except requests.ConnectionError as error:
            raise SendError(str(error), permanent=False, code="connection", left=not _never_connected(error)) from error
        except OSError as error:
            raise _smtp_error(error) from error
        return self._result(message)

    def _hand_over(self, message: EmailMultiAlternatives) -> None:
        try:
            message.send()
        except BaseException:
            drop_line()
            raise

    def _result(self, message: EmailMultiAlternatives) -> SendResult:
        if self.name == "smtp":
            return SendResult(provider_id=str(message.extra_headers["Message-ID"]))
        status = message.anymail_status  # type: ignore[attr-defined]
        _check_answer(self.name, status.esp_response)
        if not status.message_id or isinstance(status.message_id, set):
            raise SendError("the vendor answered without a message id", permanent=False, code="no_id", left=True)
        refused = {"rejected", "invalid", "failed"} & set(status.status or ())
        if refused:
            # “rejected” and “failed” may be about the sender or the text; only “invalid” is about the address.
            word = "invalid" if "invalid" in refused else refused.pop()
            raise SendError(f"the vendor said {word}", permanent=True, code=word, address_dead=word == "invalid")
        return SendResult(provider_id=str(status.message_id))


def _check_answer(provider: str, response: Any) -> None:
    """Raises `SendError` for a page instead of an answer: Anymail believes some vendors whatever they say.

    SendGrid answers 202 with X-Message-ID and nothing else (docs.sendgrid.com, v3 Mail Send).
    """
    headers = getattr(response, "headers", None)
    if headers is None:
        return
    page = "text/html" in headers.get("Content-Type", "").lower()
    silent = provider == "sendgrid" and not (response.status_code == 202 and headers.get("X-Message-ID"))
    if page or silent:
        raise SendError("the vendor’s answer cannot be read", permanent=False, code="unreadable", left=True)


def setup_problem(provider: str) -> str:
    """What the vendor lacks to send and to be heard, as one sentence; empty where all is there."""
    if provider in ("sandbox", "smtp"):
        return ""
    try:
        get_connection()
        AnymailEar(f"{provider}:tracking").check_guard()
    except (ImproperlyConfigured, ImportError) as error:
        return f"EMAIL_PROVIDER is {provider}, but {' '.join(str(error).split())}"
    except Refused:
        return (
            f"ANYMAIL_WEBHOOK_SECRET is not set; {provider} does not sign its callbacks, so put user:password here "
            "and into their address."
        )
    return ""


def compose(envelope: Envelope) -> EmailMultiAlternatives:
    """The email as the vendor gets it: one recipient, plain text, HTML where there is some."""
    message = EmailMultiAlternatives(
        subject=envelope.subject,
        body=envelope.text,
        from_email=envelope.sender or settings.DEFAULT_FROM_EMAIL,
        to=[formataddr((envelope.person, envelope.address))],
        headers={"Message-ID": make_msgid(f"d{envelope.delivery_id}", domain=_domain())},
        connection=mail_line(),
    )
    if envelope.html:
        message.attach_alternative(envelope.html, "text/html")
    message.metadata = {"delivery": str(envelope.delivery_id)}  # type: ignore[attr-defined]
    return message


def _domain() -> str:
    return settings.DEFAULT_FROM_EMAIL.rsplit("@", 1)[1].rstrip(">")


def _never_connected(error: requests.ConnectionError) -> bool:
    text = repr(error)
    return "NewConnectionError" in text or "NameResolutionError" in text or "ConnectTimeout" in text


NEVER_LEFT = (
    ConnectionRefusedError,
    socket.gaierror,
    ssl.SSLCertVerificationError,
    smtplib.SMTPConnectError,
    smtplib.SMTPHeloError,
    smtplib.SMTPAuthenticationError,
    smtplib.SMTPNotSupportedError,
)
# RFC 5321, 4.2.3 and RFC 3463: no such mailbox, moved away, not a mailbox name.
DEAD_MAILBOX = frozenset({550, 551, 553})
ENHANCED = re.compile(r"\b5\.\d{1,3}\.\d{1,3}\b")


def _smtp_error(error: OSError) -> SendError:
    """A server's clear no is final (5xx) or may be repeated (4xx); a line that broke later may hide a yes."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(error.recipients.values()))
        return _smtp_refusal(int(code), words, about_address=True)
    if isinstance(error, smtplib.SMTPResponseException) and not isinstance(error, NEVER_LEFT):
        return _smtp_refusal(int(error.smtp_code), error.smtp_error, about_address=False)
    left = not isinstance(error, NEVER_LEFT)
    refused = isinstance(error, smtplib.SMTPAuthenticationError)
    return SendError(str(error)[:400], permanent=False, code="connection", left=left, of_sender=refused)


def _smtp_refusal(code: int, words: bytes | str, *, about_address: bool) -> SendError:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    told = ENHANCED.search(text)
    # A 550 with 5.7.1 speaks of the sender (policy, blocked host), not of the mailbox.
    dead = about_address and code in DEAD_MAILBOX and (told is None or told[0].startswith("5.1."))
    return SendError(f"{code} {text}"[:400], permanent=code >= 500, code=str(code), address_dead=dead)


def _api_error(error: AnymailAPIError) -> SendError:
    """A clear no of the vendor may be repeated or is final; no readable answer means it may have gone out."""
    status = getattr(error, "status_code", None)
    if status is None:
        cause = error.__cause__
        unsent = isinstance(cause, requests.ConnectionError) and _never_connected(cause)
        return SendError(str(error)[:400], permanent=False, code="connection", left=not unsent)
    if status == 429 or status >= 500:
        # 429 and 503 are said before anything is taken; other 5xx may hide a message that left.
        wait = wait_asked(error.response.headers.get("Retry-After")) if error.response is not None else None
        return SendError(
            str(error)[:400], permanent=False, code=str(status), left=status not in (429, 503), retry_after=wait
        )
    if status in (401, 403):
        # Our key or our domain is not accepted: no message of ours would be.
        return SendError(str(error)[:400], permanent=False, code=str(status), of_sender=True)
    if status < 300:
        return SendError(str(error)[:400], permanent=False, code="unreadable", left=True)
    return SendError(str(error)[:400], permanent=True, code=str(status))


# Anymail's closed vocabulary of events to ours: (interaction type, state). Unknown ones only stay in the receipt.
EVENTS: dict[str, tuple[str, str | None]] = {
    "queued": ("email_status_update", None),
    "deferred": ("email_status_update", None),
    "sent": ("email_status_update", "sent"),
    "delivered": ("email_delivered", "delivered"),
    "bounced": ("email_bounced", "bounced"),
    "rejected": ("email_dropped", "failed"),
    "failed": ("email_failed", "failed"),
    "opened": ("email_opened", "engaged"),
    "clicked": ("email_clicked", "engaged"),
    "complained": ("email_spam_reported", None),
    "unsubscribed": ("email_unsubscribed", None),
}
OPT_OUTS = {"complained": "complaint", "unsubscribed": "one_click"}
MACHINE_AGENTS = frozenset({"Mozilla/5.0"})
SILENT = frozenset({"email_status_update"})


class AnymailEar:
    """Hears tracking callbacks through Anymail's own views: their signature check, their reading of events."""

    def __init__(self, name: str) -> None:
        """`name` is like “sendgrid:tracking”; raises `KeyError` for what Anymail does not know."""
        esp, _colon, kind = name.partition(":")
        if kind != "tracking":
            raise KeyError(name)
        self.esp = esp
        self._view_class = _views()[f"{esp}/{kind}"]

    def verify(self, request: HttpRequest) -> None:
        """Anymail's checks: basic authentication by ANYMAIL_WEBHOOK_SECRET and the vendor's own signature."""
        try:
            view = self._guarded_view()
            view.run_validators(request)
        except (PermissionDenied, AnymailWebhookValidationFailure, SuspiciousOperation) as error:
            raise Refused("signature", 403) from error
        except ImproperlyConfigured as error:
            raise Refused("not configured", 403) from error
        except (ValueError, KeyError, TypeError, AttributeError, AssertionError, RecursionError) as error:
            raise Refused("unreadable", 400) from error

    def _guarded_view(self) -> Any:
        """Anymail's view with something that guards it: without signature or secret nothing is let in."""
        view = self._view()
        signed = not view.warn_if_no_basic_auth
        if not signed and settings.EMAIL_PROVIDER == "sandbox":
            view.basic_auth = [*(view.basic_auth or []), settings.SANDBOX_EMAIL_SECRET]
        if not signed and not view.basic_auth:
            raise Refused("not configured", 403)
        return view

    def check_guard(self) -> None:
        """Raises `Refused` where neither signature nor secret guards the callbacks."""
        self._guarded_view()

    def split(self, stored: StoredRequest) -> list[StoredRequest]:
        """A batch as callbacks of one event each, so that a bad event costs only itself."""
        if "json" not in stored.content_type:
            return [stored]
        events = json.loads(stored.body)
        if not isinstance(events, list):
            return [stored]
        return [replace(stored, body=json.dumps([event]).encode()) for event in events]

    def parse(self, stored: StoredRequest) -> list[News]:
        """Every event of the callback that means something to us."""
        events = self._view().parse_events(as_request(stored))
        heard = [self._event(event, stored.received_at) for event in events]
        return [one for one in heard if one is not None]

    def _view(self) -> Any:
        return self._view_class()

    def _event(self, event: AnymailTrackingEvent, received_at: datetime) -> DeliveryEvent | None:
        known = EVENTS.get(event.event_type)
        if known is None:
            return None
        kind, state = known
        metadata = event.metadata if isinstance(event.metadata, dict) else {}
        raw = event.esp_event if isinstance(event.esp_event, dict) else {}
        machine = bool(raw.get("sg_machine_open")) or (event.user_agent or "").strip() in MACHINE_AGENTS
        if machine and kind in ("email_opened", "email_clicked"):
            state = None
        hard = event.event_type == "bounced" and _is_hard(event, raw)
        return DeliveryEvent(
            interaction_type=kind,
            occurred_at=event.timestamp or received_at,
            event_id=_event_id(event, raw),
            state=state,
            delivery_id=_number(metadata.get("delivery")),
            provider_id=str(event.message_id or ""),
            address=(event.recipient or "").strip().casefold(),
            channel="email",
            error_code=event.reject_reason or "" if state in ("bounced", "failed") else "",
            error=clean(event.description or event.mta_response or "")[:500],
            is_machine=machine,
            address_dead=hard,
            opt_out=OPT_OUTS.get(event.event_type, ""),
            metadata={"url": event.click_url} if event.click_url else {},
        )


def _is_hard(event: AnymailTrackingEvent, raw: dict[str, Any]) -> bool:
    """Whether the mailbox is gone for good; SendGrid says so by type and enhanced status (RFC 3463) alone."""
    if event.reject_reason is not None:
        return event.reject_reason in ("bounced", "invalid")
    return raw.get("type", "bounce") != "blocked" and str(raw.get("status", "")).startswith("5")


def _event_id(event: AnymailTrackingEvent, raw: dict[str, Any]) -> str:
    """The vendor's event id; where there is none, what the event says of itself."""
    told = raw.get("event-data")
    if isinstance(told, dict) and told.get("id"):
        # Anymail takes Mailgun's signature token, which differs each time the same event is brought.
        return f"{told['id']}|{told.get('timestamp')}"
    if event.event_id:
        return str(event.event_id)
    parts = (event.message_id, event.event_type, event.recipient, event.timestamp, event.click_url)
    return hashlib.sha256("|".join(str(part) for part in parts).encode()).hexdigest()


def _number(value: object) -> int | None:
    text = str(value or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _views() -> dict[str, Any]:
    """Anymail's view classes by their path, as its own URL list declares them."""
    found = {}
    for pattern in anymail_urls:
        view = getattr(getattr(pattern, "callback", None), "view_class", None)
        if view is not None:
            found[str(pattern.pattern).strip("/").removesuffix("/")] = view
    return found


def as_request(stored: StoredRequest) -> HttpRequest:
    """The stored callback as a request again, for readers that want one."""
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": stored.path,
        "QUERY_STRING": stored.query,
        "CONTENT_TYPE": stored.content_type,
        "CONTENT_LENGTH": str(len(stored.body)),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.input": io.BytesIO(stored.body),
        "wsgi.url_scheme": "https",
    }
    for name, value in stored.headers.items():
        environ.setdefault("HTTP_" + name.upper().replace("-", "_"), value)
    return WSGIRequest(environ)


def clean(text: str) -> str:
    """Text without the null characters that PostgreSQL cannot keep."""
    return text.replace("\x00", "")


def form_of(stored: StoredRequest) -> dict[str, str]:
    """The fields of a form-encoded callback; of a repeated one the last."""
    return dict(parse_qsl(clean(stored.body.decode("utf-8", "replace")).replace("%00", ""), keep_blank_values=True))
