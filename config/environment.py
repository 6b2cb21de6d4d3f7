"""Reads the environment once, and refuses what cannot work with one plain sentence."""

import sys
from pathlib import Path
from typing import NoReturn

import environ

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
        parsed: dict[str, object] = dict(environ.Env.db_url_config(url))
    except (ValueError, KeyError) as error:
        refuse(f"DATABASE_URL cannot be read ({error}); it looks like postgres://user:password@host:5432/name.")
    engine = str(parsed.get("ENGINE", ""))
    if engine.endswith("sqlite3"):
        return {**parsed, **SQLITE}
    if engine.endswith("postgresql"):
        return {**parsed, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    refuse("DATABASE_URL must begin with postgres:// or sqlite:///.")


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
    if url and not url.startswith(("redis://", "rediss://", "unix://")):
        refuse(f"REDIS_URL is “{url}”; it must begin with redis:// or rediss://.")
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
    if url and not url.startswith(("http://", "https://")):
        refuse(f"BASE_URL is “{url}”; it must begin with https://.")
    if production and not url:
        refuse("BASE_URL is not set; it is the public address, such as https://earshot.example.org.")
    return url or "http://localhost:8000"


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


def whole_number(name: str, *, default: int, least: int, most: int) -> int:
    """A number within bounds; anything else stops the start."""
    value = env.str(name, "").strip()
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
        refuse(f"{name} is “{value}”; it must be a number from {least} to {most}.")
    return int(value)
