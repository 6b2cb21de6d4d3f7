"""SMS by Vonage's SMS API, and its delivery receipts and inbound texts.

Spoken with `requests`: the vendor's own client sends a request up to ten times anew when the line breaks after it left
(vonage_http_client 1.5, `make_request`), which could text a family ten times, and it cannot be pointed elsewhere.
Rules: developer.vonage.com/en/api/sms, …/messaging/sms/guides/delivery-receipts and …/concepts/guides/signing-messages.
"""

import hmac
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import requests
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from channels.adapters.reading import clean, consent_word, delivery_number, never_connected
from channels.policy.segments import text_size
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
    StoredRequest,
    wait_asked,
)
from channels.senders import vendor_setting

API = "https://rest.nexmo.com"
TIMEOUT = 15
STATUS_PATH = "/webhooks/vonage/status/"
AT_ONCE = timedelta(minutes=1)
LONGEST_CALLBACK = 100
"""Letters that the API takes for an address of our own; a longer one has to be set at Vonage."""
LONGEST_BODY = 64 * 1024
"""Bytes of a callback; what is longer is not even read for its signature."""
STALE, EARLY = 25 * 3600, 300
"""Seconds that a signed callback may be old (Vonage repeats for 24 hours) or ahead of our clock.

The same body again is the same receipt, so that a repeat within that time tells nothing new.
"""

_ACCOUNT = Fault(_("Vonage does not accept our account; an administrator has to look at it."), of_sender=True)
_CREDIT = Fault(_("Our credit at Vonage is used up; an administrator has to look at it."), of_sender=True)
_OUR_NUMBER = Fault(_("Vonage does not let our number send this; an administrator has to look at it."), of_sender=True)
_LATER = Fault(_("Too much at once; it is tried again."), permanent=False)
_OPTED_OUT = Fault(
    _("They asked not to get texts like ours; nothing goes there until they text START."), opted_out=True
)
_GONE = Fault(_("The number is no longer in use."), address_dead=True)
_OFF = Fault(_("The phone was off or out of reach."))
_BLOCKED = Fault(_("The network does not let this text through."))
_UNKNOWN = Fault("")
# What the answer to a send says of each text (developer.vonage.com/en/api-errors/sms).
FAULTS: dict[str, Fault] = {
    "1": _LATER,
    "2": _UNKNOWN,
    "3": Fault(_("Vonage does not take the number or the text as they are.")),
    "4": _ACCOUNT,
    "6": Fault(_("This is not a number that texts can reach."), address_dead=True),
    "7": _OPTED_OUT,
    "8": _ACCOUNT,
    "9": _CREDIT,
    "10": _LATER,
    "11": _ACCOUNT,
    "12": Fault(_("The text is too long.")),
    "14": _ACCOUNT,
    "15": _OUR_NUMBER,
    "22": Fault(_("This is not a number that texts can reach.")),
    "29": Fault(_("Our account at Vonage is on trial and may not text this number.")),
    "32": _ACCOUNT,
    "33": _GONE,
}
INTERNAL = "5"
"""“An error while processing this message”: whether it left, nobody says."""
# What a delivery receipt's `err-code` says.
RECEIPT_FAULTS: dict[str, Fault] = {
    "1": Fault(_("It failed on the way, and the network did not say why.")),
    "2": _OFF,
    "3": _GONE,
    "4": Fault(_("Their contract does not let texts through.")),
    "5": Fault(_("The number moved to another network, and its way is not known yet.")),
    "6": Fault(_("The network took it for spam.")),
    "7": _OFF,
    "8": Fault(_("The network failed.")),
    "9": _OPTED_OUT,
    "10": Fault(_("The network could not read the text.")),
    "11": Fault(_("There is no way to this network.")),
    "12": Fault(_("There is no way to this network.")),
    "13": _BLOCKED,
    "14": _BLOCKED,
    "15": Fault(_("Their contract has no credit left to get texts.")),
    "16": Fault(_("Our limit at Vonage was reached.")),
    **dict.fromkeys(("50", "51", "52", "53", "54"), _BLOCKED),
    "99": Fault(_("It failed on the way, and the network did not say why.")),
}

STATES: dict[str, tuple[str, str | None]] = {
    "submitted": ("sms_status_update", "sent"),
    "accepted": ("sms_status_update", "sent"),
    "buffered": ("sms_status_update", None),
    "delivered": ("sms_delivered", "delivered"),
    "expired": ("sms_undelivered", "undelivered"),
    "failed": ("sms_undelivered", "undelivered"),
    "rejected": ("sms_failed", "failed"),
}


class VonageTexts:
    """Sends one text; our delivery id travels as `client-ref` and comes back with every receipt."""

    name = "vonage"
    capabilities = Capabilities(frozenset({"sms"}))

    @cached_property
    def _session(self) -> requests.Session:
        return requests.Session()

    def send(self, envelope: Envelope) -> SendResult:
        try:
            answer = self._session.post(
                f"{vendor_setting('VONAGE_API_URL') or API}/sms/json",
                data=_fields(envelope),
                auth=(vendor_setting("VONAGE_API_KEY"), vendor_setting("VONAGE_API_SECRET")),
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.ConnectionError as error:
            raise SendError(
                "the line to Vonage broke", permanent=False, code="connection", left=not never_connected(error)
            ) from error
        except requests.RequestException as error:
            raise SendError("Vonage did not answer in time", permanent=False, code="unreadable", left=True) from error
        return _result(answer)


def _fields(envelope: Envelope) -> dict[str, str]:
    fields = {
        "to": envelope.address.lstrip("+"),
        "from": (envelope.sender or vendor_setting("VONAGE_SMS_FROM")).lstrip("+"),
        "text": envelope.text,
        "type": "text" if text_size(envelope.text).is_plain else "unicode",
        "client-ref": str(envelope.delivery_id),
        "status-report-req": "1",
    }
    callback = f"{settings.BASE_URL}{STATUS_PATH}"
    return fields | ({"callback": callback} if len(callback) <= LONGEST_CALLBACK else {})


def _result(answer: requests.Response) -> SendResult:
    """What an answer says; a text of several parts has one entry each, and each must be taken."""
    if answer.status_code >= 300:
        raise _refusal(answer)
    try:
        parts = [part for part in answer.json()["messages"] if isinstance(part, dict)]
        codes = [str(part["status"]) for part in parts]
    except (ValueError, KeyError, TypeError) as error:
        raise SendError("Vonage's answer cannot be read", permanent=False, code="unreadable", left=True) from error
    refused = next((part for part in parts if str(part["status"]) != "0"), None)
    if refused is not None:
        raise _fault(str(refused["status"]), str(refused.get("error-text", "")), some_left="0" in codes)
    if not parts or not parts[0].get("message-id"):
        raise SendError("Vonage answered without a message id", permanent=False, code="no_id", left=True)
    return SendResult(provider_id=str(parts[0]["message-id"]))


def _refusal(answer: requests.Response) -> SendError:
    """An answer of HTTP itself: 429 and 503 are said before anything is taken, other 5xx may hide a text that left."""
    status, words = answer.status_code, f"Vonage answered {answer.status_code}"
    if status == 429 or status >= 500:
        wait = wait_asked(answer.headers.get("Retry-After"))
        return SendError(words, permanent=False, code=str(status), left=status not in (429, 503), retry_after=wait)
    if status in (401, 403):
        return SendError(str(_ACCOUNT.words), permanent=False, code=str(status), of_sender=True)
    return SendError(words, permanent=True, code=str(status))


def _fault(code: str, told: str, *, some_left: bool) -> SendError:
    fault = FAULTS.get(code, _UNKNOWN)
    words = str(fault.words) or told[:400] or f"Vonage error {code}"
    if some_left or code == INTERNAL:
        return SendError(words, permanent=False, code=code, left=True)
    return SendError(
        words,
        permanent=fault.permanent and not fault.of_sender,
        code=code,
        address_dead=fault.address_dead,
        opted_out=fault.opted_out,
        of_sender=fault.of_sender,
    )


def sign(fields: Mapping[str, Any], secret: str, digest: str) -> str:
    """The signature of a callback: an HMAC over its sorted fields, “&” and “=” in values written as “_”."""
    plain = "".join(
        f"&{name}={str(fields[name]).replace('&', '_').replace('=', '_')}" for name in sorted(fields) if name != "sig"
    )
    return hmac.new(secret.encode(), plain.encode(), digest).hexdigest()


# The signatures that hold, by their length; MD5 and SHA-1, which Vonage also offers, are not enough.
DIGESTS = {64: "sha256", 128: "sha512"}


class _VonageEar:
    """Checks the signature and its time; what is signed are the fields of a form or of flat JSON."""

    def verify(self, request: HttpRequest) -> None:
        secret = vendor_setting("VONAGE_SIGNATURE_SECRET")
        if not secret:
            raise Refused("not configured", 403)
        if len(request.body) > LONGEST_BODY:
            raise Refused("too large", 413)
        fields = _fields_of(request.body, request.content_type or "")
        given = str(fields.get("sig", "")).lower()
        if not given:
            raise Refused("no signature", 403)
        if len(given) not in DIGESTS:
            raise Refused("weak signature", 403)
        if not hmac.compare_digest(given.encode(), sign(fields, secret, DIGESTS[len(given)]).encode()):
            raise Refused("signature", 403)
        age = time.time() - (delivery_number(fields.get("timestamp")) or 0)
        if not -EARLY <= age <= STALE:
            raise Refused("too old", 403)

    def split(self, stored: StoredRequest) -> list[StoredRequest]:
        """Vonage tells one thing at a time."""
        return [stored]


def _fields_of(body: bytes, content_type: str) -> dict[str, Any]:
    """The fields of a callback; raises `Refused` where they are not plain, or one is there twice."""
    try:
        text = body.decode()
        pairs = (
            json.loads(text, object_pairs_hook=list)
            if "json" in content_type
            else parse_qsl(text, keep_blank_values=True, max_num_fields=100)
        )
        fields = dict(pairs)
    except (ValueError, TypeError, RecursionError) as error:
        raise Refused("unreadable", 400) from error
    if len(fields) != len(pairs) or any(isinstance(value, list | dict) for value in fields.values()):
        raise Refused("unreadable", 400)
    return fields


def _news_of(stored: StoredRequest) -> dict[str, str]:
    return {name: clean(str(value)) for name, value in _fields_of(stored.body, stored.content_type).items()}


def _told_at(fields: Mapping[str, str], stored: StoredRequest) -> datetime:
    """When it happened: as it came in, unless brought late; whole seconds could set an answer before its text."""
    seconds = delivery_number(fields.get("timestamp"))
    told = datetime.fromtimestamp(seconds, UTC) if seconds else stored.received_at
    return told if stored.received_at - told > AT_ONCE else stored.received_at


def _number(digits: str) -> str:
    return f"+{digits.lstrip('+')}" if digits else ""


class VonageStatus(_VonageEar):
    """Delivery receipts. A long text gets one a part: they are one event, so that the family's log says it once."""

    def parse(self, stored: StoredRequest) -> list[News]:
        fields = _news_of(stored)
        status, told = fields.get("status", ""), fields.get("messageId", "")
        if status not in STATES:
            return []
        kind, state = STATES[status]
        delivery = delivery_number(fields.get("client-ref"))
        code = fields.get("err-code", "").lstrip("0") if state in ("failed", "undelivered") else ""
        fault = RECEIPT_FAULTS.get(code, _UNKNOWN)
        return [
            DeliveryEvent(
                interaction_type=kind,
                occurred_at=_told_at(fields, stored),
                event_id=f"{told if delivery is None else delivery}:{status}",
                state=state,
                delivery_id=delivery,
                provider_id=told,
                address=_number(fields.get("msisdn", "")),
                channel="sms",
                error_code=code,
                error=str(fault.words) or (f"Vonage error {code}" if code else ""),
                address_dead=fault.address_dead,
                opt_out="stop_word" if fault.opted_out else "",
            )
        ]


class VonageInbound(_VonageEar):
    """Texts that people write to us. The parts of a long one come one by one and are kept so, numbered."""

    def parse(self, stored: StoredRequest) -> list[News]:
        fields = _news_of(stored)
        text, parts = fields.get("text", ""), fields.get("concat-total", "")
        return [
            InboundMessage(
                channel="sms",
                address=_number(fields.get("msisdn", "")),
                text=text[:10_000],
                occurred_at=_told_at(fields, stored),
                event_id=fields.get("messageId", ""),
                consent="" if parts else consent_word(text),
                metadata={"part": f"{fields.get('concat-part', '')}/{parts}"} if parts else {},
            )
        ]


EARS = {"status": VonageStatus, "inbound": VonageInbound}


def make_adapter(vendor: str, channel: str) -> VonageTexts:
    """What the registry asks for."""
    return VonageTexts()


def make_ear(vendor: str, kind: str) -> _VonageEar:
    """Who hears a kind of callback; raises `KeyError` for others."""
    return EARS[kind]()
