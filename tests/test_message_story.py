"""What a message's page tells of its tries and of vendors' answers, and to whom; and a template chosen in the form."""

import json
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from channels.jobs import fall_back, send_due, sweep
from channels.models import Message, Receipt, SendAnswer
from channels.rendering import Text
from channels.selectors.raw import vendor_answers
from channels.selectors.story import find_message
from channels.services import MessageRequest, apply_state, send_message
from channels.services.answers import LONGEST, _secrets, without_secrets
from channels.services.templates import Draft, TemplateDetails, archive_template, create_template
from crm.models import Family, Topic
from tests import doubles
from tests.doubles import Double, http_double
from tests.factories import make_family, make_user

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def fresh_secrets() -> Iterator[None]:
    """Credentials are those of this test's settings."""
    _secrets.cache_clear()
    yield
    _secrets.cache_clear()


def say(family: Family | None = None, **extra: Any) -> Message:
    extra.setdefault("body", "The hall is closed.")
    return send_message(request=MessageRequest((family or make_family()).pk, **extra)).message


def page_of(message: Message, client: Client) -> str:
    answer = client.get(message.get_absolute_url())
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode())))


def boss() -> Client:
    client = Client()
    client.force_login(make_user("grace", superuser=True))
    return client


def test_the_answer_to_a_send_is_for_administrators_only(twilio: Double, staff_client: Client) -> None:
    message = say(channel="sms")
    send_due()
    delivery = message.deliveries.get()
    kept = SendAnswer.objects.get(delivery=delivery)
    assert kept.raw.startswith("201 ")
    assert delivery.provider_id in kept.raw
    assert "status" not in page_of(message, staff_client)
    told = page_of(message, boss())
    assert delivery.provider_id in told
    assert "answer to try 1" in told


def test_credentials_are_struck_out_and_long_answers_are_cut(settings: Any, twilio: Double) -> None:
    settings.TWILIO_AUTH_TOKEN = "a-very-secret-token"
    twilio.answer = lambda seen: (400, "application/json", json.dumps({
        "code": 21617, "message": "token a-very-secret-token " + "x" * 9_000, "status": 400,
    }))  # fmt: skip
    message = say(channel="sms")
    send_due()
    kept = SendAnswer.objects.get(delivery__message=message)
    assert "a-very-secret-token" not in kept.raw
    assert "•••" in kept.raw
    assert len(kept.raw) == LONGEST
    assert without_secrets("a\x00b") == "ab"


def test_an_email_vendors_answer_is_kept_too(fresh_registry: None, settings: Any) -> None:
    with http_double(lambda seen: (400, "application/json", '{"errors": [{"message": "bad"}]}')) as double:
        settings.EMAIL_PROVIDER, settings.EMAIL_BACKEND = "sendgrid", "anymail.backends.sendgrid.EmailBackend"
        settings.ANYMAIL = {
            **settings.ANYMAIL,
            "SENDGRID_API_URL": f"{double.url}/v3/",
            "SENDGRID_API_KEY": "SG.secret",
        }
        message = say(channel="email")
        send_due()
    kept = SendAnswer.objects.get(delivery__message=message)
    assert kept.raw.startswith("400 ")
    assert kept.code == "400"


def test_every_try_is_a_step_and_the_next_time_is_told(twilio: Double, staff_client: Client) -> None:
    twilio.answer = doubles.too_many
    message = say(channel="sms")
    send_due()
    words = page_of(message, staff_client)
    assert "Try 1 failed" in words
    assert "Tries again at" in words
    twilio.answer = doubles.twilio_yes
    with time_machine.travel(timezone.now() + timedelta(minutes=15), tick=True):
        send_due()
        words = page_of(message, staff_client)
    assert words.index("Try 1 failed") < words.index("Handed to the vendor")
    assert [one.number for one in SendAnswer.objects.order_by("id")] == [1, 2]


def test_why_the_next_channel_came_is_said(staff_client: Client) -> None:
    message = say()
    apply_state(delivery_id=message.deliveries.get().pk, state="bounced", error_code="bounced", error="550")
    fall_back(message.pk)
    assert "Email: bounced. So this channel was next." in page_of(message, staff_client)


def test_only_callbacks_that_name_a_delivery_are_shown_and_of_a_batch_their_part() -> None:
    family = make_family()
    message, other = say(family, dedupe_key="a"), say(family, dedupe_key="b")
    mine, theirs = message.deliveries.get().pk, other.deliveries.get().pk

    def receipt(body: str, query: str = "") -> None:
        kept = Receipt.objects.create(
            source="x", digest=uuid.uuid4().hex, path="/", query=query, body=body.encode(), received_at=timezone.now()
        )
        kept.families.add(family)

    receipt(json.dumps([{"delivery": str(mine), "event": "open"}, {"delivery": str(theirs), "event": "secret"}]))
    receipt("MessageStatus=sent", f"delivery={mine}")
    receipt("MessageStatus=sent", f"delivery={mine}0")
    receipt("MessageStatus=lost", f"delivery={theirs}")
    bodies = [one.body for one in vendor_answers(find_message(message.pk))]
    assert len(bodies) == 2
    assert "open" in bodies[0]
    assert "secret" not in bodies[0]
    assert bodies[1] == "MessageStatus=sent"


def test_raw_answers_are_forgotten_after_a_month(twilio: Double) -> None:
    say(channel="sms")
    send_due()
    with time_machine.travel(timezone.now() + timedelta(days=31), tick=True):
        sweep()
    assert not SendAnswer.objects.exists()


# A template in the form


def compose(client: Client, family: Family, **extra: Any) -> Any:
    given = {
        "channel": "best", "member": "", "topic": "transactional", "urgency": "normal", "subject": "", "body": "",
        "sms": "", "when": "now", "send_at": "", "token": str(uuid.uuid4()), **extra,
    }  # fmt: skip
    return client.post(reverse("channels:compose", args=[family.pk]), given, headers=HTMX)


@pytest.fixture
def template() -> Any:
    topic = Topic.objects.get(slug="transactional")
    text = Text("Fees for {{ family.name }}", "Dear {{ member.first_name }}, fees are due.", {})
    return create_template(details=TemplateDetails("Fees", "fees", topic), draft=Draft("en", text))


def test_a_template_is_chosen_read_and_sent(staff_client: Client, template: Any) -> None:
    family = make_family("Martinez family")
    assert 'name="template"' in staff_client.get(reverse("channels:compose", args=[family.pk])).content.decode()
    preview = staff_client.post(
        reverse("channels:compose-preview", args=[family.pk]), {"template": "fees", "channel": "best"}, headers=HTMX
    )
    assert "Dear Elena, fees are due." in preview.content.decode()
    assert compose(staff_client, family, template="fees", body="what was typed before").status_code == 200
    message = Message.objects.get()
    assert (message.subject, message.body) == ("Fees for Martinez family", "Dear Elena, fees are due.")
    assert message.template_version_id == template.version_id
    back = staff_client.post(reverse("channels:compose-undo", args=[message.pk]), headers=HTMX)
    assert '<option value="fees" selected>' in back.content.decode()
    assert "what was typed before" in back.content.decode()


def test_a_template_that_is_gone_meanwhile_is_said(staff_client: Client, template: Any) -> None:
    archive_template(template_id=template.pk)
    answer = compose(staff_client, make_family(), template="fees", body="My own words")
    other = create_template(
        details=TemplateDetails("Other", "other", template.topic), draft=Draft("en", Text("s", "b", {}))
    )
    assert other.pk
    answer = compose(staff_client, make_family(), template="fees")
    assert answer.status_code == 422
    assert "no longer in use" in answer.content.decode()


def test_without_words_and_template_nothing_is_sent(staff_client: Client, template: Any) -> None:
    answer = compose(staff_client, make_family())
    assert answer.status_code == 422
    assert "Write what should be said." in answer.content.decode()
