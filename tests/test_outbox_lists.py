"""The outbox as a list: found by anything, counted cheaply, and acted on many at once."""

import re
import uuid
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from channels.jobs import send_due
from channels.models import Delivery, Message, Sender
from channels.selectors.tallies import MOST, Tally, count_reasons, count_states
from channels.services import MessageRequest, apply_state, send_message
from channels.services import bulk as bulk_service
from crm.models import CallTask, Change, ContactPoint, Family
from tests.factories import guardian, make_family, make_user

pytestmark = pytest.mark.django_db
URL = "/messages/"


def say(family: Family, **extra: Any) -> Message:
    extra.setdefault("body", "The hall is closed on Friday.")
    return send_message(request=MessageRequest(family_id=family.pk, **extra)).message


def broken(family: Family | None = None, code: str = "30005", **extra: Any) -> Message:
    message = say(family or make_family(), channel="sms", **extra)
    apply_state(delivery_id=message.deliveries.get().pk, state="failed", error_code=code, error="no")
    message.refresh_from_db()
    return message


def text_of(response: Any) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())))


def shown(client: Client, **query: Any) -> set[str]:
    return {row.heading for row in client.get(URL, query).context["page"].rows}


def do(client: Client, act: str, messages: list[Message], *, token: str = "", **extra: Any) -> Any:
    given = {"message": [one.pk for one in messages], "expected": len(messages), "token": token or uuid.uuid4().hex}
    return client.post(reverse("channels:messages-bulk"), {**given, "act": act, **extra}, follow=True)


# Finding


def test_every_filter_narrows(staff_client: Client, staff: Any) -> None:
    family = make_family("Okafor family")
    say(family, subject="Mine", source="staff", created_by_id=staff.pk)
    say(make_family(), subject="Campaign", source="campaign:7", topic="transactional", channel="sms")
    say(make_family(), subject="Api", source="api", channel="portal")
    broken(subject="Broken")
    sender = Sender.objects.get(channel="email")
    assert shown(staff_client, who="okaf") == {"Mine"}
    assert shown(staff_client, by="api") >= {"Api"}
    assert shown(staff_client, by="campaign") == {"Campaign"}
    assert shown(staff_client, by=staff.pk) == {"Mine"}
    assert shown(staff_client, sender=sender.pk) == {"Mine"}
    assert shown(staff_client, reason="30005") == {"Broken"}
    assert shown(staff_client, status="failed") >= {"Broken"}
    assert shown(staff_client, status="waiting", channel="sms") == {"Campaign"}
    assert shown(staff_client, topic="marketing") == set()
    today, later = timezone.localdate(), timezone.localdate() + timedelta(days=1)
    assert shown(staff_client, since=later) == set()
    assert "Mine" in shown(staff_client, since=today, until=today)
    assert "Mine" in shown(staff_client, since="never", sender="x", by="999", topic="'", family="x", reason="\x00")


def test_a_reason_is_told_in_words_with_its_number(staff_client: Client) -> None:
    for _each in range(3):
        broken()
    broken(code="21610")
    say(make_family(email=None, phone=None))
    words = text_of(staff_client.get(URL, {"status": "failed"}))
    assert "The number is unknown or no longer in use 3" in words
    assert "They texted STOP" in words
    reasons = count_reasons()
    assert next(iter(reasons)) == "30005"
    assert reasons["no_address"].number == 1


def test_counts_stop_at_a_bound(staff_client: Client, django_assert_num_queries: Any) -> None:
    broken()
    say(make_family())
    with django_assert_num_queries(1):
        counts = count_states()
    assert (counts["failed"].number, counts["queued"].number) == (1, 1)
    assert Tally(MOST + 1).words == "1,000+"
    assert Tally(12).words == "12"


def test_a_paused_vendor_stands_on_top(staff_client: Client) -> None:
    say(make_family())
    now = timezone.now()
    Sender.objects.filter(channel="email").update(
        paused_until=now + timedelta(minutes=5), failures=6, last_failed_at=now, last_error="503 Service Unavailable"
    )
    words = text_of(staff_client.get(URL))
    for part in (
        "paused",
        "It last failed on",
        "It is tried again at",
        "1 message waits",
        "urgent messages take another",
    ):
        assert part in words
    assert "503 Service Unavailable" in words


def test_what_a_message_goes_by_follows_its_deliveries() -> None:
    message = say(make_family(email="a@example.org"))
    assert (message.via, message.reason) == ("email", "")
    apply_state(delivery_id=message.deliveries.get().pk, state="bounced", error_code="bounced")
    message.refresh_from_db()
    assert (message.via, message.reason) == ("email", "bounced")
    assert say(make_family(email=None, phone=None)).reason == "no_address"


# Many at once


def test_only_managers_act_on_many(staff_client: Client) -> None:
    message = broken()
    assert "outbox-ticked" not in staff_client.get(URL).content.decode()
    assert do(staff_client, "retry", [message]).status_code == 403
    assert staff_client.post(reverse("channels:messages-bulk-undo", args=["abc"])).status_code == 403


def test_it_asks_first_and_counts_what_each_act_would_do(manager_client: Client) -> None:
    messages = [broken(), say(make_family()), say(make_family(), send_after=timezone.now() + timedelta(days=1))]
    words = text_of(manager_client.post(reverse("channels:messages-bulk"), {"message": [one.pk for one in messages]}))
    for part in ("3 messages", "Try 1 message again", "Cancel 2 messages", "Ask for 3 calls"):
        assert part in words
    assert not CallTask.objects.exists()


def test_retrying_many_says_each_once_and_can_be_taken_back(manager_client: Client) -> None:
    messages = [broken(), broken(), say(make_family())]
    arrived = say(make_family())
    apply_state(delivery_id=arrived.deliveries.get().pk, state="delivered")
    token = uuid.uuid4().hex
    answer = do(manager_client, "retry", [*messages, arrived], token=token)
    assert "2 messages are on their way again" in text_of(answer)
    assert Message.objects.count() == 6
    assert "done already" in text_of(do(manager_client, "retry", [*messages, arrived], token=token))
    assert "0 messages" in text_of(do(manager_client, "retry", messages))
    assert Message.objects.count() == 6
    assert send_due() == 1, "what was said again waits so that it can be taken back"
    assert Change.objects.filter(cid=token, actor_name="priya").count() == 4
    undone = manager_client.post(reverse("channels:messages-bulk-undo", args=[token]), follow=True)
    assert "Taken back for 2 messages" in text_of(undone)
    assert Message.objects.filter(status="cancelled").count() == 2
    messages[0].refresh_from_db()
    assert messages[0].allow_fallback is False, "it was asked for one channel only"
    assert "Taken back for 2" in text_of(
        manager_client.post(reverse("channels:messages-bulk-undo", args=[token]), follow=True)
    )
    assert "2 messages are on their way again" in text_of(do(manager_client, "retry", messages[:2]))


def test_what_still_cannot_go_leaves_nothing_behind(manager_client: Client) -> None:
    message = broken()
    ContactPoint.objects.filter(family=message.family).delete()
    assert "0 messages" in text_of(do(manager_client, "retry", [message]))
    assert Message.objects.count() == 1


def test_cancelling_many_and_taking_it_back(manager_client: Client) -> None:
    until = timezone.now() + timedelta(days=3)
    held = say(make_family(), send_after=until, dedupe_key="a")
    queued, gone = say(make_family(), dedupe_key="b"), say(make_family())
    apply_state(delivery_id=gone.deliveries.get().pk, state="sent")
    token = uuid.uuid4().hex
    answer = do(manager_client, "cancel", [held, queued, gone], token=token)
    assert "2 messages are cancelled" in text_of(answer)
    assert set(Message.objects.values_list("status", flat=True)) == {"cancelled", "sent"}
    assert send_due() == 0
    manager_client.post(reverse("channels:messages-bulk-undo", args=[token]))
    for one, status, key in ((held, "held", "a"), (queued, "queued", "b"), (gone, "sent", None)):
        one.refresh_from_db()
        assert (one.status, one.dedupe_key) == (status, key)
    assert held.hold_until == until
    assert send_due() == 1


def test_a_key_that_is_used_meanwhile_stays_with_whoever_uses_it(manager_client: Client) -> None:
    family = make_family()
    first = say(family, dedupe_key="a")
    token = uuid.uuid4().hex
    do(manager_client, "cancel", [first], token=token)
    second = say(family, dedupe_key="a")
    manager_client.post(reverse("channels:messages-bulk-undo", args=[token]))
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, first.dedupe_key, second.dedupe_key) == ("queued", None, "a")


def test_nobody_takes_back_what_somebody_else_did(manager_client: Client) -> None:
    message, token = say(make_family()), uuid.uuid4().hex
    do(manager_client, "cancel", [message], token=token)
    other = Client()
    other.force_login(make_user("grace", superuser=True))
    other.post(reverse("channels:messages-bulk-undo", args=[token]))
    message.refresh_from_db()
    assert message.status == "cancelled"


def test_calls_are_asked_for_once_a_family_with_what_to_say(manager_client: Client) -> None:
    family = make_family()
    messages = [broken(family, subject="First"), broken(family, subject="Second"), broken()]
    waits = make_family()
    CallTask.objects.create(family=waits, reason="x", due_at=timezone.now())
    token = uuid.uuid4().hex
    answer = do(manager_client, "calls", [*messages, broken(waits)], token=token)
    assert "2 calls are on the list" in text_of(answer)
    task = CallTask.objects.get(family=family)
    assert (task.reason, task.script, task.member) == ("Second", "The hall is closed on Friday.", guardian(family))
    do(manager_client, "calls", messages, token=token)
    assert CallTask.objects.count() == 3
    manager_client.post(reverse("channels:messages-bulk-undo", args=[token]))
    assert CallTask.objects.filter(state="cancelled").count() == 2


def test_what_is_not_certain_is_settled_for_many(manager_client: Client) -> None:
    messages = [say(make_family()) for _each in range(2)]
    for one in messages:
        apply_state(delivery_id=one.deliveries.get().pk, state="unknown")
    assert "2 messages arrived" in text_of(do(manager_client, "arrived", messages))
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
    assert "0 messages did not" in text_of(do(manager_client, "lost", messages))


def test_all_that_the_filters_find_and_no_more(manager_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(subject="Fees")
    broken(subject="Fees", code="21610")
    say(make_family())
    found = {"scope": "found", "query": "status=failed&reason=30005"}
    url = reverse("channels:messages-bulk")
    assert "1 message" in text_of(manager_client.post(url, found))
    assert "The list has changed" in text_of(manager_client.post(url, {**found, "act": "retry", "expected": "7"}))
    answer = manager_client.post(url, {**found, "act": "retry", "expected": "1"}, follow=True)
    assert "1 message is on its way again" in text_of(answer)


def test_many_need_the_same_statements_as_few(manager_client: Client, django_assert_max_num_queries: Any) -> None:
    staff = make_user("somebody")
    few = [broken() for _each in range(2)]
    many = [broken() for _each in range(12)]
    for act in (
        lambda ids: bulk_service.retry_many(ids=ids, by_id=staff.pk, token=uuid.uuid4().hex),
        lambda ids: bulk_service.cancel_many(ids=ids, token=uuid.uuid4().hex),
    ):
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        numbers = []
        for messages in (few, many):
            with CaptureQueriesContext(connection) as asked:
                act([one.pk for one in messages])
            numbers.append(len(asked))
        assert numbers[0] == numbers[1], numbers


def test_single_acts_are_written_down(staff_client: Client) -> None:
    message = say(make_family(), send_after=timezone.now() + timedelta(days=1))
    staff_client.post(reverse("channels:message-cancel", args=[message.pk]))
    entry = Change.objects.get(object_id=message.pk, content_type__model="message")
    assert (entry.actor_name, entry.changes) == ("nora", {"status": ["held", "cancelled"]})
    assert entry.family_id == message.family_id


def test_an_act_on_nothing_says_so(manager_client: Client) -> None:
    answer = manager_client.post(reverse("channels:messages-bulk"), {"act": "cancel"}, follow=True)
    assert "Tick the messages first." in text_of(answer)
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        assert manager_client.get(reverse("channels:messages-bulk-undo", args=["x"])).status_code == 302
