"""WhatsApp and RCS: by Twilio's own client against a double, its callbacks, and the window of 24 hours."""

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from channels.jobs import fall_back, process_receipts, send_due
from channels.models import Delivery, Message
from channels.services import MessageRequest, send_message
from crm.models import Consent, Family, Interaction
from tests import doubles, hooks
from tests.doubles import Double
from tests.factories import guardian, make_family, make_interaction

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_registry")]
SID = "HX" + "1" * 32
TEMPLATE = {"whatsapp": {"template": SID, "variables": {"1": "Elena", "2": 3}}}


@pytest.fixture
def chats(twilio: Double, settings: Any) -> Double:
    """Chats go to a double that stands for Twilio."""
    settings.WHATSAPP_PROVIDER = settings.RCS_PROVIDER = "twilio"
    settings.TWILIO_WHATSAPP_FROM, settings.TWILIO_RCS_FROM = "+447700900001", "riverbend_agent"
    return twilio


def chatting(channel: str = "whatsapp", *, wrote_hours_ago: float | None = None, **extra: Any) -> Family:
    """A family on a chat channel that wrote to us so long ago, or never."""
    family = make_family(**extra)
    number = guardian(family).contact_points.get(channel="phone").value
    family.contact_points.create(member=guardian(family), channel=channel, value=number, is_primary=True)
    if wrote_hours_ago is not None:
        at = timezone.now() - timedelta(hours=wrote_hours_ago)
        make_interaction(family, "whatsapp_received", at, member_id=guardian(family).pk, metadata={"sender": number})
    return family


def say(family: Family, channel: str = "whatsapp", **extra: Any) -> Message:
    return send_message(request=MessageRequest(family.pk, "The hall is closed.", channel=channel, **extra)).message


def kinds(family: Family) -> list[str]:
    return sorted(Interaction.objects.filter(family=family).values_list("interaction_type", flat=True))


def test_an_approved_template_goes_at_any_time(chats: Double) -> None:
    message = say(chatting(), variants=TEMPLATE)
    send_due()
    delivery = message.deliveries.get()
    form = chats.seen[0].form
    assert (form["To"], form["From"]) == (f"whatsapp:{delivery.address}", "whatsapp:+447700900001")
    assert form["ContentSid"] == SID
    assert json.loads(form["ContentVariables"]) == {"1": "Elena", "2": "3"}
    assert "Body" not in form
    assert form["StatusCallback"].endswith(f"?delivery={delivery.pk}#rc=5&rp=all")
    assert delivery.state == "sent"


def test_free_text_goes_while_the_window_is_open(chats: Double) -> None:
    message = say(chatting(wrote_hours_ago=23))
    send_due()
    assert chats.seen[0].form["Body"] == "The hall is closed."
    assert message.deliveries.get().state == "sent"


@pytest.mark.parametrize("wrote_hours_ago", [None, 24, 30])
def test_free_text_outside_the_window_is_refused_with_the_reason(chats: Double, wrote_hours_ago: float | None) -> None:
    message = say(chatting(wrote_hours_ago=wrote_hours_ago))
    send_due()
    assert message.status == "blocked"
    assert message.decision["reasons"][0]["code"] == "window_closed"
    assert "24 hours" in message.error
    assert not chats.seen


def test_the_window_is_the_numbers_own(chats: Double) -> None:
    """Elena wrote, David did not: free text goes to her number alone, whoever is the main contact."""
    family = chatting(wrote_hours_ago=1)
    david = family.members.create(name="David Martinez", role="guardian")
    family.contact_points.filter(channel="whatsapp").update(is_primary=False)
    family.contact_points.create(member=david, channel="whatsapp", value="+447700900777", is_primary=True)
    assert say(family, member_id=david.pk).decision["reasons"][0]["code"] == "window_closed"
    assert say(family).deliveries.get().address == guardian(family).contact_points.get(channel="whatsapp").value
    assert say(family, variants=TEMPLATE).deliveries.get().address == "+447700900777"


def test_a_window_that_closes_before_it_leaves_stops_it_and_another_channel_takes_over(chats: Double) -> None:
    family = chatting(wrote_hours_ago=23, email=None)
    message = say(family, allow_fallback=True)
    assert message.deliveries.get().channel == "whatsapp"
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=True):
        send_due()
        first = message.deliveries.get()
        assert (first.state, first.error_code) == ("cancelled", "window_closed")
        assert not chats.seen
        assert fall_back(message.pk)
        send_due()
    assert message.deliveries.get(leg=1).channel in ("sms", "phone")
    assert all("whatsapp" not in one.form["To"] for one in chats.seen)


def test_a_new_number_that_never_wrote_is_not_written_to_blindly(chats: Double) -> None:
    """The address changed after the decision: the one that stands now has no window."""
    family = chatting(wrote_hours_ago=1)
    message = say(family)
    family.contact_points.filter(channel="whatsapp").update(value="+447700900778")
    send_due()
    assert message.deliveries.get().error_code == "window_closed"
    assert not chats.seen


def test_many_are_looked_at_in_one_question_more(chats: Double, django_assert_max_num_queries: Any) -> None:
    from channels.services import send_messages

    families = [chatting(wrote_hours_ago=1) for _each in range(20)]
    with django_assert_max_num_queries(24):
        send_messages(requests=[MessageRequest(one.pk, "Hello", channel="whatsapp") for one in families])
    assert Delivery.objects.filter(channel="whatsapp").count() == 20


def test_rcs_goes_as_rcs_alone(chats: Double, settings: Any) -> None:
    message = say(chatting("rcs"), "rcs")
    send_due()
    form = chats.seen[0].form
    assert (form["To"], form["From"]) == (f"rcs:{message.deliveries.get().address}", "rcs:riverbend_agent")
    settings.TWILIO_RCS_FROM, settings.TWILIO_MESSAGING_SERVICE_SID = "", "MG" + "1" * 32
    say(chatting("rcs"), "rcs")
    send_due()
    form = chats.seen[1].form
    assert form["MessagingServiceSid"] == "MG" + "1" * 32
    assert form["To"].startswith("rcs:+44")
    assert "From" not in form


@pytest.mark.parametrize(
    ("code", "state", "works", "words"),
    [
        (63016, "failed", True, "24 hours"),
        (63018, "queued", True, "limit"),
        (63024, "failed", False, "cannot be reached"),
        (63003, "failed", False, "cannot be reached"),
        (63007, "queued", True, "administrator"),
        (63028, "failed", True, "variables"),
        (63999, "failed", True, "refused 63999"),
    ],
)
def test_what_a_code_means(chats: Double, code: int, state: str, works: bool, words: str) -> None:
    chats.answer = doubles.twilio_no(code)
    family = chatting()
    message = say(family, variants=TEMPLATE)
    send_due()
    delivery = message.deliveries.get()
    assert (delivery.state, delivery.error_code) == (state, str(code))
    assert words in delivery.error
    assert family.contact_points.get(channel="whatsapp").is_valid is works
    assert family.contact_points.get(channel="sms").is_valid, "the number may still take texts"


@pytest.mark.parametrize("channel", ["whatsapp", "rcs"])
def test_reading_is_engagement(chats: Double, channel: str) -> None:
    family = chatting(channel)
    message = say(family, channel, variants=TEMPLATE)
    send_due()
    delivery = message.deliveries.get()
    for _again in range(2):
        told = hooks.twilio(
            "status", f"{channel}_read", f"delivery={delivery.pk}", PHONE=delivery.address, SID="7" * 32
        )
        assert told.status_code == 200
        process_receipts()
    delivery.refresh_from_db()
    assert delivery.state == "engaged"
    assert kinds(family) == [f"{channel}_read", f"{channel}_sent"]


@pytest.mark.parametrize(("status", "code"), [("failed", "63016"), ("undelivered", "63024"), ("failed", "63018")])
def test_a_failure_told_later_is_put_into_words(chats: Double, status: str, code: str) -> None:
    family = chatting()
    message = say(family, variants=TEMPLATE)
    send_due()
    delivery = message.deliveries.get()
    hooks.twilio(
        "status", "whatsapp_failed", f"delivery={delivery.pk}",
        PHONE=delivery.address, STATUS=status, CODE=code, TOLD="Meta said so",
    )  # fmt: skip
    process_receipts()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == (status, code)
    assert "WhatsApp" in delivery.error
    assert family.contact_points.get(channel="whatsapp").is_valid is (code != "63024")


@pytest.mark.parametrize("channel", ["whatsapp", "rcs"])
def test_what_they_write_is_theirs_and_answers_us(chats: Double, channel: str) -> None:
    family = chatting(channel)
    number = family.contact_points.get(channel=channel).value
    hooks.twilio("inbound", f"{channel}_inbound", PHONE=number, BODY="Is it open?")
    process_receipts()
    assert kinds(family) == [f"{channel}_received"]
    assert Interaction.objects.get(family=family).metadata["sender"] == number
    message = say(family, channel)
    send_due()
    hooks.twilio("inbound", f"{channel}_inbound", PHONE=number, BODY="Thank you")
    process_receipts()
    assert f"{channel}_replied" in kinds(family)
    assert message.deliveries.get().state == "engaged"


def test_their_message_opens_the_window(chats: Double) -> None:
    family = chatting()
    number = family.contact_points.get(channel="whatsapp").value
    assert say(family).status == "blocked"
    hooks.twilio("inbound", "whatsapp_inbound", PHONE=number, BODY="Hello")
    process_receipts()
    assert say(family).status == "queued"


def test_stop_on_whatsapp_binds_the_number_there(chats: Double) -> None:
    family = chatting()
    number = family.contact_points.get(channel="whatsapp").value
    hooks.twilio("inbound", "whatsapp_inbound", PHONE=number, BODY="Stop.")
    process_receipts()
    consent = Consent.objects.get(source="stop_word")
    assert (consent.channel, consent.address, consent.granted) == ("whatsapp", number, False)
    assert say(family).decision["reasons"][0]["code"] == "withdrawn"
    assert say(family, "sms").status == "queued"


def test_a_status_of_another_channel_or_number_changes_nothing(chats: Double) -> None:
    message = say(chatting(), variants=TEMPLATE)
    send_due()
    delivery = message.deliveries.get()
    hooks.twilio("status", "rcs_read", f"delivery={delivery.pk}", PHONE=delivery.address)
    hooks.twilio("status", "whatsapp_read", f"delivery={delivery.pk}", PHONE="+447700900999")
    process_receipts()
    delivery.refresh_from_db()
    assert delivery.state == "sent"
