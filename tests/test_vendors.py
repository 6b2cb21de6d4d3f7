"""The vendors' own clients against a local double: what they send, and what their answers mean for a delivery."""

from typing import Any

import pytest

from channels import adapters
from channels.jobs import send_due
from channels.models import Message
from channels.services import MessageRequest, send_message
from crm.models import Interaction
from tests import doubles
from tests.doubles import Double, http_double
from tests.factories import make_family

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_registry")]


def use_email(settings: Any, double: Double, provider: str, **anymail: str) -> None:
    settings.EMAIL_PROVIDER = provider
    name = provider.upper()
    settings.ANYMAIL = {**settings.ANYMAIL, f"{name}_API_URL": double.url + "/v3/", **anymail}


def say(channel: str, **extra: Any) -> Message:
    return send_message(
        request=MessageRequest(make_family().pk, "The hall is closed.", subject="Hall", channel=channel, **extra)
    ).message


def test_twilio_gets_one_text_with_our_id_in_the_callback(twilio: Double) -> None:
    message = say("sms", sms="Hall closed")
    send_due()
    delivery = message.deliveries.get()
    [request] = twilio.seen
    assert request.path == f"/2010-04-01/Accounts/AC{'1' * 32}/Messages.json"
    assert request.headers["Authorization"].startswith("Basic ")
    assert (request.form["To"], request.form["From"], request.form["Body"]) == (
        delivery.address, "+447700900000", "Hall closed",
    )  # fmt: skip
    assert request.form["StatusCallback"].endswith(f"/webhooks/twilio/status/?delivery={delivery.pk}#rc=5&rp=all")
    assert delivery.state == "sent"
    assert delivery.provider_id.startswith("SM")
    assert Interaction.objects.get(family=message.family).interaction_type == "sms_sent"


@pytest.mark.parametrize(
    ("answer", "state", "code"),
    [
        (doubles.twilio_no(21610), "failed", "21610"),
        (doubles.twilio_no(21211), "failed", "21211"),
        (doubles.too_many, "queued", "20429"),
        (doubles.server_error, "unknown", "500"),
        (doubles.garbage, "unknown", "unreadable"),
    ],
)
def test_what_twilio_answers_decides_the_state(twilio: Double, answer: Any, state: str, code: str) -> None:
    twilio.answer = answer
    message = say("sms")
    send_due()
    send_due()
    delivery = message.deliveries.get()
    assert (delivery.state, delivery.error_code) == (state, code)
    assert len(twilio.seen) == 1, "never sent again at once"
    assert delivery.contact_point.is_valid is (code != "21211")
    assert not Interaction.objects.filter(family=message.family).exists()


def test_a_line_that_breaks_after_the_request_left_is_unknown(twilio: Double) -> None:
    twilio.hang_up = True
    message = say("sms")
    send_due()
    assert message.deliveries.get().state == "unknown"


def test_a_vendor_that_cannot_be_reached_is_tried_later(settings: Any, twilio: Double) -> None:
    settings.TWILIO_API_URL = "http://127.0.0.1:1"
    message = say("sms")
    send_due()
    assert message.deliveries.get().state == "queued"


def test_a_vendor_that_never_answers_is_unknown(twilio: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels.adapters.twilio.TIMEOUT", 0.2)
    twilio.delay = 1
    message = say("sms")
    send_due()
    assert message.deliveries.get().state == "unknown"


def test_sendgrid_gets_one_recipient_our_id_and_tracking(settings: Any) -> None:
    with http_double(doubles.sendgrid_yes) as double:
        use_email(settings, double, "sendgrid", SENDGRID_API_KEY="SG.x")
        message = say("email")
        send_due()
        delivery = message.deliveries.get()
        [request] = double.seen
    [person] = request.json["personalizations"]
    assert [to["email"] for to in person["to"]] == [delivery.address]
    assert {**person.get("custom_args", {}), **request.json.get("custom_args", {})}["delivery"] == str(delivery.pk)
    assert request.json["tracking_settings"]["open_tracking"]["enable"] is True
    assert (delivery.state, bool(delivery.provider_id)) == ("sent", True)


def test_mailgun_and_postmark_carry_our_id(settings: Any) -> None:
    with http_double(doubles.mailgun_yes) as double:
        use_email(settings, double, "mailgun", MAILGUN_API_KEY="key")
        message = say("email")
        send_due()
        delivery = message.deliveries.get()
        assert delivery.state == "sent", delivery.error
        assert b'name="v:delivery"' in double.seen[0].body or b"v%3Adelivery" in double.seen[0].body
    adapters.adapter_by.cache_clear()
    with http_double(doubles.postmark_yes) as double:
        use_email(settings, double, "postmark", POSTMARK_SERVER_TOKEN="t")
        message = say("email")
        send_due()
        delivery = message.deliveries.get()
        assert delivery.state == "sent", delivery.error
        sent = double.seen[0].json
        assert (sent[0] if isinstance(sent, list) else sent)["Metadata"] == {"delivery": str(delivery.pk)}


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (doubles.too_many, "queued"),
        (doubles.server_error, "unknown"),
        (lambda seen: (401, "application/json", "{}"), "queued"),
        (lambda seen: (400, "application/json", "{}"), "failed"),
    ],
)
def test_what_an_email_vendor_answers_decides_the_state(settings: Any, answer: Any, state: str) -> None:
    with http_double(answer) as double:
        use_email(settings, double, "sendgrid", SENDGRID_API_KEY="SG.x")
        message = say("email")
        send_due()
        assert message.deliveries.get().state == state
        assert len(double.seen) == 1


def test_html_instead_of_an_answer_is_unknown(settings: Any) -> None:
    with http_double(doubles.garbage) as double:
        use_email(settings, double, "postmark", POSTMARK_SERVER_TOKEN="t")
        message = say("email")
        send_due()
        assert message.deliveries.get().state == "unknown"
