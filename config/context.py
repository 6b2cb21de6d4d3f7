"""What every page's frame needs, beside what its own view says."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from channels.senders import IN_HOUSE_NAMES, is_sandbox, provider_names
from crm.roles import Access, access_of
from crm.selectors.tasks import count_calls_due

THEMES = ("auto", "light", "dark")


def frame(request: HttpRequest) -> dict[str, object]:
    """The frame's variables: `theme`, `organisation`, `access`, `sandbox_channels`, `sandbox_only` and `nav`."""
    sandbox = sandbox_channels()
    return {
        "theme": theme(request),
        "organisation": settings.ORGANISATION_NAME,
        "sandbox_channels": [channel for channel, is_sandbox in sandbox.items() if is_sandbox],
        "sandbox_only": all(sandbox.values()),
        "access": SimpleLazyObject(lambda: access_of(request) if hasattr(request, "user") else Access()),
        "nav": SimpleLazyObject(navigation(request)),
    }


def theme(request: HttpRequest) -> str:
    """The reader's choice from a cookie; anything else than a known word follows the device."""
    choice = request.COOKIES.get("theme", "")
    return choice if choice in THEMES else "auto"


def sandbox_channels() -> dict[str, bool]:
    """For each channel with a provider, whether it is the sandbox, whose messages never leave this machine."""
    names = provider_names()
    return {channel: is_sandbox(name) for channel, name in names.items() if name not in IN_HOUSE_NAMES}


def navigation(request: HttpRequest) -> Callable[[], dict[str, int]]:
    """A function that counts what waits, called only by a page that shows the rail: fragments stay cheap."""

    def count() -> dict[str, int]:
        if not hasattr(request, "user") or not access_of(request).works:
            return {}
        return {"calls_due": count_calls_due()}

    return count
