"""What every vendor must hold to, whatever its interface: the same tests for all, by `cases.CASES`."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from channels.adapters import adapter_by
from channels.jobs import process_receipts, send_due
from channels.models import Delivery, Receipt, RefusedCallback, Sender
from channels.registry import ESPS, VENDORS, open_channels
from channels.services import MessageRequest, send_message
from crm.models import Consent, ContactPoint, Interaction
from tests import doubles
from tests.contract.cases import CASES, Case
from tests.doubles import Double
from tests.factories import make_family

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_registry")]


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture
def vendor(case: Case, settings: Any) -> Iterator[Double]:
    """The vendor's own client, talking to a double."""
    with doubles.http_double(case.yes) as double:
        case.set_up(settings, double.url)
        yield double


def say(case: Case) -> Delivery:
    """One message on the case's channel, once around the outbox."""
    request = MessageRequest(
        make_family().pk, "The hall is closed.", subject="Hall", channel=case.channel, allow_fallback=False
    )
    message = send_message(request=request).message
    send_due()
    return message.deliveries.get()


def test_success_gives_an_id_and_one_entry(case: Case, vendor: Double) -> None:
    delivery = say(case)
    assert (delivery.state, bool(delivery.provider_id)) == ("sent", True)
    assert (delivery.provider, delivery.sender.provider) == (case.vendor, case.vendor)  # type: ignore[union-attr]
    [entry] = Interaction.objects.all()
    assert (entry.interaction_type, entry.metadata["provider"]) == (f"{case.channel}_sent", case.vendor)
    assert len(vendor.seen) == 1


def test_our_id_travels_along(case: Case, vendor: Double) -> None:
    delivery = say(case)
    assert str(delivery.pk).encode() in vendor.seen[0].body


# SendGrid never names a message: Anymail makes the id.
@pytest.mark.parametrize("case", [one for one in CASES if one.no_id], ids=str)
def test_a_yes_without_an_id_is_not_sent(case: Case, vendor: Double) -> None:
    assert case.no_id
    vendor.answer = case.no_id
    assert say(case).state == "unknown"
    assert send_due() == 0


def test_too_many_is_tried_again_when_the_vendor_says(case: Case, vendor: Double) -> None:
    vendor.answer, vendor.headers = doubles.too_many, {"Retry-After": "90"}
    delivery = say(case)
    assert delivery.state == "queued"
    assert 80 < (delivery.due_at - datetime.now(UTC)).total_seconds() <= 90
    assert Sender.objects.get().is_paused


def test_a_refused_connection_may_be_repeated(case: Case, settings: Any) -> None:
    case.set_up(settings, "http://127.0.0.1:1")
    assert say(case).state == "queued"


def test_a_line_that_breaks_later_leaves_it_uncertain(case: Case, vendor: Double) -> None:
    vendor.hang_up = True
    assert say(case).state == "unknown"
    assert len(vendor.seen) == 1


def test_silence_leaves_it_uncertain(
    case: Case, vendor: Double, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if case.channel == "email":
        settings.ANYMAIL = {**settings.ANYMAIL, "REQUESTS_TIMEOUT": 0.2}
    else:
        monkeypatch.setattr(f"channels.adapters.{case.vendor}.TIMEOUT", 0.2)
    vendor.delay = 1
    assert say(case).state == "unknown"
    assert len(vendor.seen) == 1


@pytest.mark.parametrize("status", [500, 502, 504])
def test_an_error_of_the_vendor_leaves_it_uncertain(case: Case, vendor: Double, status: int) -> None:
    vendor.answer = lambda seen: (status, "text/html", "<html>oops</html>")
    assert say(case).state == "unknown"


def test_a_page_in_place_of_an_answer_leaves_it_uncertain(case: Case, vendor: Double) -> None:
    vendor.answer = case.unreadable
    delivery = say(case)
    assert (delivery.state, delivery.error_code) == ("unknown", "unreadable")
    assert not Interaction.objects.exists()


def test_refused_credentials_hold_everything_and_lose_nothing(case: Case, vendor: Double) -> None:
    vendor.answer = case.credentials
    delivery = say(case)
    sender = Sender.objects.get()
    assert (delivery.state, sender.is_paused, bool(sender.last_error)) == ("queued", True, True)
    assert ContactPoint.objects.filter(is_valid=False).count() == 0


def test_a_final_no_ends_it(case: Case, vendor: Double) -> None:
    vendor.answer = case.permanent
    delivery = say(case)
    assert (delivery.state, bool(delivery.error_code), bool(delivery.error)) == ("failed", True, True)
    assert not Sender.objects.get().is_paused


# The others tell of a wish to stop by an event alone.
@pytest.mark.parametrize("case", [one for one in CASES if one.stop], ids=str)
def test_a_stop_that_only_the_vendor_knew_binds_the_address(case: Case, vendor: Double) -> None:
    assert case.stop
    vendor.answer = case.stop
    delivery = say(case)
    assert delivery.state == "failed"
    assert Consent.objects.get(granted=False, source="stop_word").address == delivery.address


def test_a_receipt_is_heard_once_however_often_it_comes(case: Case, vendor: Double) -> None:
    delivery = say(case)
    assert [case.tell(delivery).status_code for _turn in range(3)] == [200, 200, 200]
    process_receipts()
    delivery.refresh_from_db()
    assert delivery.state == "delivered"
    told = Interaction.objects.filter(interaction_type=f"{case.channel}_delivered")
    assert [one.external_system for one in told] == [case.vendor]
    assert told[0].attempt.external_id == str(delivery.pk)


def test_a_receipt_settles_what_was_uncertain(case: Case, vendor: Double) -> None:
    vendor.hang_up = True
    delivery = say(case)
    case.tell(delivery)
    process_receipts()
    delivery.refresh_from_db()
    assert delivery.state == "delivered"
    assert Interaction.objects.filter(interaction_type=f"{case.channel}_sent").count() == 1


def test_a_forged_receipt_is_refused_and_counted(case: Case, vendor: Double) -> None:
    delivery = say(case)
    assert case.forge(delivery).status_code == 403
    assert not Receipt.objects.exists()
    assert RefusedCallback.objects.get().count == 1


def test_every_real_vendor_stands_in_the_suite() -> None:
    """Of the email vendors, which are one adapter, those stand for all that answer in their own ways.

    Web push has no vendor to choose: whoever made the browser carries it (`test_push`).
    """
    real = {one for channel in open_channels() for one in VENDORS if channel in VENDORS[one].channels}
    assert real - {case.vendor for case in CASES} <= {"sandbox", "smtp", "webpush", *ESPS}


@pytest.mark.parametrize(
    ("vendor", "channel"), [(one.name, channel) for one in VENDORS.values() for channel in one.channels]
)
def test_what_the_registry_promises_is_there(vendor: str, channel: str) -> None:
    adapter = adapter_by(vendor, channel)
    assert adapter.name == vendor
    assert channel in adapter.capabilities.channels
    with pytest.raises(KeyError):
        adapter_by(vendor, "in_person")
