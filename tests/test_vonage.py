"""Vonage: what a send carries, whose callbacks are believed, and what they mean."""

import sys
import time
from typing import Any

import pytest
from django.conf import settings as django_settings

from channels.adapters.vonage import FAULTS, RECEIPT_FAULTS
from channels.jobs import process_receipts, send_due
from channels.models import Delivery, Receipt, RefusedCallback
from channels.registry import VENDORS, vendors_of
from channels.services import MessageRequest, send_message
from config.environment import provider
from crm.models import Consent, ContactPoint, Interaction
from tests import doubles, hooks
from tests.doubles import Double
from tests.factories import make_family

pytestmark = pytest.mark.django_db


def text(words: str = "Hall closed") -> Delivery:
    """A text that has gone out."""
    request = MessageRequest(make_family().pk, words, channel="sms")
    message = send_message(request=request).message
    send_due()
    return message.deliveries.get()


def digits(delivery: Delivery) -> str:
    return delivery.address.lstrip("+")


def test_it_gets_one_text_with_our_id(vonage: Double) -> None:
    delivery = text()
    [request] = vonage.seen
    assert request.path == "/sms/json"
    assert request.headers["Authorization"].startswith("Basic ")
    assert request.form == {
        "to": digits(delivery), "from": "447700900000", "text": "Hall closed", "type": "text",
        "client-ref": str(delivery.pk), "status-report-req": "1",
        "callback": f"{django_settings.BASE_URL}/webhooks/vonage/status/",
    }  # fmt: skip
    assert (delivery.state, delivery.provider, delivery.provider_id) == ("sent", "vonage", f"0C{delivery.pk:014d}")


def test_another_alphabet_is_told(vonage: Double) -> None:
    text("Здравствуйте")
    assert vonage.seen[0].form["type"] == "unicode"


def test_an_address_too_long_for_the_interface_is_left_to_its_settings(vonage: Double, settings: Any) -> None:
    settings.BASE_URL = f"https://{'a' * 60}.{'b' * 30}.example.org"
    text()
    assert "callback" not in vonage.seen[0].form


def test_a_text_of_which_one_part_was_taken_is_not_sent_again(vonage: Double) -> None:
    parts = '{"message-count": "2", "messages": [{"status": "0", "message-id": "1"}, {"status": "1"}]}'
    vonage.answer = lambda seen: (200, "application/json", parts)
    assert (text().state, len(vonage.seen)) == ("unknown", 1)


def test_an_error_inside_vonage_may_have_left(vonage: Double) -> None:
    vonage.answer = doubles.vonage_no(5)
    assert text().state == "unknown"


def test_every_code_has_words_or_takes_the_vendors(vonage: Double) -> None:
    assert all(str(fault.words) for code, fault in {**FAULTS, **RECEIPT_FAULTS}.items() if code != "2")
    vonage.answer = doubles.vonage_no(2)
    assert text().error == "refused 2"


@pytest.mark.parametrize("as_json", [False, True])
def test_a_receipt_settles_the_delivery_and_a_repeat_changes_nothing(vonage: Double, as_json: bool) -> None:
    delivery = text()
    told = {"TO": digits(delivery), "DELIVERY": delivery.pk, "ID": "0C1", "nonce": "n", "as_json": as_json}
    told["timestamp"] = str(int(time.time()))
    for _turn in range(2):
        assert hooks.vonage("status", "delivered", **told).status_code == 200
    process_receipts()
    delivery.refresh_from_db()
    assert delivery.state == "delivered"
    assert Receipt.objects.count() == 1
    assert Interaction.objects.filter(interaction_type="sms_delivered", external_system="vonage").count() == 1


def test_the_parts_of_a_long_text_are_one_entry(vonage: Double) -> None:
    delivery = text("x" * 400)
    for part in ("0C1", "0C2", "0C3"):
        hooks.vonage("status", "delivered", TO=digits(delivery), DELIVERY=delivery.pk, ID=part)
    process_receipts()
    assert Interaction.objects.filter(interaction_type="sms_delivered").count() == 1


def test_a_receipt_finds_a_delivery_whose_answer_we_never_got(vonage: Double) -> None:
    vonage.hang_up = True
    delivery = text()
    assert delivery.state == "unknown"
    hooks.vonage("status", "delivered", TO=digits(delivery), DELIVERY=delivery.pk, ID="0C9")
    process_receipts()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.provider_id) == ("delivered", "0C9")


@pytest.mark.parametrize(("code", "dead", "stopped"), [("3", True, False), ("2", False, False), ("9", False, True)])
def test_a_failure_says_what_it_means_for_the_number(vonage: Double, code: str, dead: bool, stopped: bool) -> None:
    delivery = text()
    hooks.vonage("status", "failed", TO=digits(delivery), DELIVERY=delivery.pk, CODE=code)
    process_receipts()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == ("undelivered", code)
    assert ContactPoint.objects.get(channel="sms").is_valid is not dead
    assert Consent.objects.filter(address=delivery.address, granted=False).exists() is stopped


def test_what_people_write_is_heard_and_stop_binds(vonage: Double) -> None:
    delivery = text()
    hooks.vonage("inbound", "inbound", FROM=digits(delivery), TEXT="Yes & thanks = see you")
    hooks.vonage("inbound", "inbound", FROM=digits(delivery), TEXT="Stop", KEYWORD="STOP")
    process_receipts()
    written = Interaction.objects.filter(interaction_type="sms_replied", external_system="vonage")
    assert [one.metadata["text"] for one in written.order_by("id")] == ["Yes & thanks = see you", "Stop"]
    assert Consent.objects.get(source="stop_word").address == delivery.address


@pytest.mark.parametrize(
    ("forged", "reason"),
    [
        ({"secret": "somebody else's"}, "signature"),
        ({"sig": ""}, "no signature"),
        ({"sig": "0" * 64}, "signature"),
        ({"sig": "0" * 32}, "weak signature"),
        ({"timestamp": "1500000000"}, "too old"),
        ({"timestamp": "9999999999"}, "too old"),
        ({"timestamp": "soon"}, "too old"),
    ],
)
def test_what_is_forged_or_stale_is_refused_and_counted(vonage: Double, forged: dict, reason: str) -> None:
    delivery = text()
    answer = hooks.vonage("status", "delivered", TO=digits(delivery), DELIVERY=delivery.pk, **forged)
    assert answer.status_code == 403
    assert RefusedCallback.objects.get().reason == reason
    assert not Receipt.objects.exists()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"a=1&a=2&sig=" + b"0" * 64, "application/x-www-form-urlencoded"),
        (b"[1, 2]", "application/json"),
        (b'{"a": {"b": 1}}', "application/json"),
        (b'{"sig": "x", "sig": "y"}', "application/json"),
        (b"[" * 50_000, "application/json"),
        (b'"text"', "application/json"),
    ],
)
def test_what_cannot_be_read_is_refused(vonage: Double, client: Any, body: bytes, content_type: str) -> None:
    assert client.post("/webhooks/vonage/status/", body, content_type=content_type).status_code == 400
    assert not Receipt.objects.exists()


def test_a_huge_callback_is_not_even_read(vonage: Double, client: Any) -> None:
    body = b"text=" + b"x" * 100_000
    answer = client.post("/webhooks/vonage/inbound/", body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 413


def test_without_its_entry_and_its_file_all_else_goes_on(
    twilio: Double, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(VENDORS, "vonage")
    monkeypatch.setitem(sys.modules, "channels.adapters.vonage", None)
    assert text().provider == "twilio"
    assert client.post("/webhooks/vonage/status/").status_code == 404
    assert [one.name for one in vendors_of("sms")] == ["sandbox", "twilio"]
    monkeypatch.setenv("SMS_PROVIDER", "vonage")
    with pytest.raises(SystemExit):
        provider("SMS_PROVIDER", "sms")


def test_without_a_secret_nothing_is_believed(vonage: Double, settings: Any) -> None:
    settings.VONAGE_SIGNATURE_SECRET = ""
    assert hooks.vonage("inbound", "inbound", secret="x", FROM="447700900123").status_code == 403
