"""Senders: their rate, shared by all workers; vendors that fail are left alone; codes mean what the vendor says."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import time_machine
from django.db import connection, connections, transaction
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from channels.adapters import email
from channels.forms import SenderForm
from channels.jobs import send_due, sweep
from channels.jobs.carrying import CARRIED, envelope_of
from channels.jobs.claim import claim_due
from channels.models import Delivery, Message, Sender
from channels.pacing import BURST_SECONDS, LONGEST_PAUSE, pause_seconds, take_slot
from channels.ports import wait_asked
from channels.services import MessageRequest, send_message, send_messages
from channels.services.senders import take_turn
from crm.models import Consent, ContactPoint, Topic
from tests import doubles
from tests.doubles import Double
from tests.factories import make_family, make_user
from tests.together import side_by_side

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_registry")]
NOON = datetime(2026, 11, 12, 12, tzinfo=UTC)


def say(channel: str, *, family: Any = None, **extra: Any) -> Message:
    extra.setdefault("allow_fallback", False)
    request = MessageRequest((family or make_family()).pk, "The hall is closed.", channel=channel, **extra)
    return send_message(request=request).message


def the_leg(message: Message, number: int = 0) -> Delivery:
    return message.deliveries.get(leg=number)


@given(
    rate=st.floats(0.5, 200),
    gaps=st.lists(st.floats(0, 3), min_size=1, max_size=300),
)
def test_no_minute_holds_more_than_the_rate_and_its_burst(rate: float, gaps: list[float]) -> None:
    now, taken, left = NOON, None, []
    for gap in gaps:
        now += timedelta(seconds=gap)
        while (until := take_slot(taken, now, rate)) is not None:
            taken = until
            left.append(now)
    for start in left:
        within = sum(start <= one < start + timedelta(seconds=60) for one in left)
        assert within <= rate * (60 + BURST_SECONDS) + 2


def test_a_sender_that_is_always_busy_reaches_its_rate() -> None:
    now, taken, left = NOON, None, 0
    for _tick in range(60):
        while (until := take_slot(taken, now, 10)) is not None:
            taken, left = until, left + 1
        now += timedelta(seconds=1)
    assert 600 <= left <= 630


@pytest.mark.parametrize(("failures", "seconds"), [(0, 0), (4, 0), (5, 30), (6, 60), (50, LONGEST_PAUSE)])
def test_pauses_grow_with_failures_in_a_row(failures: int, seconds: int) -> None:
    assert pause_seconds(failures) == seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("120", 120.0), ("", None), (None, None), ("soon", None), ("-5", None), ("Thu, 12 Nov 2026 12:01:00 GMT", 60.0)],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    with time_machine.travel(NOON, tick=False):
        assert wait_asked(header) == seconds


@pytest.mark.paced
def test_a_campaign_keeps_to_the_rate_and_an_urgent_message_passes_it() -> None:
    families = [make_family() for _one in range(40)]
    with time_machine.travel(NOON, tick=False) as clock:
        send_messages(requests=[MessageRequest(one.pk, "Hello", channel="sms") for one in families])
        assert sum(iter(lambda: send_due(), 0)) >= 10
        assert Delivery.objects.filter(state="sent").count() == 11
        urgent = say("sms", urgency="high")
        assert send_due() == 0
        clock.shift(0.2)
        send_due()
        assert the_leg(urgent).state == "sent"
        sent = []
        for _second in range(4):
            clock.shift(1)
            send_due()
            sent.append(Delivery.objects.filter(state="sent").count())
    assert sent[-1] == 41
    assert all(later - earlier <= 11 for earlier, later in pairwise(sent))
    assert not Delivery.objects.filter(tries__gt=1).exists()


@pytest.mark.paced
def test_channels_do_not_wait_for_each_other() -> None:
    families = [make_family() for _one in range(60)]
    with time_machine.travel(NOON, tick=False):
        send_messages(requests=[MessageRequest(one.pk, "Hello", subject="Hi", channel="email") for one in families])
        send_due()
        text = say("sms")
        send_due()
        assert the_leg(text).state == "sent"


@side_by_side
def test_workers_at_once_share_one_rate() -> None:
    if connection.vendor == "sqlite":
        return  # one writer at a time: nothing can overtake here
    sender = Sender.objects.create(channel="sms", provider="sandbox", per_second=10)

    def take(_number: int) -> int:
        try:
            got = 0
            for _try in range(20):
                with transaction.atomic():
                    got += take_turn(Sender.objects.get(pk=sender.pk), NOON)
            return got
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(take, range(4))) == 11


def test_a_sender_without_a_rate_is_not_slowed() -> None:
    send_messages(requests=[MessageRequest(make_family().pk, "Hello", channel="sms") for _one in range(60)])
    assert send_due() == 60


def test_what_is_given_back_keeps_its_tries_and_goes_later(twilio: Double) -> None:
    messages = [say("sms") for _one in range(8)]
    twilio.answer = doubles.server_error
    send_due()
    states = [the_leg(one).state for one in messages]
    assert states == ["unknown"] * 5 + ["queued"] * 3
    assert [the_leg(one).tries for one in messages[5:]] == [0, 0, 0]
    assert len(twilio.seen) == 5
    sender = Sender.objects.get()
    assert (sender.failures, sender.is_paused) == (5, True)


def test_after_the_pause_one_message_tries_and_success_opens_it(twilio: Double) -> None:
    messages = [say("sms") for _one in range(10)]
    twilio.answer = doubles.server_error
    send_due()
    assert send_due() == 0
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=31), tick=True) as clock:
        assert len(claim_due()) == 1
        Delivery.objects.filter(state="sending").update(state="queued", claimed_until=None)
        send_due()
        assert len(twilio.seen) == 6
        assert Sender.objects.get().failures == 6
        twilio.answer = doubles.twilio_yes
        clock.shift(61)
        send_due()
    assert Sender.objects.get().failures == 0
    assert sum(the_leg(one).state == "sent" for one in messages) == 4


def test_wrong_credentials_lose_nothing(twilio: Double) -> None:
    twilio.answer = doubles.twilio_no(20003, 401)
    messages = [say("sms") for _one in range(3)]
    send_due()
    assert len(twilio.seen) == 1
    assert [the_leg(one).state for one in messages] == ["queued"] * 3
    sender = Sender.objects.get()
    assert "administrator" in sender.last_error
    twilio.answer = doubles.twilio_yes
    Sender.objects.update(paused_until=None, failures=0)
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=1), tick=True):
        send_due()
    assert [the_leg(one).state for one in messages] == ["sent"] * 3


def test_a_vendor_that_says_too_many_is_left_alone_as_long_as_it_asks(twilio: Double) -> None:
    twilio.answer, twilio.headers = doubles.too_many, {"Retry-After": "90"}
    first, second = say("sms"), say("sms")
    send_due()
    assert len(twilio.seen) == 1
    sender = Sender.objects.get()
    assert sender.failures == 0
    assert 85 < (sender.paused_until - datetime.now(UTC)).total_seconds() <= 90  # type: ignore[operator]
    assert (the_leg(first).state, the_leg(second).state) == ("queued", "queued")
    assert (the_leg(first).due_at - datetime.now(UTC)).total_seconds() > 85


@pytest.mark.parametrize(
    ("rule", "moves"), [("wait", (False, False)), ("urgent", (True, False)), ("all", (True, True))]
)
def test_while_the_vendor_is_away_messages_wait_or_take_another_channel(rule: str, moves: tuple[bool, bool]) -> None:
    urgent = say("", urgency="high", allow_fallback=True)
    normal_family = make_family(email=None, portal=True)
    normal = say("", family=normal_family, allow_fallback=True)
    assert {the_leg(urgent).channel, the_leg(normal).channel} == {"sms"}
    Sender.objects.filter(channel="sms").update(
        when_away=rule, failures=9, paused_until=datetime.now(UTC) + timedelta(0, 300)
    )
    sweep()
    for message, moved in zip((urgent, normal), moves, strict=True):
        message.refresh_from_db()
        assert (message.deliveries.count() == 2) is moved
        assert the_leg(message).state == ("cancelled" if moved else "queued")


def test_whoever_has_no_other_channel_waits_for_the_vendor() -> None:
    family = make_family(email=None, phone="+447700900777")
    ContactPoint.objects.filter(family=family).exclude(channel="sms").delete()
    message = say("", family=family, urgency="high", allow_fallback=True)
    until = datetime.now(UTC) + timedelta(seconds=300)
    Sender.objects.update(when_away="all", failures=9, paused_until=until)
    sweep()
    assert (the_leg(message).state, the_leg(message).due_at) == ("queued", until)
    assert message.deliveries.count() == 1


@pytest.mark.parametrize(
    ("code", "state", "dead", "stopped"),
    [
        (21610, "failed", False, True),
        (21614, "failed", True, False),
        (21211, "failed", True, False),
        (30007, "failed", False, False),
        (63024, "failed", True, False),
        (20429, "failed", False, False),
    ],
)
def test_a_code_says_what_it_means_for_message_and_number(
    twilio: Double, code: int, state: str, dead: bool, stopped: bool
) -> None:
    twilio.answer = doubles.twilio_no(code)
    message = say("sms")
    send_due()
    leg = the_leg(message)
    point = ContactPoint.objects.get(family=message.family_id, channel="sms")
    assert (leg.error_code, point.is_valid) == (str(code), not dead)
    assert leg.state == (state if code != 20429 else "queued")
    assert "refused" not in leg.error
    assert Consent.objects.filter(address=leg.address, granted=False, source="stop_word").exists() is stopped
    if stopped:
        assert say("sms", family=message.family).status == "blocked"


def test_a_topic_may_have_a_sender_of_its_own() -> None:
    topic = Topic.objects.create(slug="fees", name="Fees")
    Sender.objects.create(channel="email", provider="sandbox", topic=topic, address="Fees <fees@school.example>")
    message = say("email", topic="fees", subject="Fees")
    assert the_leg(message).sender == Sender.objects.get(topic=topic)
    mail = email.compose(envelope_of(Delivery.objects.select_related(*CARRIED).get(message=message)), "smtp")
    assert mail.from_email == "Fees <fees@school.example>"
    assert the_leg(say("email", subject="Hi")).sender.topic is None  # type: ignore[union-attr]


def test_the_admin_shows_and_resumes_a_paused_sender(client: Any) -> None:
    client.force_login(make_user("ada", superuser=True))
    say("sms")
    Sender.objects.update(
        failures=9, paused_until=datetime.now(UTC) + timedelta(seconds=300), last_error="Twilio could not be reached"
    )
    page = client.get(reverse("admin:channels_sender_changelist")).content.decode()
    assert "Twilio could not be reached" in page
    sender = Sender.objects.get()
    client.post(
        reverse("admin:channels_sender_changelist"), {"action": "resume", "_selected_action": [sender.pk]}, follow=True
    )
    sender.refresh_from_db()
    assert (sender.failures, sender.paused_until) == (0, None)
    answer = client.post(
        reverse("admin:channels_sender_change", args=[sender.pk]),
        {"address": "not an address\nBcc: x", "per_second": "0", "when_away": "wait"},
    )
    assert answer.status_code == 200
    assert len(answer.context["errors"]) == 2


def test_the_form_of_a_new_sender_shows_its_example_and_no_state(admin_client: Client) -> None:
    page = admin_client.get(reverse("admin:channels_sender_add")).content.decode()
    assert "&lt;fees@school.example&gt;" in page
    assert "<fees@school.example>" not in page
    assert "field-state" not in page
    assert "field-last_error" not in page


@pytest.mark.parametrize(
    ("channel", "address", "good"),
    [
        ("whatsapp", "+447700900001", True), ("whatsapp", "Riverbend", False), ("rcs", "riverbend_agent", True),
        ("rcs", "two words", False), ("push", "", True), ("push", "Riverbend", False), ("sms", "Riverbend", True),
        ("sms", "riverbend_agent", False),
    ],
)  # fmt: skip
def test_a_senders_address_fits_its_channel(channel: str, address: str, good: bool) -> None:
    sender = Sender.objects.create(channel=channel, provider="sandbox")
    form = SenderForm({"address": address, "per_second": "5", "when_away": "wait"}, instance=sender)
    for name in ("channel", "provider", "topic"):
        del form.fields[name]
    form.is_valid()
    assert ("address" not in form.errors) is good, form.errors
