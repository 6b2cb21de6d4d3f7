"""Fixtures that every test may use."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.hashers import get_hashers, get_hashers_by_algorithm
from django.core.cache import caches
from django.test import Client
from hypothesis import HealthCheck, settings

from channels import adapters
from crm.roles import OfficeRole
from tests.doubles import Double, http_double, twilio_yes, vonage_yes
from tests.factories import make_user

# A busy machine is no fault of the rules that are tried.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def unpaced(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Senders without a rate, except where the rate is the subject (`pytest.mark.paced`)."""
    if request.node.get_closest_marker("paced") is None:
        monkeypatch.setattr(django_settings, "USUAL_RATES", {})


@pytest.fixture(autouse=True)
def one_line(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """One message at a time, so that a test knows which went first, except where lines are the subject (`lines`)."""
    if request.node.get_closest_marker("lines") is None:
        monkeypatch.setattr("channels.jobs.outbox.LINES", 1)


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> None:
    """A real hash takes a third of a second, and most tests make somebody."""
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    get_hashers.cache_clear()
    get_hashers_by_algorithm.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def own_counts(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests side by side do not count each other's requests, nor those of a server on this machine."""
    if not django_settings.REDIS_URL:
        django_settings.CACHES["default"]["LOCATION"] = str(tmp_path_factory.mktemp("counts") / "counts.sqlite3")
        # What was imported while the tests were collected may have opened the old place already.
        caches["default"] = caches.create_connection("default")


@pytest.fixture
def staff(db: None) -> Any:
    return make_user("nora")


@pytest.fixture
def staff_client(staff: Any) -> Client:
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def manager_client(db: None) -> Client:
    """Priya, who runs campaigns and imports."""
    client = Client()
    client.force_login(make_user("priya", role=OfficeRole.MANAGER))
    return client


@pytest.fixture
def fresh_registry() -> Iterator[None]:
    """Vendors are chosen anew from the settings of this test."""
    adapters.adapter_by.cache_clear()
    yield
    adapters.adapter_by.cache_clear()


@pytest.fixture
def twilio(fresh_registry: None, settings: Any) -> Iterator[Double]:
    """Texts go to a double that stands for Twilio."""
    with http_double(twilio_yes) as double:
        settings.SMS_PROVIDER = "twilio"
        settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = "AC" + "1" * 32, "secret"
        settings.TWILIO_SMS_FROM, settings.TWILIO_API_URL = "+447700900000", double.url
        yield double


@pytest.fixture
def vonage(fresh_registry: None, settings: Any) -> Iterator[Double]:
    """Texts go to a double that stands for Vonage."""
    with http_double(vonage_yes) as double:
        settings.SMS_PROVIDER = "vonage"
        settings.VONAGE_API_KEY, settings.VONAGE_API_SECRET = "abcd1234", "secret"
        settings.VONAGE_SIGNATURE_SECRET = "signature-secret-of-tests"
        settings.VONAGE_SMS_FROM, settings.VONAGE_API_URL = "+447700900000", double.url
        yield double
