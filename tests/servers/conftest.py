"""A whole installation on real servers: a database of its own, web, worker, scheduler, and doubles of the vendors."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from playwright.sync_api import Browser
from psycopg import sql

from tests.chromium import chromium
from tests.doubles import Answer, Double, Seen, http_double, sendgrid_yes, twilio_yes
from tests.processes import Processes, free_port, require, running

EMAIL_SECRET = "earshot:callbacks"
TWILIO_TOKEN = "twilio-token-of-the-loop"
SERVERS = ("EARSHOT_TEST_POSTGRES", "EARSHOT_TEST_REDIS", "EARSHOT_TEST_CHROMIUM")


@dataclass
class House:
    """Where it is, how to command it, and what the vendors were asked for."""

    url: str
    processes: Processes
    vendors: Double

    def asked(self, path: str) -> list[Seen]:
        """The vendors' requests to a path that ends so."""
        return [seen for seen in self.vendors.seen if seen.path.endswith(path)]


def vendors_yes(seen: Seen) -> Answer:
    """Twilio and SendGrid live at one address here; both take everything."""
    return twilio_yes(seen) if "/Accounts/" in seen.path else sendgrid_yes(seen)


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """A database of its own on the server, gone afterwards; yields its address."""
    name = f"earshot_loop_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as line:
        line.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        finally:
            line.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def settings_of(database: str, broker: str, url: str, vendors: str) -> dict[str, str]:
    """The environment of an installation, as docs/install.md describes it."""
    return {
        "DATABASE_URL": database,
        "REDIS_URL": broker,
        "SECRET_KEY": secrets.token_hex(32),
        "DEBUG": "true",
        "ALLOWED_HOSTS": "127.0.0.1",
        "BASE_URL": url,
        "EMAIL_PROVIDER": "sendgrid",
        "ANYMAIL_SENDGRID_API_KEY": "SG.key-of-the-loop",
        "ANYMAIL_SENDGRID_API_URL": f"{vendors}/v3/",
        "ANYMAIL_WEBHOOK_SECRET": EMAIL_SECRET,
        "SMS_PROVIDER": "twilio",
        "TWILIO_ACCOUNT_SID": "AC" + "1" * 32,
        "TWILIO_AUTH_TOKEN": TWILIO_TOKEN,
        "TWILIO_SMS_FROM": "+447700900000",
        "TWILIO_API_URL": vendors,
    }


@pytest.fixture
def house(tmp_path: Any) -> Iterator[House]:
    database_server, broker, _browser = require(*SERVERS)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with http_double(vendors_yes) as vendors, fresh_database(database_server) as database:
        processes = Processes(tmp_path, **settings_of(database, broker, url, vendors.url))
        with running(processes):
            processes.manage("migrate", "--verbosity", "0")
            processes.start_web(port)
            processes.start_background("--concurrency", "2")
            processes.wait_for(f"{url}/readyz")
            yield House(url, processes, vendors)


@pytest.fixture
def browser(house: House) -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any) -> Iterator[None]:
    """What the processes said stands beside a test that failed."""
    report = yield
    house = getattr(item, "funcargs", {}).get("house")
    if report.failed and house is not None:
        report.sections.append(("Processes", house.processes.logs()))
    return report
