"""Plays the vendors: nothing leaves this machine, and what they would call back comes by our real webhooks.

Email answers in SendGrid's shape, texts and chats in Twilio's, push as a browser does, each signed as they sign. What
a made-up family does follows its hidden habits, so that learning can find them; of others, what was learned.
"""

import json
import random
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlencode

from django.utils import timezone

from channels.adapters.push import REPORT_PATH, report_of
from channels.adapters.twilio import INBOUND_PATH, STATUS_PATH, full_address
from channels.models import SandboxEcho, SandboxHabit
from channels.ports import Adapter, Capabilities, Envelope, SendError, SendResult
from crm.models import ChannelPreference

EMAIL_PATH = "/webhooks/email/sendgrid/tracking/"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
BOUNCE_CHANCE = 0.02
REPLIES = ("Thank you!", "Great, we will be there.", "Could you ring me tomorrow?", "Yes please.", "Got it, thanks.")
READER, PROXY = "Mozilla/5.0 (Sandbox reader)", "Mozilla/5.0"
# The learned rate that stands in where a family has no hidden habits.
LEARNED = {"email_open": "email_open_rate", "sms_reply": "sms_response_rate"}
UNKNOWN = 0.5
# What ends a text now and then: the phone is off; the number is not on WhatsApp; the phone takes no RCS.
DEATHS = {"sms": "30003", "whatsapp": "63024", "rcs": "63106"}


class SandboxEmail:
    """An email vendor that only plays: delivers, mostly, and the family may open and click."""

    name = "sandbox"
    capabilities = Capabilities(frozenset({"email"}), sandbox=True)

    def send(self, envelope: Envelope) -> SendResult:
        dice, habits = _dice(envelope), _habits(envelope)
        message_id = f"sandbox-email-{envelope.delivery_id}"
        if dice.random() < BOUNCE_CHANCE or "bounce" in envelope.address:
            reason = {"type": "bounce", "reason": "550 5.1.1 the mailbox does not exist", "status": "5.1.1"}
            _email_echo(envelope, message_id, "bounce", dice.uniform(1, 3), reason)
            return SendResult(provider_id=message_id)
        _email_echo(envelope, message_id, "delivered", dice.uniform(0.5, 2), {"response": "250 OK"})
        opened = dice.random() < habits["email_open"]
        if habits.get("email_proxy"):
            # Their mail program loads pictures by itself, and hides the person's own look.
            _email_echo(envelope, message_id, "open", dice.uniform(2, 4), {"useragent": PROXY, "sg_machine_open": True})
        elif opened:
            _email_echo(envelope, message_id, "open", dice.uniform(4, 12), {"useragent": READER})
        if opened and dice.random() < habits.get("email_click", 0.4):
            _email_echo(envelope, message_id, "click", dice.uniform(12, 20), {"url": "https://example.org/timetable"})
        return SendResult(provider_id=message_id)


class SandboxTexts:
    """A vendor of texts and chats that only plays: delivers, mostly, and the family may read and answer."""

    name = "sandbox"
    capabilities = Capabilities(frozenset({"sms", "whatsapp", "rcs"}), sandbox=True)

    def send(self, envelope: Envelope) -> SendResult:
        dice, habits, channel = _dice(envelope), _habits(envelope), envelope.channel
        sid = f"SM{envelope.delivery_id:032d}"
        _status_echo(envelope, sid, "sent", dice.uniform(0.3, 1), {})
        if dice.random() < BOUNCE_CHANCE:
            _status_echo(envelope, sid, "undelivered", dice.uniform(1, 3), {"ErrorCode": DEATHS[channel]})
            return SendResult(provider_id=sid)
        _status_echo(envelope, sid, "delivered", dice.uniform(1, 3), {})
        # An SMS tells nobody that it was read; an answer to a chat comes after reading it.
        seen = channel == "sms" or dice.random() < habits[f"{channel}_read"]
        if seen and channel != "sms":
            _status_echo(envelope, sid, "read", dice.uniform(3, 6), {})
        if seen and dice.random() < habits[f"{channel}_reply"]:
            _reply_echo(envelope, sid, dice)
        return SendResult(provider_id=sid)


class SandboxPush:
    """A push service that only plays: shows it, mostly, and somebody may tap it or wipe it away."""

    name = "sandbox"
    capabilities = Capabilities(frozenset({"push"}), sandbox=True)

    def send(self, envelope: Envelope) -> SendResult:
        dice, habits = _dice(envelope), _habits(envelope)
        if dice.random() < BOUNCE_CHANCE or "gone" in envelope.address:
            raise SendError("the browser is gone (sandbox)", permanent=True, code="410", address_dead=True)
        _push_echo(envelope, "shown", dice.uniform(0.3, 2))
        if dice.random() < habits["push_open"]:
            _push_echo(envelope, dice.choices(("clicked", "dismissed"), (3, 1))[0], dice.uniform(4, 12))
        return SendResult(provider_id=f"sandbox-push-{envelope.delivery_id}")


def _dice(envelope: Envelope) -> random.Random:
    return random.Random(f"{envelope.family_id}:{envelope.delivery_id}")  # noqa: S311 - play, not secrecy


class _Habits(dict[str, float]):
    """Chances by what a family may do; half of those nobody knows do it."""

    def __missing__(self, name: str) -> float:
        return UNKNOWN


def _habits(envelope: Envelope) -> Mapping[str, float]:
    """What the family does by its nature, else what it usually did."""
    hidden = SandboxHabit.objects.filter(family_id=envelope.family_id).values_list("chances", flat=True).first()
    if hidden is not None:
        return _Habits(hidden)
    learned = ChannelPreference.objects.filter(family_id=envelope.family_id).values(*LEARNED.values()).first() or {}
    known = {name: learned.get(rate) for name, rate in LEARNED.items()}
    return _Habits({name: rate / 100 for name, rate in known.items() if rate is not None})


def _email_echo(envelope: Envelope, message_id: str, event: str, seconds: float, more: Mapping[str, object]) -> None:
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
    to = full_address(envelope.channel, envelope.address)
    form = {"MessageSid": sid, "SmsSid": sid, "MessageStatus": status, "To": to, **more}
    SandboxEcho.objects.create(
        due_at=timezone.now() + timedelta(seconds=seconds),
        path=f"{STATUS_PATH}?{urlencode({'delivery': envelope.delivery_id})}",
        content_type=FORM,
        body=urlencode(form),
    )


def _reply_echo(envelope: Envelope, sid: str, dice: random.Random) -> None:
    form = {
        "MessageSid": f"{sid}R",
        "From": full_address(envelope.channel, envelope.address),
        "To": full_address(envelope.channel, "+447700900000"),
        "Body": dice.choice(REPLIES),
    }
    SandboxEcho.objects.create(
        due_at=timezone.now() + timedelta(seconds=dice.uniform(6, 15)),
        path=INBOUND_PATH,
        content_type=FORM,
        body=urlencode(form),
    )


def _push_echo(envelope: Envelope, event: str, seconds: float) -> None:
    SandboxEcho.objects.create(
        due_at=timezone.now() + timedelta(seconds=seconds),
        path=REPORT_PATH,
        content_type=FORM,
        body=report_of(envelope.delivery_id, event),
    )


def make_adapter(vendor: str, channel: str) -> Adapter:
    """What the registry asks for."""
    if channel == "email":
        return SandboxEmail()
    return SandboxPush() if channel == "push" else SandboxTexts()
