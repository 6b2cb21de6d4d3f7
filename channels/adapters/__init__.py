"""Vendors' files, loaded when they are needed: `channels.registry` says which there are."""

from functools import cache
from importlib import import_module

from channels.ports import Adapter, Ear, Finder
from channels.registry import VENDORS, open_channels
from channels.senders import carriers_of, provider_names


@cache
def adapter_by(vendor: str, channel: str) -> Adapter:
    """What carries a channel at a vendor; raises `KeyError` where that vendor does not."""
    entry = VENDORS[vendor]
    if channel not in entry.channels:
        raise KeyError(channel)
    adapter: Adapter = import_module(entry.module).make_adapter(vendor, channel)
    return adapter


def adapter_of(channel: str) -> Adapter:
    """The adapter of the first vendor of a channel; raises `KeyError` where there is none."""
    return adapter_by(provider_names()[channel], channel)


def finder_of(channel: str, provider: str) -> Finder | None:
    """Who can ask this vendor what became of a message; None where nobody can."""
    if provider not in VENDORS or channel not in VENDORS[provider].channels:
        return None
    adapter = adapter_by(provider, channel)
    return adapter if adapter.capabilities.asks and isinstance(adapter, Finder) else None


def fault_words(code: str) -> str:
    """An error code in words, by the tables of vendors, those that carry something here first; empty where none knows.

    The sandbox plays others' codes, and what a vendor said stays when another follows it.
    """
    in_use = [vendor for channel in open_channels() for vendor in carriers_of(channel)]
    for module in dict.fromkeys(VENDORS[vendor].module for vendor in [*in_use, *VENDORS]):
        fault = getattr(import_module(module), "FAULTS", {}).get(code)
        if fault is not None and fault.words:
            return str(fault.words)
    return ""


def ear_of(source: str) -> Ear:
    """Who hears a source such as “twilio:status” or “email:sendgrid:tracking”; `KeyError` if nobody."""
    vendor, kind = _vendor_and_kind(source)
    make = getattr(import_module(VENDORS[vendor].module), "make_ear", None)
    if make is None:
        raise KeyError(source)
    ear: Ear = make(vendor, kind)
    return ear


def vendor_of(source: str) -> str:
    """The vendor behind a source."""
    return _vendor_and_kind(source)[0]


def answer_of(source: str) -> tuple[str, str]:
    """What a vendor's callback is answered with: body and content type."""
    return VENDORS[vendor_of(source)].answer


def _vendor_and_kind(source: str) -> tuple[str, str]:
    vendor, _colon, kind = source.removeprefix("email:").partition(":")
    by_email = source.startswith("email:")
    if vendor not in VENDORS or by_email != ("email" in VENDORS[vendor].channels):
        raise KeyError(source)
    return vendor, kind
