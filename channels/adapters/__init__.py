"""The registry: which file carries which vendor. Removing a vendor removes its file and its lines here."""

from functools import cache

from channels.adapters.email import AnymailEar, AnymailEmail
from channels.adapters.inhouse import PhoneTasks, PortalInbox
from channels.adapters.push import PushEar, WebPush
from channels.adapters.sandbox import SandboxEmail, SandboxPush, SandboxTexts
from channels.adapters.twilio import TwilioInbound, TwilioStatus, TwilioTexts
from channels.ports import Adapter, Ear
from channels.senders import provider_names


@cache
def adapters() -> dict[str, Adapter]:
    """The adapter of every channel that can speak here."""
    names = provider_names()
    return {
        "email": SandboxEmail() if names["email"] == "sandbox" else AnymailEmail(names["email"]),
        **{one: SandboxTexts() if names[one] == "sandbox" else TwilioTexts() for one in ("sms", "whatsapp", "rcs")},
        "push": SandboxPush() if names["push"] == "sandbox" else WebPush(),
        "portal": PortalInbox(),
        "phone": PhoneTasks(),
    }


def adapter_of(channel: str) -> Adapter:
    """The adapter that carries a channel; raises `KeyError` where none does."""
    return adapters()[channel]


def ear_of(source: str) -> Ear:
    """Who hears a source such as “twilio:status” or “email:sendgrid:tracking”; `KeyError` if nobody."""
    if source == "twilio:status":
        return TwilioStatus()
    if source == "twilio:inbound":
        return TwilioInbound()
    if source == "webpush:events":
        return PushEar()
    kind, _colon, rest = source.partition(":")
    if kind != "email":
        raise KeyError(source)
    return AnymailEar(rest)
