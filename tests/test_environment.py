"""What is set wrongly stops the start with one sentence, and what is right does not."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from config import environment

ROOT = Path(__file__).resolve().parent.parent


def with_an_account() -> None:
    """An account at Twilio, whatever number it texts from."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWILIO_ACCOUNT_SID", "AC1")
        patch.setenv("TWILIO_AUTH_TOKEN", "token")
        environment.vendor_settings({"sms": ("twilio",)})


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("ENVIRONMENT", "prod", environment.strict_environment),
        ("ORGANISATION_TIME_ZONE", "Mars/X", environment.time_zone),
        ("LOG_LEVEL", "LOUD", lambda: environment.log_level("INFO")),
        ("EMAIL_URL", "foo", environment.smtp),
        ("EMAIL_URL", "smtp+tls://user:password@host:x", environment.smtp),
        ("EMAIL_URL", "", environment.smtp),
        ("DATABASE_URL", "postgres://", environment.database),
        ("DATABASE_URL", "mysql://a:b@c/d", environment.database),
        ("DATABASE_URL", "nonsense", environment.database),
        ("PHONE_REGION", "ZZ", environment.phone_region),
        ("REDIS_URL", "redis://host:port/0", environment.redis_url),
        ("REDIS_URL", "redis://host:6379/abc", environment.redis_url),
        ("REDIS_URL", "amqp://host", environment.redis_url),
        ("TWILIO_SMS_FROM", "a name too long", lambda: environment.vendor_settings({})),
        ("VONAGE_API_URL", "nope", lambda: environment.vendor_settings({})),
        ("VONAGE_API_KEY", "", lambda: environment.vendor_settings({"sms": ("vonage",)})),
        ("TWILIO_SMS_FROM", "", with_an_account),
        ("SMS_PROVIDER", "pigeon", lambda: environment.provider("SMS_PROVIDER", "sms")),
        ("EMAIL_PROVIDER", "twilio", lambda: environment.provider("EMAIL_PROVIDER", "email")),
        (
            "SMS_STANDBY_PROVIDER",
            "pigeon",
            lambda: environment.standby_provider("SMS_STANDBY_PROVIDER", "sms", "twilio"),
        ),
        (
            "SMS_STANDBY_PROVIDER",
            "twilio",
            lambda: environment.standby_provider("SMS_STANDBY_PROVIDER", "sms", "twilio"),
        ),
        (
            "SMS_STANDBY_PROVIDER",
            "vonage",
            lambda: environment.standby_provider("SMS_STANDBY_PROVIDER", "sms", "sandbox"),
        ),
        ("UNSUBSCRIBE_EMAIL", "nobody", lambda: environment.optional_email("UNSUBSCRIBE_EMAIL")),
        ("ORGANISATION_ADDRESS", "x" * 301, environment.postal_address),
        ("TWILIO_WHATSAPP_FROM", "whatsapp:07700", lambda: environment.chat_sender("TWILIO_WHATSAPP_FROM")),
        ("COST_SMS", "4p", lambda: environment.price("COST_SMS")),
        ("COST_CURRENCY", "pounds", environment.currency),
        ("VAPID_PUBLIC_KEY", "BOnlyOne", environment.push_keys),
        ("TWILIO_API_URL", "nope", lambda: environment.optional_origin("TWILIO_API_URL")),
        ("BASE_URL", "https://x/path?y", lambda: environment.base_url(False)),
        ("BASE_URL", "", lambda: environment.base_url(True)),
        ("CSRF_TRUSTED_ORIGINS", "example.org", environment.trusted_origins),
        ("SECRET_KEY", "short", lambda: environment.secret_key(True)),
        ("ALLOWED_HOSTS", "", lambda: environment.allowed_hosts(True)),
    ],
)
def test_a_wrong_setting_is_one_sentence(name, value, read, monkeypatch, capsys):
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as stopped:
        read()
    said = capsys.readouterr().err
    assert stopped.value.code == 78
    assert said.count("\n") == 1
    assert name in said


@pytest.mark.parametrize(
    ("name", "value", "read", "answer"),
    [
        ("ENVIRONMENT", "Production", environment.strict_environment, True),
        ("PHONE_REGION", "gb", environment.phone_region, "GB"),
        ("REDIS_URL", "rediss://:secret@host:6379/1", environment.redis_url, "rediss://:secret@host:6379/1"),
        ("TWILIO_SMS_FROM", "Riverbend", lambda: environment.vendor_settings({})["TWILIO_SMS_FROM"], "Riverbend"),
        ("ORGANISATION_ADDRESS", "12 Mill Lane, Riverbend", environment.postal_address, ["12 Mill Lane", "Riverbend"]),
        (
            "ORGANISATION_ADDRESS",
            "Mill, 2nd floor|Riverbend",
            environment.postal_address,
            ["Mill, 2nd floor", "Riverbend"],
        ),
        (
            "UNSUBSCRIBE_EMAIL",
            "bye@example.org",
            lambda: environment.optional_email("UNSUBSCRIBE_EMAIL"),
            "bye@example.org",
        ),
        (
            "TWILIO_WHATSAPP_FROM",
            "whatsapp:+447700900000",
            lambda: environment.chat_sender("TWILIO_WHATSAPP_FROM"),
            "+447700900000",
        ),
        ("COST_SMS", "0.045", lambda: environment.price("COST_SMS"), Decimal("0.045")),
        ("COST_CURRENCY", "eur", environment.currency, "EUR"),
        ("BASE_URL", "https://earshot.example.org/", lambda: environment.base_url(True), "https://earshot.example.org"),
        ("CSRF_TRUSTED_ORIGINS", "https://*.example.org", environment.trusted_origins, ["https://*.example.org"]),
    ],
)
def test_a_right_setting_is_taken(name, value, read, answer, monkeypatch):
    monkeypatch.setenv(name, value)
    assert read() == answer


def started(*command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A process with nothing set but this; DEBUG asks for no secrets."""
    env = {"PATH": os.environ["PATH"], "DEBUG": "true", "PYTHONPATH": str(ROOT), **settings}
    return subprocess.run(
        [sys.executable, *command], env=env, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )


def test_a_vendor_without_its_key_stops_the_start():
    answer = started("manage.py", "check", EMAIL_PROVIDER="postmark")
    assert answer.returncode == 78
    assert "EMAIL_PROVIDER is postmark" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_vendor_whose_callbacks_nothing_guards_stops_the_start():
    answer = started("manage.py", "check", EMAIL_PROVIDER="postmark", ANYMAIL_POSTMARK_SERVER_TOKEN="x")
    assert answer.returncode == 78
    assert "ANYMAIL_WEBHOOK_SECRET" in answer.stderr


TWILIO = {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "x"}
PAIR = {
    "VAPID_PUBLIC_KEY": "BNohUdlHU3nZQo6qEY8OXpHV-OkWBZ35k-RDVAl0yXODEbJz64zUQwYVeoOZbskRTEOi-qHbaAba789OTGhNMWM",
    "VAPID_PRIVATE_KEY": "aBTx37R3VVLYpLjwmi77Rvee4YI9Vbmusmo3W4jHn5c",
}


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"WHATSAPP_PROVIDER": "twilio"}, "TWILIO_ACCOUNT_SID"),
        ({"WHATSAPP_PROVIDER": "twilio", **TWILIO}, "TWILIO_WHATSAPP_FROM"),
        ({"WHATSAPP_PROVIDER": "pigeon"}, "WHATSAPP_PROVIDER"),
        ({"RCS_PROVIDER": "twilio", **TWILIO}, "TWILIO_RCS_FROM"),
        ({**PAIR, "VAPID_PRIVATE_KEY": ""}, "VAPID_PRIVATE_KEY"),
        ({**PAIR, "VAPID_PRIVATE_KEY": PAIR["VAPID_PRIVATE_KEY"][:-2] + "ab"}, "VAPID_PUBLIC_KEY"),
    ],
)
def test_a_channel_that_lacks_something_stops_the_start(given, missing):
    answer = started("manage.py", "check", **given)
    assert answer.returncode == 78
    assert missing in answer.stderr
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "given",
    [
        {"WHATSAPP_PROVIDER": "twilio", **TWILIO, "TWILIO_WHATSAPP_FROM": "whatsapp:+447700900000"},
        {"RCS_PROVIDER": "twilio", **TWILIO, "TWILIO_MESSAGING_SERVICE_SID": "MG1"},
        PAIR,
    ],
)
def test_a_channel_that_has_all_it_needs_starts(given):
    assert started("manage.py", "check", **given).returncode == 0


def test_the_web_server_itself_stops():
    answer = started("-m", "gunicorn", "config.wsgi", "--bind", "127.0.0.1:0", LOG_LEVEL="LOUD")
    assert answer.returncode == 78
    assert answer.stderr.count("Earshot cannot start") == 1
