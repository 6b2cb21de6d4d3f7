"""Reads the environment once, and refuses what cannot work with one plain sentence."""

import logging
import re
import sys
import warnings
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import environ
import phonenumbers
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from channels.registry import VENDORS, missing, vendors_of

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"
INSECURE_KEY = "insecure-development-key-do-not-use-in-production"

env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")


def refuse(sentence: str) -> NoReturn:
    """Stop the start with one sentence on standard error, exit code 78 (EX_CONFIG in sysexits.h)."""
    sys.stderr.write(f"Earshot cannot start: {sentence}\n")
    raise SystemExit(78)


def boolean(name: str, default: bool) -> bool:
    """A yes/no setting; anything but a clear yes or no stops the start."""
    raw = env.str(name, "").strip().lower()
    if raw in ("", None):
        return default
    if raw in ("1", "true", "yes", "on"):
        return True
    if raw in ("0", "false", "no", "off"):
        return False
    refuse(f"{name} is “{raw}”; please set it to true or false.")


def word(name: str, value: str) -> str:
    """A word or two as they stand in the middle of a sentence; anything else stops the start."""
    value = " ".join(value.split())
    if not 1 <= len(value) <= 30 or not all(char.isalpha() or char in " -’'" for char in value):
        refuse(f"{name} is “{value}”; please set it to a word of at most 30 letters, such as customer.")
    return value


def database() -> dict[str, object]:
    """Django's database settings from DATABASE_URL; none: SQLite under var/."""
    url = env.str("DATABASE_URL", "").strip()
    if not url:
        VAR_DIR.mkdir(exist_ok=True)
        url = f"sqlite:///{VAR_DIR / 'earshot.sqlite3'}"
    try:
        with warnings.catch_warnings():
            # The library warns with parts of the address, which holds a password; the sentence below says enough.
            warnings.simplefilter("ignore")
            parsed: dict[str, object] = dict(environ.Env.db_url_config(url))
    except (ValueError, KeyError):
        refuse(f"DATABASE_URL cannot be read; {_DATABASE_LOOKS}.")
    engine = str(parsed.get("ENGINE", ""))
    if not parsed.get("NAME"):
        refuse(f"DATABASE_URL names no database; {_DATABASE_LOOKS}.")
    if engine.endswith("sqlite3"):
        return {**parsed, **SQLITE}
    if engine.endswith("postgresql"):
        return {**parsed, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    refuse(f"DATABASE_URL must begin with postgres:// or sqlite:///; {_DATABASE_LOOKS}.")


_DATABASE_LOOKS = "it looks like postgres://user:password@host:5432/name"


SQLITE: dict[str, object] = {
    "OPTIONS": {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32000; PRAGMA temp_store=MEMORY;"
        ),
    },
}


def redis_url() -> str:
    """REDIS_URL, checked; empty: the embedded broker under var/."""
    url = env.str("REDIS_URL", "").strip()
    if not url or url.startswith("unix://"):
        return url
    looks = "it looks like redis://host:6379/0"
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("redis", "rediss") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        refuse(f"REDIS_URL cannot be read; {looks}.")
    if not fits or not re.fullmatch(r"(/\d*)?", parts.path):
        refuse(f"REDIS_URL cannot be read; {looks}.")
    return url


def secret_key(production: bool) -> str:
    """SECRET_KEY; production refuses the default and anything under 40 characters."""
    key = env.str("SECRET_KEY", "")
    if production and (not key or key == INSECURE_KEY):
        refuse("SECRET_KEY is not set; give it 50 random characters, or set DEBUG=true for trying things out.")
    if production and len(key) < 40:
        refuse("SECRET_KEY is too short; give it at least 40 random characters.")
    return key or INSECURE_KEY


def allowed_hosts(production: bool) -> list[str]:
    """ALLOWED_HOSTS; production must name them."""
    hosts = [host.strip() for host in env.list("ALLOWED_HOSTS", default=[]) if host.strip()]
    if production and not hosts:
        refuse("ALLOWED_HOSTS is not set; name the hosts that people open, such as earshot.example.org.")
    return hosts or ["localhost", "127.0.0.1", "[::1]", "testserver"]


def base_url(production: bool) -> str:
    """BASE_URL without a trailing slash: the address that vendors and families reach."""
    url = env.str("BASE_URL", "").rstrip("/")
    if url and not is_origin(url):
        refuse(
            f"BASE_URL is “{url}”; it must begin with https:// and end with the host, as https://earshot.example.org."
        )
    if production and not url:
        refuse("BASE_URL is not set; it is the public address, such as https://earshot.example.org.")
    return url or "http://localhost:8000"


def is_origin(url: str) -> bool:
    """Whether it is a scheme and a host, with a port perhaps, and nothing more."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
    return known and url == f"{parts.scheme}://{parts.netloc}"


def trusted_origins() -> list[str]:
    """CSRF_TRUSTED_ORIGINS, each with its scheme; a host may begin with a star."""
    origins = [one.strip() for one in env.list("CSRF_TRUSTED_ORIGINS", default=[]) if one.strip()]
    for one in origins:
        if not is_origin(one):
            refuse(f"CSRF_TRUSTED_ORIGINS holds “{one}”; each must look like https://earshot.example.org.")
    return origins


STRICT, RELAXED = frozenset({"staging", "production"}), frozenset({"", "development", "test"})


def strict_environment() -> bool:
    """Whether ENVIRONMENT asks for production's rules; an unknown word stops the start."""
    word = env.str("ENVIRONMENT", "").strip().lower()
    if word not in STRICT | RELAXED:
        refuse(f"ENVIRONMENT is “{word}”; it must be one of {', '.join(sorted(STRICT | RELAXED - {''}))}.")
    return word in STRICT


def time_zone() -> str:
    """ORGANISATION_TIME_ZONE, an IANA name."""
    name = env.str("ORGANISATION_TIME_ZONE", "Europe/London").strip()
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        refuse(f"ORGANISATION_TIME_ZONE is “{name}”; it must be a name such as Europe/London.")
    return name


def phone_region() -> str:
    """PHONE_REGION, two letters."""
    region = env.str("PHONE_REGION", "GB").strip().upper()
    if region not in phonenumbers.SUPPORTED_REGIONS:
        refuse(f"PHONE_REGION is “{region}”; it must be two letters such as GB.")
    return region


def log_level(default: str) -> str:
    """LOG_LEVEL, a name that Python's logging knows."""
    level = env.str("LOG_LEVEL", default).strip().upper()
    if level not in logging.getLevelNamesMapping():
        refuse(f"LOG_LEVEL is “{level}”; it must be DEBUG, INFO, WARNING or ERROR.")
    return level


def smtp() -> dict[str, object]:
    """EMAIL_URL in Django's words."""
    url = required("EMAIL_URL", "EMAIL_PROVIDER=smtp needs smtp+tls://user:password@host:587")
    try:
        if urlsplit(url).scheme in environ.Env.EMAIL_SCHEMES and urlsplit(url).hostname and urlsplit(url).port:
            return dict(env.email_url_config(url))
    except (ValueError, KeyError):
        pass
    refuse("EMAIL_URL cannot be read; it looks like smtp+tls://user:password@host:587.")


SENDER = re.compile(r"\+[1-9]\d{6,14}|\d{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")


def text_sender(name: str) -> str:
    """From whom texts come: a number with its country, a short code, or a name of up to 11 letters and digits."""
    sender = env.str(name, "").strip()
    if sender and not SENDER.fullmatch(sender):
        refuse(f"{name} is “{sender}”; it must be a number such as +447700900000, a short code or a name.")
    return sender


def postal_address() -> list[str]:
    """The lines of ORGANISATION_ADDRESS: parted by “|” where there is one, else by commas."""
    address = env.str("ORGANISATION_ADDRESS", "")
    lines = [" ".join(line.split()) for line in address.split("|" if "|" in address else ",")]
    if sum(map(len, lines)) > 300:
        refuse("ORGANISATION_ADDRESS is too long; it is the postal address, at most 300 letters.")
    return [line for line in lines if line]


def optional_email(name: str) -> str:
    """An email address; empty where none is set."""
    address = env.str(name, "").strip()
    if address and not re.fullmatch(r"[A-Za-z0-9.+_-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", address):
        refuse(f"{name} is “{address}”; it must be an email address such as office@example.org.")
    return address


def chat_sender(name: str) -> str:
    """A sender of WhatsApp: a number with its country, with or without Twilio's “whatsapp:” before it."""
    sender = env.str(name, "").strip().removeprefix("whatsapp:")
    if sender and not re.fullmatch(r"\+[1-9]\d{6,14}", sender):
        refuse(f"{name} is “{sender}”; it must be a number such as +447700900000.")
    return sender


def push_keys() -> tuple[str, str]:
    """VAPID_PUBLIC_KEY and VAPID_PRIVATE_KEY (RFC 8292), both or neither; they must be one pair."""
    public, private = env.str("VAPID_PUBLIC_KEY", ""), env.str("VAPID_PRIVATE_KEY", "")
    public, private = public.strip().rstrip("="), private.strip().rstrip("=")
    if not public and not private:
        return "", ""
    if not public or not private:
        refuse("VAPID_PUBLIC_KEY and VAPID_PRIVATE_KEY belong together; manage.py make_push_keys prints a pair.")
    try:
        whole = ec.derive_private_key(int.from_bytes(urlsafe_b64decode(private + "==")), ec.SECP256R1()).public_key()
    except ValueError:
        refuse("VAPID_PRIVATE_KEY cannot be read; manage.py make_push_keys prints a pair.")
    raw = whole.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    if urlsafe_b64encode(raw).decode().rstrip("=") != public:
        refuse("VAPID_PUBLIC_KEY is not the other half of VAPID_PRIVATE_KEY; manage.py make_push_keys prints a pair.")
    return public, private


def price(name: str) -> Decimal | None:
    """What one text or message costs; None where nothing is said."""
    value = env.str(name, "").strip()
    if value and not re.fullmatch(r"\d{1,4}(\.\d{1,5})?", value):
        refuse(f"{name} is “{value}”; it must be a price such as 0.045.")
    return Decimal(value) if value else None


def currency() -> str:
    """COST_CURRENCY, three letters (ISO 4217)."""
    value = env.str("COST_CURRENCY", "GBP").strip().upper()
    if not re.fullmatch(r"[A-Z]{3}", value):
        refuse(f"COST_CURRENCY is “{value}”; it must be three letters such as GBP.")
    return value


def optional_origin(name: str) -> str:
    """An address that stands in for a vendor's; empty where none is set."""
    url = env.str(name, "").strip().rstrip("/")
    if url and not url.startswith(("http://", "https://")):
        refuse(f"{name} is “{url}”; it must begin with https://.")
    return url


def provider(name: str, channel: str) -> str:
    """The vendor of a channel; an unknown one stops the start."""
    return _vendor(name, channel) or "sandbox"


def standby_provider(name: str, channel: str, first: str) -> str:
    """The vendor that stands by for the first one of a channel; none, unless it is set."""
    value = _vendor(name, channel)
    if value and (value == first or "sandbox" in (value, first)):
        refuse(f"{name} is “{value}” beside “{first}”; set it to a second real vendor, or leave it out.")
    return value


def _vendor(name: str, channel: str) -> str:
    value = env.str(name, "").strip().lower()
    known = sorted(one.name for one in vendors_of(channel))
    if value and value not in known:
        refuse(f"{name} is “{value}”; it must be one of {', '.join(known)}.")
    return value


def vendor_settings(chosen: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The settings of every vendor in the registry; what a chosen one lacks stops the start.

    `chosen` names the vendors of each channel, the one that stands by included.
    """
    given = {name: _vendor_setting(name) for vendor in VENDORS.values() for name in vendor.settings}
    for channel, vendors in chosen.items():
        for vendor in filter(None, vendors):
            if lacking := missing(VENDORS[vendor].needs_for(channel), given):
                refuse(f"{lacking[0].replace('|', ' or ')} is not set; {channel} by {vendor} needs it.")
    return given


def _vendor_setting(name: str) -> str:
    """One setting of a vendor, checked by how its name ends."""
    if name.endswith("_API_URL"):
        return optional_origin(name)
    if name.endswith("_WHATSAPP_FROM"):
        return chat_sender(name)
    return text_sender(name) if name.endswith("_SMS_FROM") else env.str(name, "").strip()


def required(name: str, because: str) -> str:
    """A variable that another setting makes necessary."""
    value = env.str(name, "").strip()
    if not value:
        refuse(f"{name} is not set; {because}.")
    return value


def whole_number(name: str, *, default: int, least: int, most: int) -> int:
    """A number within bounds; anything else stops the start."""
    value = env.str(name, "").strip()
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
        refuse(f"{name} is “{value}”; it must be a number from {least} to {most}.")
    return int(value)


def words(name: str, known: frozenset[str]) -> frozenset[str]:
    """Words with commas between, each one of those known; an unknown one stops the start."""
    given = frozenset(word.strip().lower() for word in env.str(name, "").split(",") if word.strip())
    if given - known:
        refuse(f"{name} is “{', '.join(sorted(given))}”; it may hold {', '.join(sorted(known))}.")
    return given
