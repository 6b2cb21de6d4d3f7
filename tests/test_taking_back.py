"""Taking back a call: its task is open again, with the message that it carried, as far as that is still safe."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from channels.jobs import fall_back, send_due
from channels.models import Message
from channels.services import MessageRequest, send_message
from crm.models import CallTask, Family, Interaction
from crm.services import create_call_task
from tests.factories import make_family

pytestmark = pytest.mark.django_db


@pytest.fixture
def family() -> Family:
    return make_family("Martinez family", phone="+447700900142")


@pytest.fixture
def task(family: Family) -> CallTask:
    return create_call_task(family=family, reason="Fees", due_at=timezone.now() - timedelta(hours=1))


def close(client: Client, task: CallTask, outcome: str, **given: Any) -> Interaction:
    token = f"t{Interaction.objects.count()}"
    path = reverse("crm:call-task-close", args=[task.pk], query={"show": "all"})
    client.post(path, {"outcome": outcome, "token": token, **given})
    return Interaction.objects.filter(category="call").latest("pk")


def undo(client: Client, interaction: Interaction, **query: str) -> str:
    answer = client.post(reverse("crm:undo-interaction", args=[interaction.pk], query=query), follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def fresh(task: CallTask) -> CallTask:
    task.refresh_from_db()
    return task


def test_an_answered_call_that_is_taken_back_is_on_the_list_again(staff_client: Client, task: CallTask) -> None:
    call = close(staff_client, task, "answered")
    page = staff_client.get(reverse("crm:calls")).content.decode()
    assert f'action="{reverse("crm:undo-interaction", args=[call.pk])}?show=all"' in page
    answer = staff_client.post(reverse("crm:undo-interaction", args=[call.pk], query={"show": "all"}))
    assert answer.headers["Location"] == reverse("crm:calls", query={"show": "all", "task": task.pk})
    assert (
        "Call taken back. The call is on the list again."
        in staff_client.get(answer.headers["Location"]).content.decode()
    )
    found = fresh(task)
    assert (found.state, found.outcome, found.tries, found.interaction_id) == ("open", "", 0, None)
    assert (found.closed_at, found.closed_by) == (None, None)
    second = close(staff_client, task, "answered")
    assert (fresh(task).state, fresh(task).interaction_id) == ("done", second.pk)


def test_taking_back_twice_reopens_once(staff_client: Client, task: CallTask) -> None:
    call = close(staff_client, task, "answered")
    undo(staff_client, call)
    again = close(staff_client, task, "answered")
    undo(staff_client, call)
    assert (fresh(task).state, fresh(task).interaction_id, fresh(task).tries) == ("done", again.pk, 1)


def test_a_try_that_is_taken_back_counts_no_more(staff_client: Client, task: CallTask) -> None:
    first = close(staff_client, task, "busy")
    second = close(staff_client, task, "no_answer")
    assert (fresh(task).tries, fresh(task).due_at > timezone.now()) == (2, True)
    assert "The call is to be made again." in undo(staff_client, second)
    found = fresh(task)
    assert (found.tries, found.outcome, found.interaction_id) == (1, "busy", first.pk)
    assert found.due_at <= timezone.now()
    assert found.put_off_at is None


def test_an_earlier_try_that_is_taken_back_leaves_the_later_one_alone(staff_client: Client, task: CallTask) -> None:
    first = close(staff_client, task, "busy")
    second = close(staff_client, task, "answered")
    undo(staff_client, first)
    assert (fresh(task).state, fresh(task).interaction_id) == ("done", second.pk)
    undo(staff_client, second)
    assert (fresh(task).state, fresh(task).outcome, fresh(task).interaction_id) == ("open", "", None)


def test_a_wrong_number_stays_set_aside_and_that_is_said(staff_client: Client, task: CallTask) -> None:
    call = close(staff_client, task, "wrong_number", number="+447700900142")
    assert "The number stays set aside" in undo(staff_client, call)
    assert not task.family.contact_points.get(channel="phone").is_valid


def test_a_call_without_a_task_is_just_taken_back(staff_client: Client, task: CallTask) -> None:
    typed = {"token": "8d3f5d5e-8f3a-4a44-9a55-111111111111", "outcome": "answered", "direction": "out", "who": ":"}
    staff_client.post(
        reverse("crm:log-call", args=[task.family_id]),
        typed | {"occurred_at": f"{timezone.localtime():%Y-%m-%dT%H:%M}", "next": ""},
    )
    call = Interaction.objects.get(category="call")
    assert "Call taken back" in undo(staff_client, call)
    assert fresh(task).state == "open"


# The message that a call carried


def say(family: Family, **extra: Any) -> tuple[Message, CallTask]:
    request = MessageRequest(family.pk, "The hall is closed.", subject="Hall", channel="phone", **extra)
    message = send_message(request=request).message
    send_due()
    return message, CallTask.objects.get(source__startswith="delivery:")


def states(message: Message) -> list[tuple[str, str]]:
    return [(one.channel, one.state) for one in message.deliveries.order_by("leg")]


def status(message: Message) -> str:
    return Message.objects.get(pk=message.pk).status


def test_a_message_waits_for_its_call_again(staff_client: Client, family: Family) -> None:
    message, task = say(family)
    call = close(staff_client, task, "answered")
    assert (states(message), status(message)) == ([("phone", "engaged")], "engaged")
    assert "The call is on the list again." in undo(staff_client, call)
    assert (states(message), status(message)) == ([("phone", "sent")], "sent")
    close(staff_client, fresh(task), "answered")
    assert (states(message), status(message)) == ([("phone", "engaged")], "engaged")


def spent(client: Client, task: CallTask) -> Interaction:
    CallTask.objects.filter(pk=task.pk).update(max_tries=1)
    return close(client, task, "no_answer")


def test_a_failed_call_that_is_taken_back_keeps_other_channels_still(staff_client: Client, family: Family) -> None:
    message, task = say(family, allow_fallback=True)
    call = spent(staff_client, task)
    assert states(message) == [("phone", "failed")]
    undo(staff_client, call)
    assert (states(message), status(message), fresh(task).state) == ([("phone", "sent")], "sent", "open")
    assert not fall_back(message.pk)
    delivery = message.deliveries.get()
    assert (delivery.error_code, delivery.error) == ("", "")


def test_a_next_channel_that_still_waits_gives_way_to_the_call(staff_client: Client, family: Family) -> None:
    message, task = say(family, allow_fallback=True)
    call = spent(staff_client, task)
    assert fall_back(message.pk)
    assert len(states(message)) == 2
    undo(staff_client, call)
    assert (states(message), fresh(task).state) == ([("phone", "sent")], "open")
    spent(staff_client, task)
    assert fall_back(message.pk)
    assert [state for _channel, state in states(message)] == ["failed", "queued"]


def test_what_has_gone_out_on_another_channel_is_not_said_twice(staff_client: Client, family: Family) -> None:
    message, task = say(family, allow_fallback=True)
    call = spent(staff_client, task)
    fall_back(message.pk)
    send_due()
    before = states(message)
    assert before[1][1] in ("sent", "delivered")
    page = undo(staff_client, call)
    assert "No call is on the list: meanwhile the message has gone out by" in page
    assert (states(message), fresh(task).state) == (before, "done")
    assert Interaction.objects.filter(interaction_type="correction").count() == 1
