"""Cards that stand for a time in the portal, and calls that wait for somebody: what happens when the time is over."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from channels.jobs import fall_back, send_due, sweep
from channels.jobs.expiring import expire_calls, expire_cards
from channels.models import Delivery, Message, PortalItem
from channels.services import MessageRequest, mark_portal_item, send_message
from crm.models import CallTask, Family
from crm.services import CallReport, log_call
from tests.factories import make_family, make_user

pytestmark = pytest.mark.django_db


def post(family: Family, hours: float = 48, **extra: Any) -> Message:
    """A message whose first channel is the portal, where its card stands for some hours."""
    extra.setdefault("allow_fallback", True)
    variants = {"portal": {"stands_hours": hours, "link": "https://portal.example/hall"}}
    request = MessageRequest(family.pk, "The hall is closed.", "Hall", channel="portal", variants=variants, **extra)
    message = send_message(request=request).message
    send_due()
    return message


def later(**ahead: float) -> Any:
    return time_machine.travel(timezone.now() + timedelta(**ahead), tick=True)


def test_an_unread_card_goes_to_the_next_channel_when_its_time_is_over() -> None:
    message = post(make_family(portal=True, phone=None))
    assert PortalItem.objects.get().link == "https://portal.example/hall"
    with later(hours=47):
        sweep()
        assert message.deliveries.get().state == "delivered"
    with later(hours=49):
        sweep()
        sweep()
        assert [(leg.channel, leg.state) for leg in message.deliveries.order_by("leg")] == [
            ("portal", "expired"), ("email", "sent"),
        ]  # fmt: skip
    assert PortalItem.objects.get().expired_at is not None


@pytest.mark.parametrize("act", ["read", "click", "dismiss"])
def test_a_card_that_was_seen_is_done(act: Any) -> None:
    message = post(make_family(portal=True))
    mark_portal_item(item=PortalItem.objects.get(), act=act)
    with later(hours=49):
        assert expire_cards() == 0
        sweep()
    assert message.deliveries.get().state == ("delivered" if act == "dismiss" else "engaged")


def test_one_channel_only_just_ends() -> None:
    message = post(make_family(portal=True), allow_fallback=False)
    with later(hours=49):
        sweep()
    message.refresh_from_db()
    assert (message.status, message.deliveries.get().state) == ("failed", "expired")


def test_whoever_reads_it_late_has_read_it_and_nothing_more_goes_out() -> None:
    message = post(make_family(portal=True, phone=None))
    with later(hours=49):
        expire_cards()
        assert fall_back(message.pk)
        mark_portal_item(item=PortalItem.objects.get(), act="read")
        send_due()
    assert list(message.deliveries.order_by("leg").values_list("state", flat=True)) == ["engaged", "cancelled"]


def test_many_cards_end_in_a_fixed_number_of_statements(django_assert_num_queries: Any) -> None:
    for _each in range(12):
        post(make_family(portal=True))
    with later(hours=49), django_assert_num_queries(8):
        assert expire_cards() == 12
    with later(hours=50):
        assert expire_cards() == 0
    assert set(Delivery.objects.values_list("state", flat=True)) == {"expired"}


def test_the_installation_may_say_how_long_cards_stand(settings: Any) -> None:
    post(make_family(portal=True), hours=0)
    assert PortalItem.objects.get().expires_at is None
    settings.PORTAL_CARD_HOURS = 24
    post(make_family(portal=True), hours=0)
    card = PortalItem.objects.latest("pk")
    assert card.expires_at == card.posted_at + timedelta(hours=24)


def ask_for_a_call(family: Family, **extra: Any) -> tuple[Message, CallTask]:
    message = send_message(request=MessageRequest(family.pk, "Ask about Friday.", channel="phone", **extra)).message
    send_due()
    return message, CallTask.objects.get(family=family)


def test_a_call_says_what_the_message_has_for_the_phone() -> None:
    variants = {"phone": {"text": "Say that the hall is closed, and ask for a new day."}}
    _message, task = ask_for_a_call(make_family(), variants=variants)
    assert task.script == "Say that the hall is closed, and ask for a new day."


def test_a_call_that_nobody_made_in_time_goes_to_the_next_channel(settings: Any) -> None:
    message, task = ask_for_a_call(make_family(email=None), allow_fallback=True)
    with time_machine.travel(task.due_at + timedelta(hours=settings.CALL_OVERDUE_HOURS - 1), tick=True):
        sweep()
        assert message.deliveries.get().state == "sent"
    with time_machine.travel(task.due_at + timedelta(hours=settings.CALL_OVERDUE_HOURS, minutes=1), tick=True):
        sweep()
    task.refresh_from_db()
    message.refresh_from_db()
    assert task.state == "cancelled"
    assert message.stopped_at is None, "nobody called it off"
    assert [(leg.channel, leg.state) for leg in message.deliveries.order_by("leg")] == [
        ("phone", "expired"), ("sms", "sent"),
    ]  # fmt: skip


def test_where_nothing_follows_the_call_becomes_everybodys_and_urgent(settings: Any, staff: Any) -> None:
    family = make_family("Okafor family")
    message, task = ask_for_a_call(family)
    CallTask.objects.update(assignee=make_user("vera"))
    with time_machine.travel(task.due_at + timedelta(hours=settings.CALL_OVERDUE_HOURS + 1), tick=True):
        for _again in range(2):
            sweep()
        client = Client()
        client.force_login(staff)
        page = client.get(reverse("dashboard")).content.decode()
    task.refresh_from_db()
    assert (task.state, task.urgent, task.assignee) == ("open", True, None)
    assert message.deliveries.get().state == "expired"
    assert "Okafor family" in page
    log_call(family=family, report=CallReport(outcome="answered", number=task.number), by_id=None, task=task)
    assert message.deliveries.get().state == "engaged", "late is better than never"


def test_a_call_that_is_being_made_or_was_put_off_is_waited_for(settings: Any, staff: Any) -> None:
    message, task = ask_for_a_call(make_family(), allow_fallback=True)
    over = task.due_at + timedelta(hours=settings.CALL_OVERDUE_HOURS, minutes=1)
    with time_machine.travel(over, tick=True):
        CallTask.objects.update(held_by=staff, held_until=over + timedelta(minutes=2))
        assert expire_calls() == 0
        CallTask.objects.update(held_by=None, held_until=None, due_at=over)
        assert expire_calls() == 0
        assert message.deliveries.get().state == "sent"


def test_calls_that_staff_asked_for_are_left_alone(settings: Any) -> None:
    family = make_family()
    task = CallTask.objects.create(family=family, reason="Ask", due_at=timezone.now() - timedelta(days=9))
    assert expire_calls() == 0
    task.refresh_from_db()
    assert (task.state, task.urgent) == ("open", False)
