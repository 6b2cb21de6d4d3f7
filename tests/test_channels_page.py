"""The administrators' page of all channels: who carries what, what is missing by name alone, and a test message."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from channels.jobs import process_receipts
from channels.models import Delivery, SandboxEcho, Sender, Unmatched
from channels.selectors.carriers import list_channels
from crm.models import Change, Interaction
from tests import doubles, hooks
from tests.doubles import Double
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_registry")]
PAGE = "/admin/channels/sender/channels/"
NUMBER = "+44 7700 900123"


@pytest.fixture
def office(db: None) -> Client:
    client = Client()
    client.force_login(make_user("ada", superuser=True))
    return client


def form_of(channel: str = "sms", vendor: str = "twilio") -> str:
    return reverse("admin:channels_sender_test", args=[channel, vendor])


def ask(client: Client, address: str = NUMBER, *, channel: str = "sms", vendor: str = "twilio") -> str:
    answer = client.post(form_of(channel, vendor), {"address": address}, follow=True)
    return answer.content.decode()


def test_the_sandbox_says_what_it_is_and_what_real_vendors_lack(office: Client) -> None:
    page = office.get(PAGE).content.decode()
    assert page.count("Sandbox: it plays") == len(list_channels())
    for name in ("TWILIO_ACCOUNT_SID", "VONAGE_SIGNATURE_SECRET", "EMAIL_URL", "SMS_STANDBY_PROVIDER"):
        assert name in page


def test_a_real_vendor_is_shown_with_sender_and_times_and_no_secret(
    office: Client, twilio: Double, settings: Any
) -> None:
    settings.SMS_STANDBY_PROVIDER, settings.VONAGE_API_SECRET = "vonage", "never-shown-secret"
    settings.TWILIO_AUTH_TOKEN = "never-shown-token"
    Sender.objects.create(
        channel="sms",
        provider="twilio",
        last_ok_at=datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
        last_failed_at=datetime(2026, 11, 21, 10, 0, tzinfo=UTC),
        last_error="Twilio could not be reached",
        failures=9,
        paused_until=datetime.now(UTC) + timedelta(minutes=5),
    )
    page = office.get(PAGE).content.decode()
    assert "never-shown" not in page
    for words in ("+447700900000", "20 Nov 2026 09:30", "Twilio could not be reached", "Paused until", "stands by"):
        assert words in page
    assert "Missing:" in page
    assert "<code>VONAGE_API_KEY</code>" in page
    assert "VONAGE_API_SECRET" not in page.split("Missing:")[1].split("</td>")[0], "what is set is not missing"


def test_marketing_email_without_a_postal_address_is_told(office: Client, settings: Any) -> None:
    settings.EMAIL_PROVIDER = "postmark"
    page = office.get(PAGE).content.decode()
    assert "<code>ORGANISATION_ADDRESS</code>" in page
    settings.ORGANISATION_ADDRESS = ["12 Mill Lane"]
    assert "<code>ORGANISATION_ADDRESS</code>" not in office.get(PAGE).content.decode()


def test_the_page_takes_as_many_queries_with_many_senders(office: Client) -> None:
    office.get(PAGE)
    with CaptureQueriesContext(connection) as few:
        office.get(PAGE)
    for name in ("twilio", "vonage", "sandbox"):
        Sender.objects.create(channel="sms", provider=name)
    with CaptureQueriesContext(connection) as many:
        office.get(PAGE)
    assert len(many) == len(few)


def test_the_list_of_senders_leads_there(office: Client) -> None:
    assert PAGE in office.get(reverse("admin:channels_sender_changelist")).content.decode()


def test_only_administrators_may(staff_client: Client, manager_client: Client) -> None:
    for client in (staff_client, manager_client):
        assert client.post(form_of(), {"address": NUMBER}, follow=True).status_code == 403
        assert client.get(PAGE, follow=True).status_code == 403
    assert not Change.objects.exists()


def test_a_test_goes_out_at_once_and_is_written_down(office: Client, twilio: Double) -> None:
    assert "took it" in ask(office)
    [request] = twilio.seen
    assert (request.form["To"], "test message" in request.form["Body"]) == ("+447700900123", True)
    assert not Delivery.objects.exists()
    change = Change.objects.get(action=Change.Action.UPDATE)
    assert (change.actor.username, change.changes) == ("ada", {"test message": [None, "+447700900123"]})
    assert Sender.objects.get().last_ok_at is not None


def test_looking_at_the_form_sends_nothing(office: Client, twilio: Double) -> None:
    assert "One real message" in office.get(form_of()).content.decode()
    assert not twilio.seen


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (doubles.twilio_no(20003, 401), "It did not go out: Twilio does not accept our account"),
        (doubles.garbage, "It may have gone out, but the answer was unclear"),
    ],
)
def test_a_failure_is_told_and_pauses_nobody(office: Client, twilio: Double, answer: Any, words: str) -> None:
    twilio.answer = answer
    assert words in ask(office)
    sender = Sender.objects.get()
    assert (sender.is_paused, bool(sender.last_error), sender.last_failed_at is None) == (False, True, False)


def test_the_one_that_stands_by_can_be_tried_too(office: Client, vonage: Double, settings: Any) -> None:
    settings.SMS_PROVIDER, settings.SMS_STANDBY_PROVIDER = "twilio", "vonage"
    assert "vonage took it" in ask(office, vendor="vonage")
    assert vonage.seen[0].form["client-ref"] == "0"


def test_an_email_is_tried_too(office: Client, settings: Any) -> None:
    with doubles.http_double(doubles.postmark_yes) as double:
        settings.EMAIL_PROVIDER = "postmark"
        settings.ANYMAIL = {**settings.ANYMAIL, "POSTMARK_API_URL": double.url, "POSTMARK_SERVER_TOKEN": "t"}
        assert "took it" in ask(office, "ada@example.org", channel="email", vendor="postmark")
        assert "List-Unsubscribe" not in double.seen[0].body.decode()


def test_the_sandbox_is_labelled_and_plays_nothing(office: Client) -> None:
    assert "nothing left this machine" in ask(office, vendor="sandbox")
    assert not SandboxEcho.objects.exists()


@pytest.mark.parametrize("address", ["", "not a number", "x" * 600, "+44\x007700"])
def test_what_is_no_address_comes_back_with_what_was_typed(office: Client, twilio: Double, address: str) -> None:
    answer = office.post(form_of(), {"address": address})
    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    assert "value:" not in answer.content.decode()
    assert not twilio.seen
    assert not Change.objects.exists()


def test_many_tests_in_a_row_are_refused(office: Client, twilio: Double) -> None:
    for _turn in range(5):
        ask(office)
    assert "many tests in a minute" in ask(office)
    assert len(twilio.seen) == 5


def test_a_vendor_that_is_not_in_use_cannot_be_tried(office: Client, twilio: Double) -> None:
    for channel, vendor in (("sms", "vonage"), ("sms", "pigeon"), ("portal", "portal"), ("nowhere", "twilio")):
        assert "not carried by that vendor here" in ask(office, channel=channel, vendor=vendor)


def test_what_the_vendor_tells_of_a_test_concerns_nobody(office: Client, vonage: Double) -> None:
    ask(office, vendor="vonage")
    hooks.vonage("status", "delivered", TO="447700900123", DELIVERY=0)
    process_receipts()
    assert not Unmatched.objects.exists()
    assert not Interaction.objects.exists()
