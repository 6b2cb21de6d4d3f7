"""Plays the vendors: nothing leaves this machine, and what they would call back comes by our real webhooks.

Email answers in SendGrid's shape, texts in Twilio's, signed as they sign; chances follow what was learned.
"""

import json
import random
from datetime import timedelta
from urllib.parse import urlencode

from django.utils import timezone

from channels.adapters.twilio import INBOUND_PATH, STATUS_PATH
from channels.models import SandboxEcho
from channels.ports import Adapter, Capabilities, Envelope, SendResult
from crm.models import ChannelPreference

EMAIL_PATH = "/webhooks/email/sendgrid/tracking/"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
BOUNCE_CHANCE = 0.02
REPLIES = ("Thank you!", "Great, we will be there.", "Could you ring me tomorrow?", "Yes please.", "Got it, thanks.")


class SandboxEmail:
    """An email vendor that only plays: delivers, mostly, and the family may open and click."""

    name = "sandbox"
    capabilities = Capabilities(frozenset({"email"}), sandbox=True)

    def send(self, envelope: Envelope) -> SendResult:
        dice = _dice(envelope)
        message_id = f"sandbox-email-{envelope.delivery_id}"
        if dice.random() < BOUNCE_CHANCE or "bounce" in envelope.address:
            reason = {"type": "bounce", "reason": "550 5.1.1 the mailbox does not exist", "status": "5.1.1"}
            _email_echo(envelope, message_id, "bounce", dice.uniform(1, 3), reason)
            return SendResult(provider_id=message_id)
        _email_echo(envelope, message_id, "delivered", dice.uniform(0.5, 2), {"response": "250 OK"})
        if dice.random() < _chance(envelope, "email_open_rate"):
            _email_echo(
                envelope, message_id, "open", dice.uniform(4, 12), {"useragent": "Mozilla/5.0 (Sandbox reader)"}
            )
            if dice.random() < 0.4:
                _email_echo(
                    envelope, message_id, "click", dice.uniform(12, 20), {"url": "https://example.org/timetable"}
                )
        return SendResult(provider_id=message_id)


class SandboxTexts:
    """A text vendor that only plays: delivers, mostly, and the family may answer."""

    name = "sandbox"
    capabilities = Capabilities(frozenset({"sms"}), sandbox=True)

    def send(self, envelope: Envelope) -> SendResult:
        dice = _dice(envelope)
        sid = f"SM{envelope.delivery_id:032d}"
        _status_echo(envelope, sid, "sent", dice.uniform(0.3, 1), {})
        if dice.random() < BOUNCE_CHANCE:
            _status_echo(envelope, sid, "undelivered", dice.uniform(1, 3), {"ErrorCode": "30003"})
            return SendResult(provider_id=sid)
        _status_echo(envelope, sid, "delivered", dice.uniform(1, 3), {})
        if dice.random() < _chance(envelope, "sms_response_rate"):
            _reply_echo(envelope, sid, dice)
        return SendResult(provider_id=sid)


def _dice(envelope: Envelope) -> random.Random:
    return random.Random(f"{envelope.family_id}:{envelope.delivery_id}")  # noqa: S311 - play, not secrecy


def _chance(envelope: Envelope, rate: str) -> float:
    """What the family usually does; half of those nobody knows answer."""
    learned = ChannelPreference.objects.filter(family_id=envelope.family_id).values_list(rate, flat=True).first()
    return 0.5 if learned is None else learned / 100


def _email_echo(envelope: Envelope, message_id: str, event: str, seconds: float, more: dict[str, str]) -> None:
    due = timezone.now() + timedelta(seconds=seconds)
    body = [{
        "event": event,
        "email": envelope.address,
        "timestamp": int(due.timestamp()),
        "sg_event_id": f"{message_id}-{event}",
        "sg_message_id": message_id,
        "smtp-id": f"<{message_id}@sandbox>",
        "delivery": str(envelope.delivery_id),
        **more,
    }]  # fmt: skip
    SandboxEcho.objects.create(due_at=due, path=EMAIL_PATH, content_type=JSON, body=json.dumps(body))


def _status_echo(envelope: Envelope, sid: str, status: str, seconds: float, more: dict[str, str]) -> None:
    form = {"MessageSid": sid, "SmsSid": sid, "MessageStatus": status, "To": envelope.address, **more}
    SandboxEcho.objects.create(
        due_at=timezone.now() + timedelta(seconds=seconds),
        path=f"{STATUS_PATH}?{urlencode({'delivery': envelope.delivery_id})}",
        content_type=FORM,
        body=urlencode(form),
    )


def _reply_echo(envelope: Envelope, sid: str, dice: random.Random) -> None:
    form = {"MessageSid": f"{sid}R", "From": envelope.address, "To": "+447700900000", "Body": dice.choice(REPLIES)}
    SandboxEcho.objects.create(
        due_at=timezone.now() + timedelta(seconds=dice.uniform(5, 15)),
        path=INBOUND_PATH,
        content_type=FORM,
        body=urlencode(form),
    )


def make_adapter(vendor: str, channel: str) -> Adapter:
    """What the registry asks for."""
    return SandboxEmail() if channel == "email" else SandboxTexts()
