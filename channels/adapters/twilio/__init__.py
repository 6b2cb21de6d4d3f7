"""SMS, WhatsApp and RCS by Twilio's own client, and its status and inbound callbacks.

Rules: www.twilio.com/docs/messaging/api/message-resource, /docs/usage/webhooks/webhooks-security, /docs/whatsapp/api,
/docs/rcs/send-an-rcs-message. An address of WhatsApp is “whatsapp:” and the number, one of RCS “rcs:” and the number:
with that word before it Twilio does not fall back to SMS by itself, as falling back is ours to decide.
"""

import json
import threading
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import requests
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageInstance

from channels.adapters.reading import consent_word, delivery_number, form_of, never_connected
from channels.adapters.twilio.faults import FAULTS as FAULTS
from channels.adapters.twilio.faults import fault_of, words_of
from channels.ports import (
    Capabilities,
    DeliveryEvent,
    Envelope,
    InboundMessage,
    News,
    Refused,
    SendError,
    SendResult,
    Sought,
    StoredRequest,
    wait_asked,
)  # fmt: skip
from channels.senders import is_sandbox, provider_names, vendor_setting

TIMEOUT = 15
FIND_EARLIER, FIND_LATER = timedelta(minutes=2), timedelta(minutes=15)
"""Clocks differ a little; after the task's hard time limit nobody hands over this message any more."""
FIND_MOST = 200
STATUS_PATH = "/webhooks/twilio/status/"
INBOUND_PATH = "/webhooks/twilio/inbound/"

# Said before the message was taken: may be sent again.
REPEATABLE = frozenset({429, 503})

# Twilio's statuses: (what follows the channel's name in the interaction type, state).
STATES: dict[str, tuple[str, str | None]] = {
    "accepted": ("status_update", None),
    "scheduled": ("status_update", None),
    "queued": ("status_update", None),
    "sending": ("status_update", None),
    "sent": ("status_update", "sent"),
    "delivered": ("delivered", "delivered"),
    "undelivered": ("undelivered", "undelivered"),
    "failed": ("failed", "failed"),
    "canceled": ("failed", "failed"),
    "read": ("read", "engaged"),
}
PREFIXES = {"whatsapp": "whatsapp:", "rcs": "rcs:"}


class _HttpClient(TwilioHttpClient):
    """Twilio's client aimed at TWILIO_API_URL, so that a proxy or a local double can stand in its place."""

    _told = threading.local()

    def request(self, method: str, url: str, *args: object, **kwargs: object) -> Response:
        base = vendor_setting("TWILIO_API_URL")
        if base:
            target, own = urlsplit(url), urlsplit(base)
            url = urlunsplit((own.scheme, own.netloc, own.path + target.path, target.query, ""))
        answer = super().request(method, url, *args, **kwargs)
        _HttpClient._told.retry_after = wait_asked((answer.headers or {}).get("Retry-After"))
        _HttpClient._told.raw = f"{answer.status_code} {answer.text}"
        return answer

    @staticmethod
    def asked_to_wait() -> float | None:
        """Seconds that the last answer of this thread asked for: the client's errors carry no headers."""
        return getattr(_HttpClient._told, "retry_after", None)

    @staticmethod
    def answered() -> str:
        """The last answer of this thread as it came."""
        return getattr(_HttpClient._told, "raw", "")


class TwilioTexts:
    """Sends one text; the client's own retries are off, as a repeat is ours to decide."""

    name = "twilio"
    capabilities = Capabilities(frozenset({"sms", "whatsapp", "rcs"}), lines=8, asks=True)

    @cached_property
    def _client(self) -> Client:
        http = _HttpClient(timeout=TIMEOUT, max_retries=0)
        return Client(vendor_setting("TWILIO_ACCOUNT_SID"), vendor_setting("TWILIO_AUTH_TOKEN"), http_client=http)

    def send(self, envelope: Envelope) -> SendResult:
        try:
            answer = self._client.messages.create(
                to=full_address(envelope.channel, envelope.address),
                status_callback=status_callback(envelope.delivery_id),
                **_sender(envelope),
                **_content(envelope),
            )
        except (TwilioRestException, TwilioServiceException) as error:
            raise _rest_error(error) from error
        except requests.ConnectTimeout as error:
            raise SendError("Twilio could not be reached", permanent=False, code="connection") from error
        except requests.ConnectionError as error:
            left = not never_connected(error)
            raise SendError("the line to Twilio broke", permanent=False, code="connection", left=left) from error
        except (requests.RequestException, TwilioException, ValueError) as error:
            # A time-out, or an answer that is not JSON: it may have been taken, so it is not sent again.
            raise SendError(
                f"Twilio's answer cannot be read: {error}"[:400],
                permanent=False,
                code="unreadable",
                left=True,
                raw="" if isinstance(error, requests.RequestException) else _HttpClient.answered(),
            ) from error
        if not answer.sid:
            raise SendError("Twilio answered without a message id", permanent=False, code="no_id", left=True)
        return SendResult(provider_id=answer.sid, raw=_HttpClient.answered())

    def find(self, sought: Sought) -> list[DeliveryEvent]:
        """By Twilio's id, else by recipient, text and time, as its list tells nothing of our own id.

        A message in Twilio's queue has no date of sending yet, so that times are compared here.
        """
        try:
            if sought.provider_id:
                told = [self._client.messages(sought.provider_id).fetch()]
            else:
                since = sought.intent_at - FIND_EARLIER
                to = full_address(sought.envelope.channel, sought.envelope.address)
                told = self._client.messages.list(to=to, date_sent_after=since, limit=FIND_MOST)
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
    kind, state = STATES.get(status, ("status_update", None))
    return DeliveryEvent(
        interaction_type=f"{channel}_{kind}",
        occurred_at=told.date_updated or told.date_created or timezone.now(),
        event_id=f"{told.sid}:{status}",
        state=state or "sent",
        provider_id=str(told.sid or ""),
        channel=channel,
        error_code=code,
        error=words_of(code, told.error_message or ""),
        address_dead=fault_of(code).address_dead,
    )


def full_address(channel: str, address: str) -> str:
    """A number as Twilio wants it on a channel: +44…, whatsapp:+44…, rcs:+44…."""
    prefix = PREFIXES.get(channel, "")
    return address if address.startswith(prefix) else prefix + address


def channel_and_number(address: str) -> tuple[str, str]:
    """The channel that an address of Twilio's belongs to, and the number in it."""
    found = next((channel for channel, prefix in PREFIXES.items() if address.startswith(prefix)), "sms")
    return found, address.removeprefix(PREFIXES.get(found, ""))


def _sender(envelope: Envelope) -> dict[str, str]:
    """Whose number or name it comes from: the topic's own sender, else what the environment names."""
    service = vendor_setting("TWILIO_MESSAGING_SERVICE_SID")
    own = "" if envelope.channel == "sms" else vendor_setting(f"TWILIO_{envelope.channel.upper()}_FROM")
    # A service sends texts from any of its numbers, so it goes first there; elsewhere the sender is a single one.
    named = envelope.sender or own or ("" if service else vendor_setting("TWILIO_SMS_FROM"))
    return {"from_": full_address(envelope.channel, named)} if named else {"messaging_service_sid": service}


def _content(envelope: Envelope) -> dict[str, Any]:
    """The approved template with its variables, else free text."""
    if not envelope.template:
        return {"body": envelope.text}
    variables = {str(name): str(value) for name, value in envelope.variables.items()}
    return {"content_sid": envelope.template, **({"content_variables": json.dumps(variables)} if variables else {})}


def _rest_error(error: TwilioRestException | TwilioServiceException) -> SendError:
    code = str(error.code or error.status)
    fault = fault_of(code, error.status)
    words = str(fault.words) or (getattr(error, "msg", "") or str(error))[:400]
    if error.status in REPEATABLE or error.status >= 500:
        left = error.status not in REPEATABLE
        return SendError(
            words,
            permanent=False,
            code=code,
            left=left,
            retry_after=_HttpClient.asked_to_wait(),
            raw=_HttpClient.answered(),
        )
    return SendError(
        words,
        permanent=fault.permanent and not fault.of_sender,
        code=code,
        address_dead=fault.address_dead,
        opted_out=fault.opted_out,
        of_sender=fault.of_sender,
        raw=_HttpClient.answered(),
    )


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
    """The account's token, whoever carries what now: late news still comes. The sandbox signs with one of its own."""
    played = any(is_sandbox(name) for name in provider_names().values())
    ours = settings.SANDBOX_TWILIO_AUTH_TOKEN if played else ""
    return [token for token in (vendor_setting("TWILIO_AUTH_TOKEN"), ours) if token]


class TwilioStatus(_TwilioEar):
    """Status callbacks: one event each, whose id is MessageSid:status."""

    def parse(self, stored: StoredRequest) -> list[News]:
        form = form_of(stored)
        status = form.get("MessageStatus") or form.get("SmsStatus") or ""
        known = STATES.get(status)
        if known is None:
            return []
        kind, state = known
        channel, number = channel_and_number(form.get("To", ""))
        code = form.get("ErrorCode", "")
        delivery = (parse_qs(stored.query).get("delivery") or [""])[0]
        return [
            DeliveryEvent(
                interaction_type=f"{channel}_{kind}",
                occurred_at=stored.received_at,
                event_id=f"{form.get('MessageSid', '')}:{status}",
                state=state,
                delivery_id=delivery_number(delivery),
                provider_id=form.get("MessageSid", ""),
                address=number,
                channel=channel,
                error_code=code,
                error=words_of(code, form.get("ErrorMessage", "") or form.get("ChannelStatusMessage", "")),
                address_dead=fault_of(code).address_dead,
            )
        ]


class TwilioInbound(_TwilioEar):
    """Texts that people write to us, with the consent words that the law knows."""

    def parse(self, stored: StoredRequest) -> list[News]:
        form = form_of(stored)
        text = form.get("Body", "")
        given = form.get("OptOutType", "").lower()
        channel, number = channel_and_number(form.get("From", ""))
        return [
            InboundMessage(
                channel=channel,
                address=number,
                text=text[:10_000],
                occurred_at=stored.received_at,
                event_id=form.get("MessageSid", "") or form.get("SmsSid", ""),
                consent=given if given in ("stop", "start") else consent_word(text),
            )
        ]


EARS = {"status": TwilioStatus, "inbound": TwilioInbound}


def make_adapter(vendor: str, channel: str) -> TwilioTexts:
    """What the registry asks for."""
    return TwilioTexts()


def make_ear(vendor: str, kind: str) -> _TwilioEar:
    """Who hears a kind of callback; raises `KeyError` for others."""
    return EARS[kind]()
