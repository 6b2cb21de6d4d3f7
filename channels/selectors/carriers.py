"""How each channel is carried: by whom, from which sender, ready or what is missing, and how it went lately."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from channels.models import Sender
from channels.registry import IN_HOUSE, VENDORS, open_channels, vendors_of
from channels.senders import carriers_of, is_sandbox, lacks, setting_of, standby_setting_of, vendor_setting
from crm.enums import Channel


@dataclass(frozen=True, slots=True)
class Carrier:
    """One vendor of a channel as an administrator sees it; `missing` names settings, never what they hold."""

    vendor: str
    stands_by: bool
    sandbox: bool
    address: str
    missing: list[str]
    sender: Sender | None

    @property
    def last_ok_at(self) -> datetime | None:
        """When something last went out by it."""
        return self.sender.last_ok_at if self.sender else None


@dataclass(frozen=True, slots=True)
class Carried:
    """One channel: who carries it, who could, and the settings that say so."""

    channel: str
    label: str
    settings: list[str]
    carriers: list[Carrier]
    others: list[Carrier]
    hints: list[str]

    @property
    def takes_tests(self) -> bool:
        """Whether a test can go to an address that somebody types; of a browser nobody knows one."""
        return self.channel != Channel.PUSH


def list_channels() -> list[Carried]:
    """Every channel whose vendor is chosen by a setting, in one query; channels of the house need none."""
    senders = {(one.channel, one.provider): one for one in Sender.objects.filter(topic=None)}
    return [_channel(channel, senders) for channel in open_channels()]


def house_channels() -> list[str]:
    """The labels of channels that the house carries itself."""
    return [str(Channel(channel).label) for channel in IN_HOUSE]


def _channel(channel: str, senders: dict[tuple[str, str], Sender]) -> Carried:
    names = carriers_of(channel)
    others = [one.name for one in vendors_of(channel) if one.name not in names and not is_sandbox(one.name)]
    return Carried(
        channel=channel,
        label=str(Channel(channel).label),
        settings=_settings_of(channel),
        carriers=[_carrier(channel, name, senders, at > 0) for at, name in enumerate(names)],
        others=[_carrier(channel, name, senders, False) for name in others],
        hints=_hints(channel, names),
    )


def _carrier(channel: str, vendor: str, senders: dict[tuple[str, str], Sender], stands_by: bool) -> Carrier:
    sender = senders.get((channel, vendor))
    return Carrier(
        vendor=vendor,
        stands_by=stands_by,
        sandbox=is_sandbox(vendor),
        address=(sender.address if sender else "") or _usual_address(channel, vendor),
        missing=[need.replace("|", " / ") for need in lacks(channel, vendor)],
        sender=sender,
    )


def _settings_of(channel: str) -> list[str]:
    """The settings that choose who carries it; web push goes by its pair of keys alone."""
    if channel == Channel.PUSH:
        return []
    return [name for name in (setting_of(channel), standby_setting_of(channel)) if hasattr(settings, name)]


def _usual_address(channel: str, vendor: str) -> str:
    """Who it comes from unless a sender says otherwise: the number or service that the channel's own setting names."""
    if channel == Channel.EMAIL:
        return settings.DEFAULT_FROM_EMAIL
    if channel == Channel.PUSH:
        return ""
    named = (vendor_setting(name) for need in VENDORS[vendor].channels[channel] for name in need.split("|"))
    return next(filter(None, named), "")


def _hints(channel: str, vendors: list[str]) -> list[str]:
    """Settings that nothing stops without, and that families miss all the same."""
    if channel != "email" or all(is_sandbox(name) for name in vendors):
        return []
    hints = [] if settings.ORGANISATION_ADDRESS else ["ORGANISATION_ADDRESS"]
    return hints if settings.BASE_URL.startswith("https://") else [*hints, "BASE_URL"]
