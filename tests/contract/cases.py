"""Each vendor as the contract suite meets it: add one `Case` and every test of `test_contract.py` holds for it too."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse

from channels.models import Delivery
from tests import doubles, hooks
from tests.doubles import Answer, Seen

Say = Callable[[Seen], Answer]


@dataclass(frozen=True)
class Case:
    """A vendor of the network: how it is set up, what it answers, and how it calls back.

    `no_id` is a yes that names no message (none where the vendor never names one).

    `stop` is a code of “they texted STOP” (none where the vendor has no such thing), `tell` posts its receipt that a
    delivery arrived, `forge` the same with a signature that does not hold.
    """

    vendor: str
    channel: str
    set_up: Callable[[Any, str], None]
    yes: Say
    no_id: Say | None
    unreadable: Say
    credentials: Say
    permanent: Say
    tell: Callable[[Delivery], HttpResponse]
    forge: Callable[[Delivery], HttpResponse]
    stop: Say | None = None

    def __str__(self) -> str:
        return f"{self.channel} by {self.vendor}"


def answer(status: int, body: Any = "", kind: str = "application/json") -> Say:
    """The same answer to everything."""
    text = body if isinstance(body, str) else json.dumps(body)
    return lambda seen: (status, kind, text)


def set_up_twilio(settings: Any, url: str) -> None:
    settings.SMS_PROVIDER, settings.TWILIO_API_URL = "twilio", url
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = "AC" + "1" * 32, "secret"
    settings.TWILIO_SMS_FROM = "+447700900000"


def set_up_vonage(settings: Any, url: str) -> None:
    settings.SMS_PROVIDER, settings.VONAGE_API_URL = "vonage", url
    settings.VONAGE_API_KEY, settings.VONAGE_API_SECRET = "abcd1234", "secret"
    settings.VONAGE_SIGNATURE_SECRET, settings.VONAGE_SMS_FROM = "signature-secret", "+447700900000"


def set_up_esp(name: str, **values: str) -> Callable[[Any, str], None]:
    """Anymail aimed at the double, with what this vendor needs."""

    def set_up(settings: Any, url: str) -> None:
        settings.EMAIL_PROVIDER = name
        own = {key: value.replace("%URL%", url) for key, value in values.items()}
        settings.ANYMAIL = {**settings.ANYMAIL, f"{name.upper()}_API_URL": f"{url}/", **own}

    return set_up


def twilio_tells(signature: str | None = None) -> Callable[[Delivery], HttpResponse]:
    return lambda one: hooks.twilio(
        "status", "delivered", query=f"delivery={one.pk}", signature=signature, PHONE=one.address, SID="5" * 32
    )


def vonage_tells(**forged: str) -> Callable[[Delivery], HttpResponse]:
    same = {"ID": "0C5", "nonce": "n", "timestamp": str(int(time.time()))}
    return lambda one: hooks.vonage(
        "status", "delivered", TO=one.address.lstrip("+"), DELIVERY=one.pk, **{**same, **forged}
    )


def sendgrid_tells(guard: str = "user:password") -> Callable[[Delivery], HttpResponse]:
    def tell(one: Delivery) -> HttpResponse:
        event = {"event": "delivered", "email": one.address, "timestamp": 1763740801, "sg_event_id": "sg-1"}
        body = json.dumps([{**event, "sg_message_id": one.provider_id, "delivery": str(one.pk)}])
        return hooks.sendgrid(body, Authorization=hooks.basic(guard))

    return tell


def postmark_tells(guard: str = "user:password") -> Callable[[Delivery], HttpResponse]:
    def tell(one: Delivery) -> HttpResponse:
        body = {
            "RecordType": "Delivery", "MessageID": one.provider_id, "Recipient": one.address,
            "DeliveredAt": "2026-11-21T12:00:00Z", "Metadata": {"delivery": str(one.pk)},
        }  # fmt: skip
        return hooks.email("postmark", body, guard)

    return tell


def mailgun_tells(key: str = "signing-key") -> Callable[[Delivery], HttpResponse]:
    return lambda one: hooks.mailgun(
        "delivered", key, EMAIL=one.address, MESSAGE=one.provider_id.strip("<>"), DELIVERY=one.pk
    )


GUARD = {"WEBHOOK_SECRET": "user:password"}
CASES = [
    Case(
        vendor="twilio",
        channel="sms",
        set_up=set_up_twilio,
        yes=doubles.twilio_yes,
        no_id=answer(201, {"sid": None, "status": "queued"}),
        unreadable=doubles.garbage,
        credentials=doubles.twilio_no(20003, 401),
        permanent=doubles.twilio_no(21211),
        stop=doubles.twilio_no(21610),
        tell=twilio_tells(),
        forge=twilio_tells("forged"),
    ),
    Case(
        vendor="vonage",
        channel="sms",
        set_up=set_up_vonage,
        yes=doubles.vonage_yes,
        no_id=answer(200, {"message-count": "1", "messages": [{"status": "0"}]}),
        unreadable=doubles.garbage,
        credentials=doubles.vonage_no(4),
        permanent=doubles.vonage_no(6),
        stop=doubles.vonage_no(7),
        tell=vonage_tells(),
        forge=vonage_tells(secret="somebody else's"),
    ),
    Case(
        vendor="postmark",
        channel="email",
        set_up=set_up_esp("postmark", POSTMARK_SERVER_TOKEN="t", **GUARD),
        yes=doubles.postmark_yes,
        no_id=answer(200, {"ErrorCode": 0, "Message": "OK", "To": "x@example.org", "SubmittedAt": ""}),
        unreadable=doubles.garbage,
        credentials=answer(401, {"ErrorCode": 10, "Message": "no such token"}),
        permanent=answer(422, {"ErrorCode": 300, "Message": "Invalid email request"}),
        tell=postmark_tells(),
        forge=postmark_tells("user:wrong"),
    ),
    Case(
        vendor="mailgun",
        channel="email",
        set_up=set_up_esp("mailgun", MAILGUN_API_KEY="key", MAILGUN_WEBHOOK_SIGNING_KEY="signing-key"),
        yes=doubles.mailgun_yes,
        no_id=answer(200, {"message": "Queued. Thank you."}),
        unreadable=doubles.garbage,
        credentials=answer(401, "Forbidden", "text/plain"),
        permanent=answer(400, {"message": "to parameter is not a valid address"}),
        tell=mailgun_tells(),
        forge=mailgun_tells("wrong-key"),
    ),
    Case(
        vendor="sendgrid",
        channel="email",
        set_up=set_up_esp("sendgrid", SENDGRID_API_KEY="SG.x", **GUARD),
        # SendGrid names no id in its body: Anymail makes one of its own, which events carry as metadata.
        yes=doubles.sendgrid_yes,
        no_id=None,
        unreadable=doubles.garbage,
        credentials=answer(401, {}),
        permanent=answer(400, {"errors": [{"message": "bad"}]}),
        tell=sendgrid_tells(),
        forge=sendgrid_tells("user:wrong"),
    ),
]
