"""SMS by Twilio's own client, and its status and inbound callbacks.

Rules: www.twilio.com/docs/messaging/api/message-resource and /docs/usage/webhooks/webhooks-security.
"""

import threading
from datetime import timedelta
from functools import cached_property
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import requests
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageInstance

from channels.adapters.email import form_of
from channels.ports import (
    Capabilities,
    DeliveryEvent,
    Envelope,
    Fault,
    InboundMessage,
    News,
    Refused,
    SendError,
    SendResult,
    Sought,
    StoredRequest,
    wait_asked,
)  # fmt: skip

TIMEOUT = 15
FIND_EARLIER, FIND_LATER = timedelta(minutes=2), timedelta(minutes=15)
"""Clocks differ a little; after the task's hard time limit nobody hands over this message any more."""
FIND_MOST = 200
STATUS_PATH = "/webhooks/twilio/status/"
INBOUND_PATH = "/webhooks/twilio/inbound/"

_NO_NUMBER = Fault(_("This is not a number that texts can reach."), address_dead=True)
_ACCOUNT = Fault(_("Twilio does not accept our account; an administrator has to look at it."), of_sender=True)
_SUSPENDED = Fault(_("Our account at Twilio is suspended; an administrator has to look at it."), of_sender=True)
_OUR_NUMBER = Fault(_("Twilio does not let our number send this; an administrator has to look at it."), of_sender=True)
_WINDOW = Fault(_("WhatsApp takes free text only within 24 hours of their last message; use an approved template."))
_LATER = Fault(_("Too much at once; it is tried again."), permanent=False)
# What Twilio's codes mean (www.twilio.com/docs/api/errors): for the message, for the number, for us.
FAULTS: dict[str, Fault] = {
    "20003": _ACCOUNT,
    "20005": _SUSPENDED,
    "20404": _ACCOUNT,
    "20429": _LATER,
    "21211": _NO_NUMBER,
    "21214": _NO_NUMBER,
    "21217": _NO_NUMBER,
    "21408": Fault(_("Texts to this country are switched off at Twilio.")),
    "21606": _OUR_NUMBER,
    "21610": Fault(_("They texted STOP to our number; nothing goes there until they text START."), opted_out=True),
    "21611": _LATER,
    "21612": Fault(_("Twilio has no way to this number from ours.")),
    "21614": Fault(_("This is not a mobile number."), address_dead=True),
    "21617": Fault(_("The text is too long.")),
    "30001": _LATER,
    "30002": _SUSPENDED,
    "30003": Fault(_("The phone was off or out of reach.")),
    "30004": Fault(_("The number or its network blocks our texts.")),
    "30005": Fault(_("The number is unknown or no longer in use."), address_dead=True),
    "30006": Fault(_("A landline, or a network that texts do not reach."), address_dead=True),
    "30007": Fault(_("The network took it for spam.")),
    "30008": Fault(_("It failed on the way, and the network did not say why.")),
    "30034": Fault(_("Our number is not registered for texts in this country; an administrator has to look at it.")),
    "63016": _WINDOW,
    "63018": Fault(_("WhatsApp’s limit for our number was reached.")),
    "63024": Fault(_("This number cannot be reached on WhatsApp."), address_dead=True),
}
_UNKNOWN_FAULT = Fault("")
# Said before the message was taken: may be sent again.
REPEATABLE = frozenset({429, 503})

STATES: dict[str, tuple[str, str | None]] = {
    "accepted": ("sms_status_update", None),
    "scheduled": ("sms_status_update", None),
    "queued": ("sms_status_update", None),
    "sending": ("sms_status_update", None),
    "sent": ("sms_status_update", "sent"),
    "delivered": ("sms_delivered", "delivered"),
    "undelivered": ("sms_undelivered", "undelivered"),
    "failed": ("sms_failed", "failed"),
    "canceled": ("sms_failed", "failed"),
    "read": ("sms_read", "engaged"),
}

STOP_WORDS = frozenset(["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"])
START_WORDS = frozenset({"START", "UNSTOP"})


class _HttpClient(TwilioHttpClient):
    """Twilio's client aimed at TWILIO_API_URL, so that a proxy or a local double can stand in its place."""

    _told = threading.local()

    def request(self, method: str, url: str, *args: object, **kwargs: object) -> Response:
        base = settings.TWILIO_API_URL
        if base:
            target, own = urlsplit(url), urlsplit(base)
            url = urlunsplit((own.scheme, own.netloc, own.path + target.path, target.query, ""))
        answer = super().request(method, url, *args, **kwargs)
        _HttpClient._told.retry_after = wait_asked((answer.headers or {}).get("Retry-After"))
        return answer

    @staticmethod
    def asked_to_wait() -> float | None:
        """Seconds that the last answer of this thread asked for: the client's errors carry no headers."""
        return getattr(_HttpClient._told, "retry_after", None)


class TwilioTexts:
    """Sends one text; the client's own retries are off, as a repeat is ours to decide."""

    name = "twilio"
    capabilities = Capabilities(frozenset({"sms"}), lines=8, asks=True)

    @cached_property
    def _client(self) -> Client:
        http = _HttpClient(timeout=TIMEOUT, max_retries=0)
        return Client(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, http_client=http)

    def send(self, envelope: Envelope) -> SendResult:
        service = settings.TWILIO_MESSAGING_SERVICE_SID
        sender = (
            {"messaging_service_sid": service}
            if service and not envelope.sender
            else {"from_": envelope.sender or settings.TWILIO_SMS_FROM}
        )
        try:
            answer = self._client.messages.create(
                to=envelope.address, body=envelope.text, status_callback=status_callback(envelope.delivery_id), **sender
            )
        except (TwilioRestException, TwilioServiceException) as error:
            raise _rest_error(error) from error
        except requests.ConnectTimeout as error:
            raise SendError("Twilio could not be reached", permanent=False, code="connection") from error
        except requests.ConnectionError as error:
            left = "NewConnectionError" not in repr(error) and "NameResolutionError" not in repr(error)
            raise SendError("the line to Twilio broke", permanent=False, code="connection", left=left) from error
        except (requests.RequestException, TwilioException, ValueError) as error:
            # A time-out, or an answer that is not JSON: it may have been taken, so it is not sent again.
            raise SendError(
                f"Twilio's answer cannot be read: {error}"[:400], permanent=False, code="unreadable", left=True
            ) from error
        if not answer.sid:
            raise SendError("Twilio answered without a message id", permanent=False, code="no_id", left=True)
        return SendResult(provider_id=answer.sid)

    def find(self, sought: Sought) -> list[DeliveryEvent]:
        """By Twilio's id, else by recipient, text and time, as its list tells nothing of our own id.

        A message in Twilio's queue has no date of sending yet, so that times are compared here.
        """
        try:
            if sought.provider_id:
                told = [self._client.messages(sought.provider_id).fetch()]
            else:
                since = sought.intent_at - FIND_EARLIER
                told = self._client.messages.list(to=sought.envelope.address, date_sent_after=since, limit=FIND_MOST)
                told = [one for one in told if _may_be(one, sought)]
        except (TwilioRestException, TwilioServiceException) as error:
            raise _rest_error(error) from error
        except (requests.RequestException, TwilioException, ValueError) as error:
            raise SendError(f"Twilio could not be asked: {error}"[:400], permanent=False, code="connection") from error
        return [_event_of_found(one, sought.envelope.channel) for one in told]


def _may_be(told: MessageInstance, sought: Sought) -> bool:
    """Whether this may be ours: same text, ours to send, made between our intent and the end of our patience."""
    made = told.date_created
    in_time = made is not None and sought.intent_at - FIND_EARLIER <= made <= sought.intent_at + FIND_LATER
    outwards = str(told.direction or "").startswith("outbound")
    return in_time and outwards and (told.body or "").strip() == sought.envelope.text.strip()


def _event_of_found(told: MessageInstance, channel: str) -> DeliveryEvent:
    """The same event that the callback would have brought, so that either may come first."""
    status, code = str(told.status or ""), str(told.error_code or "")
    kind, state = STATES.get(status, ("sms_status_update", None))
    return DeliveryEvent(
        interaction_type=kind,
        occurred_at=told.date_updated or told.date_created or timezone.now(),
        event_id=f"{told.sid}:{status}",
        state=state or "sent",
        provider_id=str(told.sid or ""),
        channel=channel,
        error_code=code,
        error=_words_of(code, told.error_message or ""),
        address_dead=FAULTS.get(code, _UNKNOWN_FAULT).address_dead,
    )


def _rest_error(error: TwilioRestException | TwilioServiceException) -> SendError:
    code = str(error.code or error.status)
    fault = FAULTS.get(code, _ACCOUNT if error.status in (401, 403) else _UNKNOWN_FAULT)
    words = str(fault.words) or (getattr(error, "msg", "") or str(error))[:400]
    if error.status in REPEATABLE or error.status >= 500:
        left = error.status not in REPEATABLE
        return SendError(words, permanent=False, code=code, left=left, retry_after=_HttpClient.asked_to_wait())
    return SendError(
        words,
        permanent=fault.permanent and not fault.of_sender,
        code=code,
        address_dead=fault.address_dead,
        opted_out=fault.opted_out,
        of_sender=fault.of_sender,
    )


def _words_of(code: str, told: str) -> str:
    known = str(FAULTS.get(code, _UNKNOWN_FAULT).words)
    return known or told or (f"Twilio error {code}" if code else "")


def status_callback(delivery_id: int) -> str:
    """Where Twilio reports: our delivery id in the query, which the signature covers; retries asked for."""
    return f"{settings.BASE_URL}{STATUS_PATH}?{urlencode({'delivery': delivery_id})}#rc=5&rp=all"


class _TwilioEar:
    """Checks X-Twilio-Signature over the public address of the callback and its form fields."""

    def verify(self, request: HttpRequest) -> None:
        signature = request.headers.get("X-Twilio-Signature", "")
        if not signature:
            raise Refused("no signature", 403)
        if request.body and request.content_type != "application/x-www-form-urlencoded":
            # The signature covers form fields alone: any other body could say what it likes.
            raise Refused("not a form", 403)
        query = f"?{request.META['QUERY_STRING']}" if request.META.get("QUERY_STRING") else ""
        url = f"{settings.BASE_URL}{request.path}{query}"
        fields = {name: values if len(values) > 1 else values[0] for name, values in request.POST.lists()}
        if not any(RequestValidator(token).validate(url, fields, signature) for token in auth_tokens()):
            raise Refused("signature", 403)

    def split(self, stored: StoredRequest) -> list[StoredRequest]:
        """Twilio tells one thing at a time."""
        return [stored]


def auth_tokens() -> list[str]:
    """The account's token; the sandbox signs with one of its own where no account is set."""
    return [settings.TWILIO_AUTH_TOKEN] if settings.SMS_PROVIDER == "twilio" else [settings.SANDBOX_TWILIO_AUTH_TOKEN]


class TwilioStatus(_TwilioEar):
    """Status callbacks: one event each, whose id is MessageSid:status."""

    def parse(self, stored: StoredRequest) -> list[News]:
        form = form_of(stored)
        status = form.get("MessageStatus") or form.get("SmsStatus") or ""
        known = STATES.get(status)
        if known is None:
            return []
        kind, state = known
        code = form.get("ErrorCode", "")
        delivery = (parse_qs(stored.query).get("delivery") or [""])[0]
        return [
            DeliveryEvent(
                interaction_type=kind,
                occurred_at=stored.received_at,
                event_id=f"{form.get('MessageSid', '')}:{status}",
                state=state,
                delivery_id=int(delivery) if delivery.isascii() and delivery.isdigit() and len(delivery) < 19 else None,
                provider_id=form.get("MessageSid", ""),
                address=form.get("To", ""),
                channel="sms",
                error_code=code,
                error=_words_of(code, form.get("ErrorMessage", "")),
                address_dead=FAULTS.get(code, _UNKNOWN_FAULT).address_dead,
            )
        ]


class TwilioInbound(_TwilioEar):
    """Texts that people write to us, with the consent words that the law knows."""

    def parse(self, stored: StoredRequest) -> list[News]:
        form = form_of(stored)
        text = form.get("Body", "")
        word = text.strip().upper().rstrip(".!")
        given = form.get("OptOutType", "").upper()
        consent = "stop" if word in STOP_WORDS or given == "STOP" else ""
        consent = consent or ("start" if word in START_WORDS or given == "START" else "")
        return [
            InboundMessage(
                channel="sms",
                address=form.get("From", ""),
                text=text[:10_000],
                occurred_at=stored.received_at,
                event_id=form.get("MessageSid", "") or form.get("SmsSid", ""),
                consent=consent,
            )
        ]
