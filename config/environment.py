"""Reads the environment once, and refuses what cannot work with one plain sentence."""

import logging
import re
import sys
import warnings
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import environ
import phonenumbers

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


def text_sender() -> str:
    """TWILIO_SMS_FROM: a number with its country, a short code, or a name of up to 11 letters and digits."""
    sender = env.str("TWILIO_SMS_FROM", "").strip()
    if sender and not SENDER.fullmatch(sender):
        refuse(f"TWILIO_SMS_FROM is “{sender}”; it must be a number such as +447700900000, a short code or a name.")
    return sender


def optional_origin(name: str) -> str:
    """An address that stands in for a vendor's; empty where none is set."""
    url = env.str(name, "").strip().rstrip("/")
    if url and not url.startswith(("http://", "https://")):
        refuse(f"{name} is “{url}”; it must begin with https://.")
    return url


EMAIL_PROVIDERS = frozenset(
    [
        "sandbox",
        "smtp",
        "amazon_ses",
        "brevo",
        "mailersend",
        "mailgun",
        "mailjet",
        "mandrill",
        "postal",
        "postmark",
        "resend",
        "scaleway",
        "sendgrid",
        "sparkpost",
        "unisender_go",
    ]
)
TEXT_PROVIDERS = frozenset({"sandbox", "twilio"})


def provider(name: str, known: frozenset[str]) -> str:
    """The vendor of a channel; an unknown one stops the start."""
    value = env.str(name, "sandbox").strip().lower() or "sandbox"
    if value not in known:
        refuse(f"{name} is “{value}”; it must be one of {', '.join(sorted(known))}.")
    return value


def required(name: str, because: str) -> str:
    """A variable that another setting makes necessary."""
    value = env.str(name, "").strip()
    if not value:
        refuse(f"{name} is not set; {because}.")
    return value
