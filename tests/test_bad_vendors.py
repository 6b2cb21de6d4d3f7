"""Vendors that answer badly, late or never, through their real clients: nothing lost, nothing twice, a clear answer."""

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from channels.adapters.email_lines import drop_line, mail_line
from channels.jobs import send_due
from channels.jobs.claim import claim_due
from channels.jobs.outbox import LINES, _send_batch
from channels.models import Delivery, Message, Sender
from channels.services import MessageRequest, send_message
from crm.models import Interaction
from tests import doubles
from tests.doubles import Answer, Seen, http_double
from tests.factories import make_family

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_registry")]

KEYS = {
    "brevo": "BREVO_API_KEY", "mailgun": "MAILGUN_API_KEY", "mailjet": "MAILJET_API_KEY", "postmark":
    "POSTMARK_SERVER_TOKEN", "resend": "RESEND_API_KEY", "sendgrid": "SENDGRID_API_KEY", "twilio": "",
}  # fmt: skip
VENDORS = pytest.mark.parametrize("vendor", sorted(KEYS))


@pytest.fixture(autouse=True)
def no_line_of_others() -> Iterator[None]:
    drop_line()
    yield
    drop_line()


def use(settings: Any, vendor: str, url: str) -> str:
    """Let the vendor live at this address; answers its channel."""
    if vendor == "twilio":
        settings.SMS_PROVIDER = "twilio"
        settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = "AC" + "1" * 32, "secret"
        settings.TWILIO_SMS_FROM, settings.TWILIO_API_URL = "+447700900000", url
        return "sms"
    settings.EMAIL_PROVIDER = vendor
    settings.EMAIL_BACKEND = f"anymail.backends.{vendor}.EmailBackend"
    known = {KEYS[vendor]: "key", "MAILJET_SECRET_KEY": "key", f"{vendor.upper()}_API_URL": f"{url}/v3/"}
    how = {"REQUESTS_TIMEOUT": 0.3, "IGNORE_UNSUPPORTED_FEATURES": True}
    settings.ANYMAIL = {**settings.ANYMAIL, **known, **how}
    return "email"


def say(channel: str) -> Message:
    request = MessageRequest(make_family().pk, "The hall is closed.", subject="Hall", channel=channel)
    return send_message(request=request).message


def outcome(channel: str) -> Delivery:
    """What became of one message after it was due several times."""
    message = say(channel)
    for _time in range(3):
        send_due()
    return message.deliveries.get()


@contextmanager
def raw_server(speak: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[bytes]]]:
    """A server that does what it likes with a line once it has read the request; yields its address and what came."""
    listener, came = socket.create_server(("127.0.0.1", 0)), []

    def serve() -> None:
        with contextlib.suppress(OSError):  # closed at the end of the test
            while True:
                line, _address = listener.accept()
                with line:
                    came.append(line.recv(65_536))
                    speak(line)

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", came
    finally:
        listener.close()


def reset(line: socket.socket) -> None:
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def half_an_answer(line: socket.socket) -> None:
    line.sendall(b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"sid": "SM')
    reset(line)


def no_http(line: socket.socket) -> None:
    line.sendall(b"220 mail.example.org ESMTP ready\r\n")


def page(seen: Seen) -> Answer:
    return 200, "text/html; charset=utf-8", "<!doctype html><title>Maintenance</title>"


def page_without_a_type(seen: Seen) -> Answer:
    return 200, "text/plain", "<html>maintenance</html>"


def empty(seen: Seen) -> Answer:
    return 200, "application/json", ""


def other_json(seen: Seen) -> Answer:
    return 200, "application/json", json.dumps({"hello": ["world", None]})


@VENDORS
@pytest.mark.parametrize("answer", [page, page_without_a_type, empty, other_json])
def test_an_answer_that_says_nothing_is_no_yes_and_is_not_repeated(settings: Any, vendor: str, answer: Any) -> None:
    with http_double(answer) as double:
        delivery = outcome(use(settings, vendor, double.url))
        assert (delivery.state, delivery.provider_id, len(double.seen)) == ("unknown", "", 1), delivery.error


@VENDORS
@pytest.mark.parametrize("speak", [reset, half_an_answer, no_http], ids=["reset", "half", "no http"])
def test_a_line_that_breaks_after_the_request_is_not_repeated(settings: Any, vendor: str, speak: Any) -> None:
    with raw_server(speak) as (url, came):
        delivery = outcome(use(settings, vendor, url))
        assert (delivery.state, len(came)) == ("unknown", 1), delivery.error


@VENDORS
def test_a_vendor_that_is_too_late_is_not_asked_again(
    settings: Any, monkeypatch: pytest.MonkeyPatch, vendor: str
) -> None:
    monkeypatch.setattr("channels.adapters.twilio.TIMEOUT", 0.3)
    with http_double(doubles.twilio_yes) as double:
        double.delay = 0.7
        delivery = outcome(use(settings, vendor, double.url))
        assert (delivery.state, len(double.seen)) == ("unknown", 1)


@VENDORS
@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://no-such-host.invalid"], ids=["refused", "no name"])
def test_a_vendor_that_was_never_reached_is_tried_later(settings: Any, vendor: str, url: str) -> None:
    delivery = outcome(use(settings, vendor, url))
    assert (delivery.state, delivery.tries, delivery.intent_at) == ("queued", 1, None)
    assert delivery.error


@VENDORS
def test_wrong_credentials_hold_everything_and_lose_nothing(settings: Any, vendor: str) -> None:
    with http_double(lambda seen: (401, "application/json", json.dumps({"message": "no", "code": 20003}))) as double:
        channel = use(settings, vendor, double.url)
        waiting = [say(channel) for _each in range(3)]
        for _time in range(3):
            send_due()
        states = [one.deliveries.get() for one in waiting]
        assert {(one.state, one.tries) for one in states} == {("queued", 0)}
        assert len(double.seen) == 1
        assert Sender.objects.get(channel=channel, provider=vendor).is_paused


def test_missing_credentials_hold_everything_and_lose_nothing(settings: Any) -> None:
    settings.EMAIL_PROVIDER = "postmark"
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    delivery = outcome("email")
    assert (delivery.state, delivery.error_code, delivery.intent_at) == ("queued", "not_configured", None)
    assert "POSTMARK_SERVER_TOKEN" in delivery.error


@VENDORS
def test_a_recipient_who_vanished_is_not_written_to(settings: Any, vendor: str) -> None:
    with http_double(doubles.twilio_yes) as double:
        message = say(use(settings, vendor, double.url))
        ids = claim_due()
        message.family.contact_points.all().delete()
        _send_batch(ids)
        delivery = message.deliveries.get()
        assert (delivery.state, double.seen) == ("cancelled", [])
        assert delivery.error_code


def test_a_line_is_kept_for_the_next_message_and_dropped_after_an_error(settings: Any) -> None:
    with http_double(doubles.sendgrid_yes) as double:
        use(settings, "sendgrid", double.url)
        first = mail_line("sendgrid")
        say("email")
        send_due()
        assert mail_line("sendgrid") is first
        double.answer = doubles.server_error
        say("email")
        send_due()
        assert mail_line("sendgrid") is not first


def test_a_task_whose_time_is_over_stops_and_leaves_the_rest_to_the_next(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(*_arguments: Any, **_named: Any) -> None:
        raise SoftTimeLimitExceeded

    monkeypatch.setattr("channels.adapters.twilio.TwilioTexts.send", endless)
    channel = use(settings, "twilio", "http://127.0.0.1:1")
    for _each in range(2):
        say(channel)
    with pytest.raises(SoftTimeLimitExceeded):
        send_due()
    assert sorted(Delivery.objects.values_list("state", flat=True)) == ["sending", "unknown"]
    assert Delivery.objects.get(state="sending").intent_at is None


@pytest.mark.lines
def test_several_lines_hand_each_message_over_once_and_keep_every_answer(settings: Any) -> None:
    with http_double(doubles.twilio_yes) as double:
        double.delay = 0.05
        channel = use(settings, "twilio", double.url)
        messages = [say(channel) for _each in range(12)]
        assert send_due() == 12
        said = sorted(seen.form["StatusCallback"] for seen in double.seen)
        assert len(set(said)) == len(said) == 12
        for message in messages:
            message.refresh_from_db()
            delivery = message.deliveries.get()
            assert (message.status, delivery.state, delivery.claimed_until) == ("sent", "sent", None)
            assert Interaction.objects.filter(family=message.family, external_id=str(delivery.pk)).count() == 1


@pytest.mark.lines
def test_a_vendor_that_fails_on_all_lines_is_paused_once(settings: Any) -> None:
    with http_double(doubles.server_error) as double:
        channel = use(settings, "twilio", double.url)
        for _each in range(16):
            say(channel)
        send_due()
        assert 5 <= len(double.seen) <= 5 + LINES
        states = Delivery.objects.values_list("state", flat=True)
        assert sorted(set(states)) == ["queued", "unknown"]
        assert list(states).count("unknown") == len(double.seen)
        assert Sender.objects.get(provider="twilio").failures == 5
