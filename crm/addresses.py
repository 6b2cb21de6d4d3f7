"""One spelling for every address, so that equal addresses are equal strings."""

import re
from functools import cache, lru_cache
from zoneinfo import available_timezones

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from crm.enums import NUMBER_CHANNELS, ContactChannel
from crm.errors import Invalid

_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")


def normalise_address(channel: str, value: str) -> str:
    """The stored spelling of an address: folded email, E.164 number, trimmed otherwise.

    Raises `Invalid` with the value and what is wrong with it.
    """
    value = value.strip()
    if channel not in ContactChannel.values:
        raise Invalid({"channel": _("“%s” is not a channel.") % channel})
    if not value:
        raise Invalid({"value": _("An address is needed.")})
    if len(value) > 500 or _UNSAFE.search(value):
        raise Invalid({"value": _("That address is too long or holds control characters.")})
    if channel in NUMBER_CHANNELS:
        return normalise_number(value)
    if channel == ContactChannel.EMAIL:
        return normalise_email(value)
    if channel == ContactChannel.PUSH and not value.startswith("https://"):
        raise Invalid({"value": _("A push address is the https:// endpoint of a browser.")})
    return value


def normalise_email(value: str) -> str:
    """Case-folded email address; raises `Invalid`."""
    folded = value.strip().casefold()
    local, at, domain = folded.rpartition("@")
    try:
        # Mail servers know a domain by its ASCII spelling (RFC 5891); a local part beyond ASCII few of them take.
        folded = f"{local.encode('ascii').decode()}{at}{domain.encode('idna').decode()}"
        validate_email(folded)
    except UnicodeError:
        raise Invalid({"value": _("“%s” is not an email address.") % value}) from None
    except ValidationError:
        raise Invalid({"value": _("“%s” is not an email address.") % value}) from None
    if len(folded) > 254:
        raise Invalid({"value": _("That email address is too long.")})
    return folded


def normalise_number(value: str) -> str:
    """E.164 spelling by libphonenumber, in the organisation's region unless it begins with +; raises `Invalid`."""
    number = _parse_number(value.strip(), settings.PHONENUMBER_DEFAULT_REGION)
    if number is None:
        raise Invalid({"value": _("“%s” is not a phone number we can ring.") % value})
    return number


@lru_cache(maxsize=4096)
def _parse_number(value: str, region: str) -> str | None:
    try:
        parsed = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


@lru_cache(maxsize=1024)
def _national(value: str, region: str) -> str:
    try:
        parsed = phonenumbers.parse(value, None)
    except phonenumbers.NumberParseException:
        return value
    own = phonenumbers.country_code_for_region(region) == parsed.country_code
    style = phonenumbers.PhoneNumberFormat.NATIONAL if own else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, style)


def pretty_address(channel: str, value: str) -> str:
    """How people here would write it: 07700 900142 at home, +353 … abroad; of a browser, who carries its messages."""
    if channel == ContactChannel.PUSH:
        return value.removeprefix("https://").partition("/")[0]
    return _national(value, settings.PHONENUMBER_DEFAULT_REGION) if channel in NUMBER_CHANNELS else value


@cache
def _time_zones() -> frozenset[str]:
    # The standard library walks the file system anew at every call.
    return frozenset(available_timezones())


def check_time_zone(name: str) -> str:
    """An IANA zone, or `Invalid`."""
    if name not in _time_zones():
        raise Invalid({"time_zone": _("“%s” is not a time zone; write it like Europe/London.") % name})
    return name
