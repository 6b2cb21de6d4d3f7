"""Which vendor carries which channel here, and which one stands by, by setting alone."""

from django.conf import settings

from channels.registry import IN_HOUSE, VENDORS, missing, open_channels


def provider_names() -> dict[str, str]:
    """The vendor of every channel that can speak; a channel without one is not in it."""
    chosen = {channel: getattr(settings, setting_of(channel), "") for channel in open_channels()}
    return {channel: name for channel, name in chosen.items() if name} | IN_HOUSE


def standby_names() -> dict[str, str]:
    """The vendor that takes over for the first one, for every channel that has such."""
    chosen = {channel: getattr(settings, standby_setting_of(channel), "") for channel in open_channels()}
    return {channel: name for channel, name in chosen.items() if name}


def carriers_of(channel: str) -> list[str]:
    """The vendors of a channel in the order in which they are asked: the first one, and the one that stands by."""
    return [names[channel] for names in (provider_names(), standby_names()) if channel in names]


def setting_of(channel: str) -> str:
    """The name of the setting that chooses a channel's vendor."""
    return f"{channel.upper()}_PROVIDER"


def standby_setting_of(channel: str) -> str:
    """The name of the setting that chooses who stands by."""
    return f"{channel.upper()}_STANDBY_PROVIDER"


def vendor_setting(name: str) -> str:
    """A setting that the registry names; empty where it is not set."""
    return str(getattr(settings, name, ""))


def lacks(channel: str, vendor: str) -> list[str]:
    """The settings by name that a vendor of our registry still needs for a channel; “A|B” is either."""
    needs = VENDORS[vendor].needs_for(channel)
    return missing(needs, {name: vendor_setting(name) for need in needs for name in need.split("|")})


def ready_channels() -> frozenset[str]:
    """Channels that can speak here."""
    return frozenset(provider_names())


def is_sandbox(provider: str) -> bool:
    """Whether a vendor's name stands for the sandbox, which never leaves this machine."""
    return provider == "sandbox"
