"""Which vendors there are: what each carries, where its file is, and which settings it needs.

A vendor is one entry here, one file in `channels/adapters/`, and one folder of payloads in `tests/fixtures/webhooks/`.
Plain data without Django, so that the settings can be read by it. `docs/providers.md` says how to add one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor: the settings that each of its channels needs (“A|B”: one of them), and those of them all.

    `may` are settings that it can do without. `module` offers `make_adapter(vendor, channel)` and, where the vendor
    calls back, `make_ear(vendor, kind)`.
    """

    name: str
    module: str
    channels: Mapping[str, tuple[str, ...]]
    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    answer: tuple[str, str] = field(default=("", "text/plain"))
    """What a callback is answered with: body and content type."""

    def needs_for(self, channel: str) -> tuple[str, ...]:
        """All that must be set before it carries this channel."""
        return (*self.needs, *self.channels[channel])

    @property
    def settings(self) -> list[str]:
        """Every setting of its own, in the order in which they are told."""
        named = [*self.needs, *(need for needs in self.channels.values() for need in needs), *self.may]
        return list(dict.fromkeys(name for need in named for name in need.split("|")))


ESPS = (
    "amazon_ses", "brevo", "mailersend", "mailgun", "mailjet", "mailtrap", "mandrill", "postal", "postmark", "resend",
    "scaleway", "sendgrid", "sparkpost", "unisender_go",
)  # fmt: skip
"""Every email vendor of django-anymail; a test holds this against the installed one. Their settings are Anymail's."""

ENTRIES = (
    Vendor("sandbox", "channels.adapters.sandbox", dict.fromkeys(("email", "sms", "whatsapp", "rcs", "push"), ())),
    Vendor(
        "twilio",
        "channels.adapters.twilio",
        {
            "sms": ("TWILIO_SMS_FROM|TWILIO_MESSAGING_SERVICE_SID",),
            "whatsapp": ("TWILIO_WHATSAPP_FROM|TWILIO_MESSAGING_SERVICE_SID",),
            "rcs": ("TWILIO_RCS_FROM|TWILIO_MESSAGING_SERVICE_SID",),
        },
        needs=("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"),
        may=("TWILIO_API_URL",),
        answer=("<Response/>", "text/xml"),
    ),
    Vendor(
        "vonage",
        "channels.adapters.vonage",
        {"sms": ("VONAGE_SMS_FROM",)},
        needs=("VONAGE_API_KEY", "VONAGE_API_SECRET", "VONAGE_SIGNATURE_SECRET"),
        may=("VONAGE_API_URL",),
    ),
    Vendor("smtp", "channels.adapters.email", {"email": ("EMAIL_URL",)}),
    *(Vendor(name, "channels.adapters.email", {"email": ()}) for name in ESPS),
    Vendor("webpush", "channels.adapters.push", {"push": ("VAPID_PUBLIC_KEY", "VAPID_PRIVATE_KEY")}),
    Vendor("portal", "channels.adapters.inhouse", {"portal": ()}),
    Vendor("staff", "channels.adapters.inhouse", {"phone": ()}),
)

VENDORS: dict[str, Vendor] = {one.name: one for one in ENTRIES}

IN_HOUSE = {"portal": "portal", "phone": "staff"}
"""Channels that no vendor carries, and who does."""


def vendors_of(channel: str) -> list[Vendor]:
    """The vendors that can carry a channel, in the order of the registry."""
    return [one for one in VENDORS.values() if channel in one.channels]


def open_channels() -> list[str]:
    """Channels whose vendor is chosen by a setting: EMAIL_PROVIDER, SMS_PROVIDER and so on."""
    return list(
        dict.fromkeys(channel for one in VENDORS.values() for channel in one.channels if channel not in IN_HOUSE)
    )


def missing(needs: tuple[str, ...], given: Mapping[str, object]) -> list[str]:
    """The needs that no setting meets; “A|B” is met by either."""
    return [need for need in needs if not any(given.get(name) for name in need.split("|"))]
