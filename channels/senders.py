"""Which vendor carries which channel here, by setting alone."""

from django.conf import settings

IN_HOUSE_NAMES = frozenset({"portal", "staff"})
"""Who carries the channels that need no vendor."""


def provider_names() -> dict[str, str]:
    """The vendor of every channel that can speak; a channel without one is not in it."""
    return {
        "email": settings.EMAIL_PROVIDER,
        "sms": settings.SMS_PROVIDER,
        "whatsapp": settings.WHATSAPP_PROVIDER,
        "rcs": settings.RCS_PROVIDER,
        "push": settings.PUSH_PROVIDER,
        "portal": "portal",
        "phone": "staff",
    }


def ready_channels() -> frozenset[str]:
    """Channels that can speak here."""
    return frozenset(provider_names())


def is_sandbox(provider: str) -> bool:
    """Whether a vendor's name stands for the sandbox, which never leaves this machine."""
    return provider == "sandbox"
