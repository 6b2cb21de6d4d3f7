"""How deliveries end: fallback, late news, stops and replays, in the wrong order, twice, or at the worst moment."""

import contextlib
import smtplib
import socket
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from channels.adapters.email_errors import smtp_error
from channels.adapters.sandbox import SandboxTexts
from channels.enums import DeliveryState, further_state
from channels.jobs import fall_back, process_receipts, send_due, sweep
from channels.jobs.claim import claim_due
from channels.jobs.outbox import MOST_TRIES, _commit_intents, _send_batch, _still_wanted, _try_later
from channels.jobs.sweep import _forgotten_fallbacks
from channels.models import Delivery, Message, Receipt
from channels.policy import decide
from channels.ports import SendError
from channels.selectors import Ask, take_snapshots
from channels.services import MessageRequest, apply_state, cancel_message, send_message
from channels.services.cancelling import cancel_messages
from crm.errors import Invalid
from crm.models import CallTask, Consent, ContactPoint, Interaction, Topic
from crm.services import record_consent, state_preference
from crm.services.call_tasks import TaskChanges, change_call_task
from tests import hooks
from tests.factories import make_family
from tests.together import at_once, side_by_side

pytestmark = pytest.mark.django_db


def say(family: Any, **extra: Any) -> Message:
    return send_message(request=MessageRequest(family.pk, "The hall is closed.", subject="Hall", **extra)).message


def kill(delivery: Delivery, state: str = "failed") -> None:
    apply_state(delivery_id=delivery.pk, state=state, error_code="400", error="no")


def leg(message: Message, number: int = 0) -> Delivery:
    return message.deliveries.get(leg=number)


def fresh(message: Message) -> Message:
    return Message.objects.get(pk=message.pk)


# The key


def test_a_key_is_kept_while_another_channel_is_tried() -> None:
    family = make_family()
    message = say(family, dedupe_key="k")
    kill(leg(message))
    assert fresh(message).dedupe_key == "k"
    assert fall_back(message.pk)
    send_due()
    again = send_message(request=MessageRequest(family.pk, "The hall is closed.", dedupe_key="k"))
    assert again.duplicate
    assert Message.objects.count() == 1


def test_a_key_is_free_once_nothing_left_and_nothing_follows() -> None:
    message = say(make_family(phone=None), dedupe_key="k")
    kill(leg(message))
    assert not fall_back(message.pk)
    assert fresh(message).dedupe_key is None


def test_a_key_stays_where_it_left_though_we_never_heard_so() -> None:
    message = say(make_family(email=None), channel="sms", dedupe_key="k")
    apply_state(delivery_id=leg(message).pk, state="unknown")
    apply_state(delivery_id=leg(message).pk, state="undelivered")
    fall_back(message.pk)
    assert fresh(message).dedupe_key == "k"


def test_keys_of_campaigns_are_refused_to_others() -> None:
    with pytest.raises(Invalid) as refused:
        say(make_family(), dedupe_key="campaign:1")
    assert "dedupe_key" in refused.value.errors


# A person's stop


def test_nothing_follows_a_leg_that_staff_stopped() -> None:
    message = say(make_family(email="a@example.org"))
    kill(leg(message), "bounced")
    assert fall_back(message.pk)
    cancel_message(message=message)
    sweep()
    assert [one.state for one in message.deliveries.order_by("leg")] == ["bounced", "cancelled"]
    assert not CallTask.objects.exists()


def test_what_is_claimed_and_has_not_left_is_stopped_too() -> None:
    message = say(make_family())
    [delivery] = _still_wanted(claim_due())
    cancel_message(message=message)
    assert _commit_intents([delivery]) == (set(), True)
    assert leg(message).state == "cancelled"
    assert fresh(message).status == "cancelled"


def test_a_stop_while_the_vendor_says_later_is_heard() -> None:
    message = say(make_family(), source="campaign:9")
    [delivery] = _still_wanted(claim_due())
    assert _commit_intents([delivery]) == ({delivery.pk}, True)
    cancel_messages(source="campaign:9")
    _try_later(delivery, SendError("429", permanent=False, code="429"))
    assert leg(message).state == "cancelled"
    sweep()
    assert leg(message).state == "cancelled"
    assert message.deliveries.count() == 1


def test_a_call_that_is_called_off_ends_the_message() -> None:
    message = say(make_family(email=None, sms=False))
    send_due()
    change_call_task(task=CallTask.objects.get(), changes=TaskChanges(cancelled=True))
    assert (leg(message).state, leg(message).error_code) == ("failed", "called_off")
    sweep()
    assert fresh(message).status == "failed"
    assert message.deliveries.count() == 1


# Late news


def test_a_late_success_stops_what_has_not_left() -> None:
    message = say(make_family(), urgency="high")
    apply_state(delivery_id=leg(message).pk, state="undelivered")
    assert fall_back(message.pk)
    [delivery] = _still_wanted(claim_due())
    apply_state(delivery_id=leg(message).pk, state="delivered")
    assert _commit_intents([delivery]) == (set(), True)
    assert leg(message, 1).state == "cancelled"
    assert fresh(message).status == "delivered"


def test_a_late_success_takes_the_call_off_the_list() -> None:
    message = say(make_family(phone="+447700900001", sms=False))
    kill(leg(message), "bounced")
    assert fall_back(message.pk)
    send_due()
    assert CallTask.objects.get().state == "open"
    apply_state(delivery_id=leg(message).pk, state="engaged")
    assert CallTask.objects.get().state == "cancelled"
    assert fresh(message).status == "engaged"


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_a_vendor_that_drops_what_it_took_is_a_failure(channel: str) -> None:
    message = say(make_family(), channel=channel, allow_fallback=True)
    send_due()
    kill(leg(message))
    assert leg(message).state == "failed"
    assert fall_back(message.pk)


@pytest.mark.parametrize(
    ("channel", "earlier", "later"),
    [
        ("email", "sent", "failed"),
        ("email", "failed", "delivered"),
        ("email", "delivered", "bounced"),
        ("email", "bounced", "engaged"),
        ("sms", "sent", "undelivered"),
        ("sms", "undelivered", "delivered"),
        ("sms", "unknown", "failed"),
        ("sms", "delivered", "engaged"),
    ],
)
def test_the_later_state_wins_in_any_order(channel: str, earlier: str, later: str) -> None:
    assert further_state(channel, earlier, later) == later
    assert further_state(channel, later, earlier) == later


def test_an_attempt_that_only_the_vendor_knows_of_enters_the_log() -> None:
    message = say(make_family(email=None), channel="sms")
    Delivery.objects.update(state="sending", intent_at=timezone.now(), claimed_until=timezone.now())
    sweep()
    assert leg(message).state == "unknown"
    hooks.twilio("status", "delivered", f"delivery={leg(message).pk}", PHONE=leg(message).address)
    process_receipts()
    assert leg(message).sent_at is not None
    attempt = Interaction.objects.get(interaction_type="sms_sent")
    assert Interaction.objects.get(interaction_type="sms_delivered").attempt_id == attempt.pk


# The check at the last moment


def test_a_holder_who_became_a_child_is_not_written_to() -> None:
    family = make_family(email="sofia@example.org", phone=None)
    message = say(family)
    family.members.update(role="student")
    family.members.create(name="Elena", role="guardian")
    ContactPoint.objects.create(
        family=family, member=family.members.get(name="Elena"), channel="email", value="elena@example.org"
    )
    send_due()
    assert (leg(message).state, leg(message).address) == ("sent", "elena@example.org")
    assert Interaction.objects.get(interaction_type="email_sent").member == family.members.get(name="Elena")


def test_an_address_that_was_corrected_meanwhile_is_the_one_written_to() -> None:
    family = make_family(email="wrong@example.org", phone=None)
    message = say(family)
    family.contact_points.filter(channel="email").update(value="right@example.org")
    send_due()
    assert (leg(message).state, leg(message).address) == ("sent", "right@example.org")


def test_an_address_that_broke_meanwhile_is_not_written_to() -> None:
    family = make_family()
    message = say(family)
    family.contact_points.filter(channel="email").update(is_valid=False)
    send_due()
    assert leg(message).state == "cancelled"
    _forgotten_fallbacks()
    assert leg(message, 1).channel == "sms"


def test_a_stop_word_while_others_are_being_sent_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels.jobs.outbox.FRESH_SECONDS", -1)
    first, second = (say(make_family(phone=f"+4477009000{n}"), channel="sms") for n in (41, 42))
    sent = SandboxTexts.send

    def send_and_hear_stop(self: SandboxTexts, envelope: Any) -> Any:
        record_consent(granted=False, source="stop_word", address="+447700900042", channel="sms")
        return sent(self, envelope)

    monkeypatch.setattr(SandboxTexts, "send", send_and_hear_stop)
    _send_batch(claim_due())
    assert leg(first).state == "sent"
    assert leg(second).state == "cancelled"


def test_what_was_for_one_person_reaches_nobody_else_once_they_are_gone() -> None:
    family = make_family(email="elena@example.org", phone=None)
    family.contact_points.create(member=None, channel="email", value="all@example.org")
    elena = family.members.get(role="guardian")
    waiting, failed = say(family, member_id=elena.pk), say(family, member_id=elena.pk, allow_fallback=True)
    held = say(family, member_id=elena.pk, send_after=timezone.now() + timedelta(hours=1))
    kill(leg(failed))
    Message.objects.filter(pk=held.pk).update(hold_until=timezone.now())
    elena.delete()
    sweep()
    assert leg(waiting).state == "cancelled"
    assert failed.deliveries.count() == 1
    assert fresh(held).status == "blocked"
    assert not Interaction.objects.filter(interaction_type="email_sent").exists()


def test_a_retry_is_dropped_once_it_arrived_elsewhere() -> None:
    message = say(make_family())
    kill(leg(message), "bounced")
    assert fall_back(message.pk)
    [delivery] = _still_wanted(claim_due())
    assert _commit_intents([delivery]) == ({delivery.pk}, True)
    apply_state(delivery_id=leg(message).pk, state="engaged")
    _try_later(delivery, SendError("429", permanent=False, code="429"))
    assert leg(message, 1).state == "cancelled"


def test_a_busy_database_does_not_lose_what_the_vendor_took(monkeypatch: pytest.MonkeyPatch) -> None:
    message, other = say(make_family()), say(make_family("Other"))
    from channels.jobs import outbox

    keep, busy = outbox.keep_yes, iter([True, True])

    def busy_twice(*given: Any, **named: Any) -> Any:
        if next(busy, False):
            raise OperationalError("deadlock detected")
        return keep(*given, **named)

    monkeypatch.setattr(outbox, "keep_yes", busy_twice)
    monkeypatch.setattr(outbox.time, "sleep", lambda _seconds: None)
    send_due()
    assert (leg(message).state, leg(other).state) == ("sent", "sent")


# The sweeper


def test_a_lost_fallback_is_found_however_old(settings: Any) -> None:
    message = say(make_family())
    kill(leg(message))
    Message.objects.update(updated_at=timezone.now() - timedelta(days=3))
    assert _forgotten_fallbacks() == 1
    assert leg(message, 1).channel == "sms"
    assert _forgotten_fallbacks() == 0


def test_messages_without_another_channel_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["channels.jobs.sweep"], "BATCH", 2)
    for number in range(3):
        kill(leg(say(make_family(f"Lone {number}", phone=None))))
    last = say(make_family())
    kill(leg(last))
    _forgotten_fallbacks()
    _forgotten_fallbacks()
    assert leg(last, 1).channel == "sms"


def test_a_channel_of_the_house_that_breaks_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = say(make_family(email=None, phone=None, portal=True))
    monkeypatch.setattr("channels.adapters.inhouse.PortalInbox.send", lambda *_: 1 / 0)
    whole = say(make_family())
    for turn in range(MOST_TRIES):
        Delivery.objects.filter(message=broken).update(due_at=timezone.now())
        sweep()
        assert leg(broken).tries == turn + 1
    assert leg(broken).state == "failed"
    assert leg(whole).state != "queued"


def test_a_busy_database_is_no_failed_receipt(monkeypatch: pytest.MonkeyPatch) -> None:
    hooks.twilio("inbound", "inbound", PHONE="+447700900142", BODY="STOP")
    from channels.jobs import hear

    apply, broken = hear.apply_news, iter([True])

    def busy_once(*given: Any) -> bool:
        if next(broken, False):
            raise OperationalError("database is locked")
        return apply(*given)

    monkeypatch.setattr(hear, "apply_news", busy_once)
    assert process_receipts() == 1
    assert Receipt.objects.get().state == "new"
    Receipt.objects.update(claimed_until=None)
    process_receipts()
    assert Consent.objects.get().source == "stop_word"


def test_a_stop_is_kept_though_the_rest_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    family = make_family(phone="+447700900142")
    hooks.twilio("inbound", "inbound", PHONE="+447700900142", BODY="STOP")
    from channels.jobs import hear

    monkeypatch.setattr(hear, "apply_news", lambda *_given: 1 / 0)
    process_receipts()
    assert Receipt.objects.get().state == "failed"
    assert say(family, channel="sms").status == "blocked"


def test_what_one_person_said_does_not_speak_for_all_once_they_are_gone() -> None:
    family = make_family(email="elena@example.org")
    elena = family.members.get(role="guardian")
    record_consent(family=family, member_id=elena.pk, granted=True, source="staff", channel="email")
    record_consent(
        family=family, member_id=elena.pk, granted=False, source="staff", channel="email", address="old@example.org"
    )
    elena.delete()
    assert list(Consent.objects.values_list("address", "granted")) == [("old@example.org", False)]


def test_a_start_never_lifts_a_complaint() -> None:
    family = make_family(email=None)
    number = family.contact_points.get(channel="sms").value
    record_consent(granted=False, source="complaint", address=number, channel="sms")
    record_consent(granted=None, source="start_word", address=number, channel="sms")
    assert say(family, channel="sms").status == "blocked"


def test_start_brings_back_what_was_agreed_before_and_no_more() -> None:
    asked, never = make_family(email=None, phone="+447700900011"), make_family(email=None, phone="+447700900012")
    record_consent(family=asked, granted=True, source="staff", channel="sms")
    for number in ("+447700900011", "+447700900012"):
        for word in ("STOP", "START"):
            hooks.twilio("inbound", "inbound", PHONE=number, BODY=word)
            process_receipts()
    assert say(asked, channel="sms", topic="marketing").status == "queued"
    assert say(never, channel="sms", topic="marketing").status == "blocked"
    assert say(never, channel="sms").status == "queued"


# Mail servers


@pytest.mark.parametrize(
    ("error", "permanent", "left", "dead"),
    [
        (smtplib.SMTPRecipientsRefused({"a@b.c": (550, b"no such user")}), True, False, True),
        (smtplib.SMTPRecipientsRefused({"a@b.c": (450, b"greylisted")}), False, False, False),
        (smtplib.SMTPRecipientsRefused({"a@b.c": (550, b"5.7.1 client host blocked")}), True, False, False),
        (smtplib.SMTPRecipientsRefused({"a@b.c": (550, b"5.1.1 unknown user")}), True, False, True),
        (smtplib.SMTPSenderRefused(552, b"too large", "x"), True, False, False),
        (smtplib.SMTPDataError(451, b"try later"), False, False, False),
        (smtplib.SMTPDataError(554, b"spam"), True, False, False),
        (smtplib.SMTPAuthenticationError(535, b"who?"), False, False, False),
        (smtplib.SMTPServerDisconnected("gone"), False, True, False),
        (socket.gaierror("name not known"), False, False, False),
        (ConnectionRefusedError(), False, False, False),
        (TimeoutError(), False, True, False),
    ],
)
def test_a_mail_server_s_answer_says_whether_it_left(error: OSError, permanent: bool, left: bool, dead: bool) -> None:
    told = smtp_error(error)
    assert (told.permanent, told.left, told.address_dead) == (permanent, left, dead)


def test_an_address_beyond_ascii_is_kept_as_mail_servers_know_it() -> None:
    family = make_family(email="anna@müller.de", phone=None)
    assert family.contact_points.get(channel="email").value == "anna@xn--mller-kva.de"
    message = say(family)
    send_due()
    assert leg(message).state == "sent"


@pytest.mark.parametrize(
    ("kind", "status", "works"), [("bounce", "5.1.1", False), ("blocked", "4.2.1", True), ("bounce", "4.7.0", True)]
)
def test_a_soft_bounce_does_not_break_the_address(kind: str, status: str, works: bool) -> None:
    message = say(make_family(), channel="email")
    send_due()
    body = hooks.payload("sendgrid", "bounce", EMAIL=leg(message).address, DELIVERY=leg(message).pk)
    body = body.replace('"type": "bounce"', f'"type": "{kind}"').replace("5.1.1", status)
    hooks.sendgrid(body)
    process_receipts()
    assert leg(message).state == "bounced"
    assert leg(message).contact_point.is_valid is works


# Choosing


def ranking(family: Any, urgency: str = "normal") -> list[str]:
    topic = Topic.objects.get(slug="transactional")
    [snapshot] = take_snapshots(asks=[Ask(family.pk, urgency)], topic=topic)
    return [one.channel for one in decide(snapshot).ranking if one.eligible]


@pytest.mark.parametrize(
    ("preferred", "urgency", "then"),
    [("phone", "normal", "sms"), ("portal", "high", "email"), ("email", "high", "sms"), ("sms", "normal", "email")],
)
def test_where_nothing_is_known_the_next_channel_follows_the_first(preferred: str, urgency: str, then: str) -> None:
    family = make_family(portal=True)
    state_preference(family=family, preferred_channel=preferred)
    assert ranking(family, urgency)[:2] == [preferred, then]


# Two at once; SQLite has one writer at a time, so that there they follow each other


@side_by_side
def test_fallback_and_late_delivery_never_send_both() -> None:
    for turn in range(10):
        message = say(make_family(f"Race {turn}"), urgency="high")
        apply_state(delivery_id=leg(message).pk, state="undelivered")
        told = at_once(
            lambda message=message: fall_back(message.pk),
            lambda message=message: apply_state(delivery_id=leg(message).pk, state="delivered"),
        )
        assert not [one for one in told if isinstance(one, Exception)]
        assert not message.deliveries.filter(state=DeliveryState.QUEUED).exists()


def stop(message: Message) -> None:
    """As staff do; it may be too late."""
    with contextlib.suppress(Invalid):
        cancel_message(message=message)


@side_by_side
def test_a_stop_and_news_of_one_message_do_not_lock_each_other_up() -> None:
    for turn in range(10):
        message = say(make_family(f"Race {turn}"))
        told = at_once(
            lambda message=message: stop(message),
            lambda message=message: apply_state(delivery_id=leg(message).pk, state="delivered"),
        )
        assert not [one for one in told if isinstance(one, OperationalError)]


@side_by_side
def test_an_attempt_and_its_open_told_at_once_find_each_other() -> None:
    from crm.services import NewInteraction, record_interaction

    for turn in range(10):
        family, now = make_family(f"Race {turn}"), timezone.now()

        def tell(kind: str, seconds: int, family: Any = family, now: Any = now) -> None:
            at = now - timedelta(minutes=1, seconds=-seconds)
            record_interaction(NewInteraction(family.pk, kind, at, external_system="portal", external_id="n1"))

        at_once(lambda tell=tell: tell("email_sent", 0), lambda tell=tell: tell("email_opened", 30))
        opened = Interaction.objects.get(family=family, interaction_type="email_opened")
        assert opened.attempt is not None


@side_by_side
def test_a_text_that_two_workers_read_is_one_record() -> None:
    make_family(phone="+447700900142")
    hooks.twilio("inbound", "inbound", PHONE="+447700900142", BODY="STOP")
    at_once(*[process_receipts] * 4)
    assert Consent.objects.filter(source="stop_word").count() == 1
    assert Receipt.objects.get().tries == 1
