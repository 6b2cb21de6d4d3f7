"""Email by django-anymail (and plain SMTP): every ESP that Anymail carries, chosen by EMAIL_PROVIDER."""

import hashlib
import io
import json
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from email.utils import formataddr, make_msgid
from typing import Any

import requests
from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused, AnymailWebhookValidationFailure
from anymail.signals import AnymailTrackingEvent
from anymail.urls import urlpatterns as anymail_urls
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, PermissionDenied, SuspiciousOperation
from django.core.handlers.wsgi import WSGIRequest
from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest

from channels.adapters.email_errors import api_error, raw_of, recipients_error, smtp_error
from channels.adapters.email_lines import connection_by, drop_line, mail_line
from channels.adapters.email_lookups import LOOKUPS, look_up
from channels.adapters.reading import clean, delivery_number, never_connected
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
)
from channels.unsubscribing import footed_html, footed_text, leave_headers, leave_url


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
            message = compose(envelope, self.name)
        except (ValueError, UnicodeError) as error:
            raise SendError(str(error), permanent=True, code="unsendable") from error
        except ImproperlyConfigured as error:
            # Nothing has left, and every message would meet the same: they wait until it is put right.
            raise SendError(str(error)[:400], permanent=False, code="not_configured", of_sender=True) from error
        except OSError as error:
            raise SendError("a file that goes along cannot be read", permanent=True, code="file_gone") from error
        try:
            self._hand_over(message)
        except AnymailRecipientsRefused as error:
            raise recipients_error(error, _status_of(message).status or set()) from error
        except AnymailAPIError as error:
            raise api_error(error) from error
        except (AnymailError, ImproperlyConfigured) as error:
            raise SendError(str(error), permanent=True, code="unsendable") from error
        except requests.ConnectionError as error:
            raise SendError(str(error), permanent=False, code="connection", left=not never_connected(error)) from error
        except OSError as error:
            raise smtp_error(error) from error
        except (LookupError, TypeError, AttributeError) as error:
            # Some of Anymail's readers trip over an answer that is JSON and yet not the vendor's.
            raise SendError(
                f"the vendor's answer cannot be read: {error!r}", permanent=False, code="unreadable", left=True
            ) from error
        return self._result(message)

    def _hand_over(self, message: EmailMultiAlternatives) -> None:
        try:
            message.send()
        except BaseException:
            drop_line()
            # Django leaves a line open whose log-in was refused; that it cannot be closed nicely changes nothing.
            line: Any = message.connection
            with suppress(OSError):
                line.close()
            raise

    def _result(self, message: EmailMultiAlternatives) -> SendResult:
        if self.name == "smtp":
            return SendResult(provider_id=str(message.extra_headers["Message-ID"]))
        status = _status_of(message)
        _check_answer(self.name, status.esp_response)
        if not status.message_id or isinstance(status.message_id, set):
            raise SendError(
                "the vendor answered without a message id",
                permanent=False,
                code="no_id",
                left=True,
                raw=raw_of(status.esp_response),
            )
        refused = {"rejected", "invalid", "failed"} & set(status.status or ())
        if refused:
            # “rejected” and “failed” may be about the sender or the text; only “invalid” is about the address.
            word = "invalid" if "invalid" in refused else refused.pop()
            raise SendError(
                f"the vendor said {word}",
                permanent=True,
                code=word,
                address_dead=word == "invalid",
                raw=raw_of(status.esp_response),
            )
        return SendResult(provider_id=str(status.message_id), raw=raw_of(status.esp_response))


def _status_of(message: EmailMultiAlternatives) -> Any:
    """What Anymail leaves on a message that it sent."""
    return message.anymail_status  # type: ignore[attr-defined]


def _check_answer(provider: str, response: Any) -> None:
    """Raises `SendError` for a page instead of an answer: Anymail believes some vendors whatever they say.

    SendGrid answers 202 with X-Message-ID and nothing else (docs.sendgrid.com, v3 Mail Send).
    """
    if not isinstance(response, requests.Response):
        return
    silent = provider == "sendgrid" and not (response.status_code == 202 and response.headers.get("X-Message-ID"))
    if silent or not _is_readable(response):
        raise SendError(
            "the vendor’s answer cannot be read", permanent=False, code="unreadable", left=True, raw=raw_of(response)
        )


def _is_readable(response: requests.Response) -> bool:
    """Whether the answer is what these interfaces say: nothing, or JSON."""
    if not response.content:
        return True
    try:
        response.json()
    except ValueError:
        return False
    return True


def setup_problem(setting: str, provider: str) -> str:
    """What the vendor that a setting names lacks to send and to be heard, as one sentence; empty: nothing."""
    if provider in ("", "sandbox", "smtp"):
        return ""
    try:
        connection = connection_by(provider)
        if provider == "amazon_ses":
            connection.open()
        if f"{provider}/tracking" in _views():
            AnymailEar(provider, "tracking").check_guard()
    except Refused:
        return (
            f"ANYMAIL_WEBHOOK_SECRET is not set; {provider} does not sign its callbacks, so put user:password here "
            "and into their address."
        )
    except Exception as error:
        # Each vendor's library has errors of its own for what is missing; all of them end the start.
        return f"{setting} is {provider}, but {' '.join(str(error).split())}"
    return ""


def compose(envelope: Envelope, provider: str) -> EmailMultiAlternatives:
    """The email as the vendor gets it: one recipient, plain text, HTML where there is some.

    What is marketing says who we are, where, and how to leave with one click.
    """
    leave = leave_url(delivery_id=envelope.delivery_id, address=envelope.address) if envelope.is_marketing else ""
    message = EmailMultiAlternatives(
        subject=envelope.subject,
        body=footed_text(envelope.text, leave) if leave else envelope.text,
        from_email=envelope.sender or settings.DEFAULT_FROM_EMAIL,
        to=[formataddr((envelope.person, envelope.address))],
        headers={"Message-ID": make_msgid(f"d{envelope.delivery_id}", domain=_domain())}
        | (leave_headers(leave) if leave else {}),
        connection=mail_line(provider),
    )
    if envelope.html:
        message.attach_alternative(footed_html(envelope.html, leave) if leave else envelope.html, "text/html")
    for file in envelope.attachments:
        message.attach(file.name, file.read(), file.content_type)
    message.metadata = {"delivery": str(envelope.delivery_id)}  # type: ignore[attr-defined]
    return message


def _domain() -> str:
    return settings.DEFAULT_FROM_EMAIL.rsplit("@", 1)[1].rstrip(">")


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

    def __init__(self, esp: str, kind: str) -> None:
        """Raises `KeyError` for what Anymail does not know, or we do not hear."""
        if kind != "tracking":
            raise KeyError(kind)
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
            delivery_id=delivery_number(metadata.get("delivery")),
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


def make_adapter(vendor: str, channel: str) -> AnymailEmail:
    """What the registry asks for."""
    return AnymailEmail(vendor)


def make_ear(vendor: str, kind: str) -> AnymailEar:
    """Who hears a vendor; raises `KeyError` where Anymail has no view for it."""
    return AnymailEar(vendor, kind)
