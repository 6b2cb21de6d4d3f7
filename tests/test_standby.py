"""A second vendor stands by: it takes what provably has not left, and nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from channels.jobs import process_receipts, send_due, sweep
from channels.jobs.claim import claim_due
from channels.jobs.routing import route_waiting
from channels.models import Delivery, Message, Sender
from channels.services import MessageRequest, send_message
from crm.models import Consent, Interaction, Topic
from tests import doubles, hooks
from tests.doubles import Double
from tests.factories import make_family

pytestmark = pytest.mark.django_db


@pytest.fixture
def both(twilio: Double, vonage: Double, settings: Any) -> tuple[Double, Double]:
    """Twilio first, Vonage standing by."""
    settings.SMS_PROVIDER, settings.SMS_STANDBY_PROVIDER = "twilio", "vonage"
    return twilio, vonage


def say(count: int = 1, **extra: Any) -> list[Message]:
    extra.setdefault("allow_fallback", False)
    return [
        send_message(request=MessageRequest(make_family().pk, "Hall closed", channel="sms", **extra)).message
        for _one in range(count)
    ]


def leg(message: Message) -> Delivery:
    return message.deliveries.get()


def pause(provider: str, seconds: int = 300) -> None:
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    Sender.objects.update_or_create(
        channel="sms", provider=provider, topic=None, defaults={"paused_until": until, "failures": 9}
    )


def test_while_all_is_well_the_first_carries_all(both: tuple[Double, Double]) -> None:
    say(3)
    send_due()
    assert (len(both[0].seen), len(both[1].seen)) == (3, 0)
    assert not Sender.objects.filter(provider="vonage").exists()


@pytest.mark.parametrize(
    "answer", [doubles.too_many, doubles.twilio_no(20003, 401), lambda seen: (503, "text/plain", "later")]
)
def test_what_the_first_refused_before_it_left_goes_by_the_other_at_once(
    both: tuple[Double, Double], answer: Any
) -> None:
    first, second = both
    first.answer = answer
    message = say()[0]
    send_due()
    delivery = leg(message)
    assert (len(first.seen), len(second.seen)) == (1, 1)
    assert (delivery.state, delivery.provider, delivery.stands_in_for) == ("sent", "vonage", "twilio")
    assert delivery.sender == Sender.objects.get(provider="vonage")
    entry = Interaction.objects.get(interaction_type="sms_sent")
    assert (entry.metadata["provider"], entry.metadata["stands_in_for"]) == ("vonage", "twilio")


def test_a_vendor_that_cannot_be_reached_hands_over(both: tuple[Double, Double], settings: Any) -> None:
    settings.TWILIO_API_URL = "http://127.0.0.1:1"
    message = say()[0]
    send_due()
    assert (leg(message).state, leg(message).provider) == ("sent", "vonage")


@pytest.mark.parametrize("trouble", ["hang up", "html", "error"])
def test_what_may_have_left_never_goes_by_the_other(both: tuple[Double, Double], trouble: str) -> None:
    first, second = both
    first.hang_up = trouble == "hang up"
    first.answer = {"html": doubles.garbage, "error": doubles.server_error}.get(trouble, first.answer)
    message = say()[0]
    for _turn in range(3):
        sweep()
    assert (leg(message).state, leg(message).provider) == ("unknown", "twilio")
    assert (len(first.seen), len(second.seen)) == (1, 0)


@pytest.mark.parametrize("code", [21211, 21610, 30007])
def test_a_no_about_number_or_text_is_no_reason_to_ask_the_other(both: tuple[Double, Double], code: int) -> None:
    both[0].answer = doubles.twilio_no(code)
    message = say()[0]
    send_due()
    assert (leg(message).state, len(both[1].seen)) == ("failed", 0)
    assert Consent.objects.filter(granted=False).exists() is (code == 21610)


def test_a_stop_at_one_vendor_holds_at_the_other(both: tuple[Double, Double]) -> None:
    message = say()[0]
    send_due()
    hooks.vonage("inbound", "inbound", FROM=leg(message).address.lstrip("+"), TEXT="STOP")
    process_receipts()
    again = send_message(request=MessageRequest(message.family_id, "Hall open", channel="sms")).message
    assert again.status == "blocked"


def test_what_waits_at_a_paused_vendor_goes_over_and_later_things_stay(both: tuple[Double, Double]) -> None:
    now = say(2)
    later = say()[0]
    Delivery.objects.filter(message=later).update(due_at=datetime.now(UTC) + timedelta(hours=1))
    pause("twilio")
    send_due()
    assert [(leg(one).state, leg(one).provider) for one in now] == [("sent", "vonage")] * 2
    assert (leg(later).state, leg(later).provider, leg(later).stands_in_for) == ("queued", "twilio", "")


def test_those_claimed_together_follow_when_the_vendor_pauses(both: tuple[Double, Double]) -> None:
    both[0].answer, both[0].headers = doubles.too_many, {"Retry-After": "60"}
    messages = say(20)
    send_due()
    assert len(both[0].seen) == 1
    assert {(leg(one).state, leg(one).provider) for one in messages} == {("sent", "vonage")}
    assert len(both[1].seen) == 20


def test_where_both_are_away_everything_waits_or_takes_another_channel(both: tuple[Double, Double]) -> None:
    [message] = say()
    urgent = say(urgency="high", allow_fallback=True)[0]
    pause("twilio")
    pause("vonage")
    sweep()
    assert (leg(message).state, len(both[0].seen), len(both[1].seen)) == ("queued", 0, 0)
    assert [one.channel for one in urgent.deliveries.order_by("leg")] == ["sms", "email"]


def test_while_one_stands_by_nobody_changes_the_channel(both: tuple[Double, Double]) -> None:
    urgent = say(urgency="high", allow_fallback=True)[0]
    pause("twilio")
    sweep()
    assert (leg(urgent).provider, leg(urgent).state) == ("vonage", "sent")


def test_a_failure_of_the_one_that_stands_by_waits_its_turn(both: tuple[Double, Double]) -> None:
    both[0].answer, both[1].answer = doubles.too_many, doubles.vonage_no(1)
    message = say()[0]
    for _turn in range(3):
        send_due()
    assert (leg(message).state, leg(message).tries) == ("queued", 2)
    assert (len(both[0].seen), len(both[1].seen)) == (1, 1)
    both[1].answer = doubles.vonage_yes
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=5), tick=True):
        send_due()
    assert leg(message).state == "sent"
    assert len(both[0].seen) + len(both[1].seen) == 3


def test_one_that_is_claimed_is_left_alone(both: tuple[Double, Double]) -> None:
    message = say()[0]
    assert claim_due() == [leg(message).pk]
    pause("twilio")
    assert route_waiting() == 0
    assert leg(message).provider == "twilio"


def test_the_topics_own_sender_of_the_other_vendor_speaks(both: tuple[Double, Double]) -> None:
    topic = Topic.objects.create(slug="fees", name="Fees")
    Sender.objects.create(channel="sms", provider="vonage", topic=topic, address="Fees")
    say(topic="fees")
    say()
    pause("twilio")
    send_due()
    assert sorted(one.form["from"] for one in both[1].seen) == ["447700900000", "Fees"]


def test_a_vendor_changed_by_setting_takes_over_all_that_waits(both: tuple[Double, Double], settings: Any) -> None:
    message = say()[0]
    Delivery.objects.update(due_at=datetime.now(UTC) + timedelta(hours=1))
    settings.SMS_PROVIDER, settings.SMS_STANDBY_PROVIDER = "vonage", ""
    send_due()
    assert (leg(message).provider, leg(message).stands_in_for, leg(message).state) == ("vonage", "", "queued")


def test_what_was_to_go_for_real_never_ends_in_the_sandbox(both: tuple[Double, Double], settings: Any) -> None:
    message = say()[0]
    settings.SMS_PROVIDER, settings.SMS_STANDBY_PROVIDER = "sandbox", ""
    for _turn in range(2):
        sweep()
    assert (leg(message).state, leg(message).provider, leg(message).tries) == ("queued", "twilio", 0)
    assert not both[0].seen
    settings.SMS_PROVIDER = "twilio"
    send_due()
    assert leg(message).state == "sent"


def test_what_waited_in_the_sandbox_goes_by_the_first_real_vendor(both: tuple[Double, Double], settings: Any) -> None:
    settings.SMS_PROVIDER, settings.SMS_STANDBY_PROVIDER = "sandbox", ""
    message = say()[0]
    settings.SMS_PROVIDER = "twilio"
    send_due()
    assert (leg(message).state, leg(message).provider) == ("sent", "twilio")


def test_a_sender_of_a_vendor_that_is_not_in_use_says_so(admin_client: Client) -> None:
    Sender.objects.create(channel="sms", provider="vonage")
    page = admin_client.get("/admin/channels/sender/").content.decode()
    assert "not in use: SMS_PROVIDER names another vendor" in page


def test_the_first_vendors_late_news_cannot_kill_what_the_other_carries(both: tuple[Double, Double]) -> None:
    both[0].answer = doubles.too_many
    message = say()[0]
    send_due()
    one = leg(message)
    hooks.twilio("status", "undelivered", query=f"delivery={one.pk}", PHONE=one.address)
    process_receipts()
    assert (leg(message).state, leg(message).provider_id) == ("sent", one.provider_id)
    hooks.vonage("status", "delivered", TO=one.address.lstrip("+"), DELIVERY=one.pk)
    process_receipts()
    assert leg(message).state == "delivered"


def test_the_old_vendor_is_still_heard_after_a_switch(both: tuple[Double, Double], settings: Any) -> None:
    message = say()[0]
    send_due()
    settings.SMS_PROVIDER, settings.SMS_STANDBY_PROVIDER = "vonage", ""
    one = leg(message)
    assert hooks.twilio("status", "delivered", query=f"delivery={one.pk}", PHONE=one.address).status_code == 200
    process_receipts()
    assert leg(message).state == "delivered"


def test_the_page_says_by_whom_it_went(both: tuple[Double, Double], staff_client: Client) -> None:
    both[0].answer = doubles.too_many
    message = say()[0]
    send_due()
    page = staff_client.get(message.get_absolute_url()).content.decode()
    assert "Carried by vonage, which stands in for twilio" in page


@pytest.mark.parametrize("count", [3, 40])
def test_handing_over_takes_as_many_queries_for_many(both: tuple[Double, Double], count: int) -> None:
    say(count)
    pause("twilio")
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert route_waiting() == count
    assert len(asked) <= 8
