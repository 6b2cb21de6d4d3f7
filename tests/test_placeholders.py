"""Placeholders of single messages: filled for the person who is reached, refused where they are unknown."""

import uuid
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from channels.jobs import fall_back
from channels.models import Delivery, Message
from channels.services import MessageRequest, send_message, send_messages
from channels.services.again import send_again
from crm.models import ContactPoint, Family, Member
from tests.factories import guardian, make_family

pytestmark = pytest.mark.django_db
HELLO = "Dear {{ member.first_name }} of {{ family.name }}"


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm.wake._send", lambda *_arguments: None)


def draft(**extra: Any) -> dict[str, Any]:
    plain = {"channel": "best", "topic": "transactional", "urgency": "normal", "body": HELLO, "when": "now"}
    return {**plain, "token": str(uuid.uuid4()), **extra}


def compose(client: Client, family: Family, **extra: Any) -> Any:
    return client.post(reverse("channels:compose", args=[family.pk]), draft(**extra), follow=True)


def test_a_single_message_calls_the_person_by_name(staff_client: Client) -> None:
    family = make_family("Martinez family")
    compose(staff_client, family, subject="For {{ family.name }}", sms="Hi {{ member.first_name }}")
    message = Message.objects.get()
    assert (message.subject, message.body, message.sms) == (
        "For Martinez family", "Dear Elena of Martinez family", "Hi Elena",
    )  # fmt: skip
    assert (message.personal, message.member, message.named_member) == (True, guardian(family), False)


def test_two_clicks_with_names_are_one_message(staff_client: Client) -> None:
    family, same = make_family(), draft()
    for _click in range(2):
        answer = staff_client.post(reverse("channels:compose", args=[family.pk]), same, follow=True)
        assert answer.status_code == 200
    assert Message.objects.count() == 1
    assert "Queued already" in answer.content.decode()


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"body": "Hello {{ member.name }}"}, "There is no “member.name” to fill in"),
        ({"subject": "{{ child }}"}, "There is no “child” to fill in"),
        ({"sms": "{{ family.name"}, "cannot be read"),
        ({"body": "{% if x %}{% endif %}"}, "unexpected tag"),
        ({"sms": "x" * 1500 + "{{ family.name }}"}, "With a long name"),
    ],
)
def test_what_cannot_be_filled_in_is_refused_with_what_was_typed(
    staff_client: Client, extra: dict[str, str], words: str
) -> None:
    answer = compose(staff_client, make_family(), **extra)
    assert answer.status_code == 422
    assert words in unescape(answer.content.decode())
    assert next(iter(extra.values())) in unescape(answer.content.decode())
    assert not Message.objects.exists()


def test_the_preview_shows_the_text_as_they_read_it(staff_client: Client) -> None:
    family = make_family("Martinez family")
    address = reverse("channels:compose-preview", args=[family.pk])
    page = staff_client.post(address, draft(sms="Hi {{ member.first_name }}")).content.decode()
    assert "Dear Elena of Martinez family" in page
    page = staff_client.post(address, draft(channel="sms", sms="Hi {{ member.first_name }}")).content.decode()
    assert "Hi Elena" in page
    assert "compose-reads" not in staff_client.post(address, draft(body="Hello")).content.decode()


def test_names_are_never_run_as_placeholders(staff_client: Client) -> None:
    family = make_family("Ashe {{ member.first_name }} {% now 'Y' %}")
    compose(staff_client, family, body="Dear {{ family.name }}")
    assert Message.objects.get().body == f"Dear {family.name}"
    again = Message.objects.get()
    Message.objects.update(status="failed")
    assert send_again(message=again, created_by_id=None).message.body == f"Dear {family.name}"


def test_a_text_that_names_somebody_goes_to_nobody_else() -> None:
    family = make_family("Martinez family", phone=None)
    david = Member.objects.create(family=family, name="David Martinez", role="guardian")
    ContactPoint.objects.create(family=family, member=david, channel="sms", value="+447700900178")
    for body, legs in ((HELLO, 1), ("Dear all", 2)):
        message = send_message(request=MessageRequest(family.pk, body=body, context={})).message
        Delivery.objects.filter(message=message).update(state="bounced", error_code="550")
        Message.objects.filter(pk=message.pk).update(status="failed")
        assert fall_back(message.pk) is (legs == 2)
        assert Delivery.objects.filter(message=message).count() == legs


def test_a_repeat_is_known_by_its_key_whoever_is_named() -> None:
    family = make_family()
    request = MessageRequest(family.pk, body=HELLO, context={}, dedupe_key="fair")
    assert [send_message(request=request).duplicate for _twice in range(2)] == [False, True]


def test_values_of_the_sender_are_text_in_html() -> None:
    family = make_family("O'Neill & Sons")
    context = {"day": "<b>Friday</b>", "child": {"name": "Sofia", "age": 9}}
    message = send_message(
        request=MessageRequest(
            family.pk,
            body="{{ day }}: {{ child.name }}, {{ child.age }}",
            html="<p>{{ day }} {{ family.name }}</p>",
            context=context,
        )
    ).message
    assert message.body == "<b>Friday</b>: Sofia, 9"
    assert message.html == "<p>&lt;b&gt;Friday&lt;/b&gt; O&#x27;Neill &amp; Sons</p>"
    assert message.personal is False


def test_many_are_filled_in_as_few_queries_as_one() -> None:
    counts = []
    say_hello = MessageRequest(make_family().pk, body=HELLO, context={})
    send_messages(requests=[say_hello])  # enters the channel's sender
    for number in (2, 12):
        requests = [MessageRequest(make_family().pk, body=HELLO, context={}) for _one in range(number)]
        with CaptureQueriesContext(connection) as seen:
            send_messages(requests=requests)
        counts.append(len(seen))
    assert counts[0] == counts[1]
    assert set(Message.objects.values_list("personal", flat=True)) == {True}


def test_what_a_call_was_asked_for_is_said_with_a_way_back(staff_client: Client) -> None:
    family = make_family()
    answer = staff_client.post(
        reverse("channels:compose", args=[family.pk]), draft(channel="phone"), headers={"HX-Request": "true"}
    )
    page = unescape(answer.content.decode())
    assert "A call to Elena is asked for" in page
    assert reverse("channels:compose-undo", args=[Message.objects.get().pk]) in page
    assert "score" not in staff_client.get(Message.objects.get().get_absolute_url()).content.decode()
