"""From a request to a delivery, its callbacks, its fallback: through services, jobs and the real webhooks."""

from importlib import import_module
from typing import Any

import pytest
import time_machine
from celery.exceptions import SoftTimeLimitExceeded
from django.test import Client
from django.utils import timezone

from channels.jobs import fall_back, post_echoes, process_receipts, send_due, sweep
from channels.models import Delivery, Message, PortalItem, Receipt, SandboxEcho
from channels.services import MessageRequest, mark_portal_item, send_message, send_messages
from crm.enums import CallOutcome
from crm.errors import Invalid
from crm.models import CallTask, Interaction
from crm.services import CallReport, log_call, record_consent, state_preference
from tests.factories import guardian, make_family

pytestmark = pytest.mark.django_db
# Of the same name as the job in it.
sweeping = import_module("channels.jobs.sweep")


def say(family: Any, **extra: Any) -> Message:
    extra.setdefault("body", "The hall is closed on Friday.")
    extra.setdefault("subject", "Hall closed")
    return send_message(request=MessageRequest(family_id=family.pk, **extra)).message


def let_answers_arrive(seconds: int = 40) -> None:
    with time_machine.travel(timezone.now() + timezone.timedelta(seconds=seconds), tick=True):
        while post_echoes():
            process_receipts()


def test_it_sends_by_email_where_nothing_is_known_and_the_timeline_comes_alive() -> None:
    family = make_family()
    message = say(family)
    assert message.status == "queued"
    assert send_due() == 1
    delivery = message.deliveries.get()
    assert (delivery.channel, delivery.state, delivery.provider) == ("email", "sent", "sandbox")
    let_answers_arrive()
    delivery.refresh_from_db()
    assert delivery.state in ("delivered", "engaged", "bounced")
    kinds = set(Interaction.objects.filter(family=family).values_list("interaction_type", flat=True))
    assert "email_sent" in kinds
    assert kinds & {"email_delivered", "email_bounced"}
    linked = Interaction.objects.filter(family=family, attempt__interaction_type="email_sent")
    assert linked.count() == Interaction.objects.filter(family=family).exclude(interaction_type="email_sent").count()


def test_urgent_goes_by_text_where_nothing_is_known() -> None:
    assert say(make_family(), urgency="high").decision["channel"] == "sms"


def test_the_same_key_is_said_once() -> None:
    family = make_family()
    first = send_message(request=MessageRequest(family.pk, "Hello", dedupe_key="hello-1"))
    again = send_message(request=MessageRequest(family.pk, "Hello", dedupe_key="hello-1"))
    assert again.duplicate
    assert again.message.pk == first.message.pk
    twins = send_messages(requests=[MessageRequest(family.pk, "Hi", dedupe_key="k")] * 2)
    assert [one.duplicate for one in twins if not isinstance(one, Invalid)] == [False, True]
    assert Message.objects.count() == 2


def test_a_blocked_message_says_why_and_frees_its_key() -> None:
    family = make_family(email=None, phone=None)
    message = say(family, dedupe_key="once")
    assert message.status == "blocked"
    assert message.dedupe_key is None
    assert {one["channel"]: one["eligible"] for one in message.decision["ranking"]}["email"] is False
    assert all(one["reasons"] for one in message.decision["ranking"])
    assert message.error


def test_marketing_needs_a_grant_for_the_channel() -> None:
    family = make_family()
    assert say(family, topic="marketing").status == "blocked"
    record_consent(family=family, granted=True, source="staff", channel="sms")
    assert say(family, topic="marketing").decision["channel"] == "sms"


def test_consent_withdrawn_after_queueing_is_honoured() -> None:
    family = make_family(phone=None)
    message = say(family)
    record_consent(family=family, granted=False, source="staff", channel="email")
    send_due()
    assert message.deliveries.get().state == "cancelled"
    assert not Interaction.objects.filter(family=family).exists()


def test_a_bounce_falls_back_to_the_next_channel_and_sets_the_address_aside() -> None:
    family = make_family(email="bounce@example.org")
    message = say(family)
    send_due()
    let_answers_arrive()
    first = message.deliveries.get(leg=0)
    assert first.state == "bounced"
    assert fall_back(message.pk)
    assert not fall_back(message.pk)
    second = message.deliveries.get(leg=1)
    assert second.channel == "sms"
    point = family.contact_points.get(channel="email")
    assert not point.is_valid
    assert "mailbox" in point.invalid_reason


def test_one_channel_only_never_falls_back() -> None:
    family = make_family(email="bounce@example.org")
    message = say(family, channel="email")
    send_due()
    let_answers_arrive()
    assert not fall_back(message.pk)
    message.refresh_from_db()
    assert message.status == "failed"


def test_portal_posts_to_the_inbox_and_reading_engages_once() -> None:
    family = make_family(email=None, phone=None, portal=True)
    message = say(family)
    send_due()
    item = PortalItem.objects.get(family=family)
    assert message.deliveries.get().state == "delivered"
    mark_portal_item(item=item, act="read")
    mark_portal_item(item=item, act="read")
    assert message.deliveries.get().state == "engaged"
    assert Interaction.objects.filter(interaction_type="portal_message_read").count() == 1
    assert (
        Interaction.objects.get(interaction_type="portal_message_read").attempt.interaction_type
        == "portal_message_posted"
    )


@pytest.mark.parametrize(
    ("outcome", "state"), [(CallOutcome.ANSWERED, "engaged"), (CallOutcome.WRONG_NUMBER, "failed")]
)
def test_phone_becomes_a_task_and_its_outcome_comes_back(outcome: str, state: str) -> None:
    family = make_family(email=None, sms=False)
    message = say(family)
    send_due()
    task = CallTask.objects.get(family=family)
    assert task.script == "The hall is closed on Friday."
    log_call(family=family, report=CallReport(outcome=outcome, number=task.number), by_id=None, task=task)
    assert message.deliveries.get().state == state


def test_no_answer_keeps_the_task_open_until_the_tries_are_spent() -> None:
    family = make_family(email=None, sms=False)
    message = say(family)
    send_due()
    task = CallTask.objects.get(family=family)
    for state in ("sent", "sent", "failed"):
        log_call(family=family, report=CallReport(outcome="no_answer"), by_id=None, task=task)
        assert message.deliveries.get().state == state


def test_a_child_is_never_written_to_by_accident() -> None:
    family = make_family(email=None, phone=None, child=True)
    child = family.members.get(role="student")
    family.contact_points.create(member=child, channel="email", value="sofia@example.org")
    message = say(family)
    assert message.status == "blocked"
    assert message.decision["reasons"][0]["code"] == "only_a_child"
    assert say(family, member_id=child.pk).status == "blocked"


def test_what_they_asked_for_comes_first() -> None:
    family = make_family()
    state_preference(family=family, preferred_channel="sms")
    assert say(family).decision["channel"] == "sms"


def test_a_worker_that_dies_after_its_intent_leaves_unknown_and_never_sends_again() -> None:
    family = make_family()
    message = say(family)
    Delivery.objects.update(
        state="sending", claimed_until=timezone.now() - timezone.timedelta(seconds=1), intent_at=timezone.now()
    )
    sweep()
    delivery = message.deliveries.get()
    assert delivery.state == "unknown"
    assert not SandboxEcho.objects.exists()
    assert not fall_back(message.pk)


def test_a_worker_that_dies_before_its_intent_is_done_again_once() -> None:
    message = say(make_family())
    Delivery.objects.update(
        state="sending", claimed_until=timezone.now() - timezone.timedelta(seconds=1), intent_at=None
    )
    sweep()
    assert message.deliveries.get().state == "sent"


def test_a_part_that_fails_holds_up_none_behind_it(monkeypatch: Any, caplog: Any) -> None:
    message = say(make_family())

    def broken() -> int:
        raise RuntimeError("a receipt nobody thought of")

    monkeypatch.setattr(sweeping, "process_receipts", broken)
    with pytest.raises(ExceptionGroup) as raised:
        sweep()
    assert message.deliveries.get().state == "sent"
    assert "receipts failed" in caplog.text
    assert [str(error) for error in raised.value.exceptions] == ["a receipt nobody thought of"]


def test_a_message_that_cannot_be_released_holds_up_none_behind_it(monkeypatch: Any) -> None:
    later = timezone.now() + timezone.timedelta(hours=1)
    first, second = (say(make_family(), send_after=later) for _each in range(2))
    real = sweeping._release

    def release(pk: int) -> int:
        if pk == first.pk:
            raise RuntimeError("poisoned")
        return real(pk)

    monkeypatch.setattr(sweeping, "_release", release)
    with time_machine.travel(later + timezone.timedelta(seconds=1)), pytest.raises(ExceptionGroup):
        sweep()
    assert (first.deliveries.count(), second.deliveries.get().state) == (0, "sent")


def test_when_the_time_of_a_tick_is_over_nothing_more_is_begun(monkeypatch: Any) -> None:
    def too_long() -> int:
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(sweeping, "process_receipts", too_long)
    message = say(make_family())
    with pytest.raises(SoftTimeLimitExceeded):
        sweep()
    assert message.deliveries.get().state == "queued"


def test_held_until_a_time_then_asked_again() -> None:
    family = make_family()
    later = timezone.now() + timezone.timedelta(hours=1)
    message = say(family, send_after=later)
    assert message.status == "held"
    sweep()
    assert not Delivery.objects.exists()
    record_consent(family=family, granted=False, source="staff", channel="email")
    with time_machine.travel(later + timezone.timedelta(seconds=1)):
        sweep()
    assert message.deliveries.get().channel == "sms"


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        ({"body": "  "}, "body"),
        ({"topic": "nothing"}, "topic"),
        ({"urgency": "very"}, "urgency"),
        ({"channel": "pigeon"}, "channel"),
        ({"subject": "two\nlines"}, "subject"),
        ({"sms": "x" * 1601}, "sms"),
    ],
)
def test_bad_requests_are_refused_by_field(extra: dict, field: str) -> None:
    family = make_family()
    with pytest.raises(Invalid) as refused:
        say(family, **extra)
    assert field in refused.value.errors
    assert not Message.objects.exists()


def test_a_member_of_another_family_is_refused() -> None:
    with pytest.raises(Invalid):
        say(make_family(), member_id=guardian(make_family("Novak family")).pk)


def test_many_are_decided_in_a_fixed_number_of_queries(django_assert_max_num_queries: Any) -> None:
    families = [make_family(f"Family {number}") for number in range(40)]
    with django_assert_max_num_queries(22):
        outcomes = send_messages(requests=[MessageRequest(one.pk, "Hello") for one in families])
    assert len(outcomes) == 40


def test_a_forged_callback_is_refused_and_only_counted() -> None:
    answer = Client().post("/webhooks/email/sendgrid/tracking/", data="[]", content_type="application/json")
    assert answer.status_code == 403
    assert not Receipt.objects.exists()
