"""What nobody told us is asked for at the vendor: one match counts, none or several conclude nothing."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.utils import timezone

from channels.jobs import ask_vendors, send_due
from channels.jobs.finding import WAITS
from channels.models import Delivery, Message
from channels.services import MessageRequest, apply_state, send_message
from channels.tasks import ask_vendors as ask_vendors_task
from crm.models import Interaction, Tick
from tests import doubles
from tests.doubles import Answer, Double, Seen, http_double
from tests.factories import make_family

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_registry")]


def say(channel: str = "sms", *, family: Any = None, text: str = "The hall is closed.") -> Message:
    request = MessageRequest((family or make_family()).pk, text, subject="Hall", channel=channel, allow_fallback=False)
    return send_message(request=request).message


def after(minutes: float) -> Any:
    return time_machine.travel(timezone.now() + timedelta(minutes=minutes), tick=True)


def shown(delivery: Delivery, sid: str = "SM1", **changed: Any) -> dict[str, Any]:
    """A message as Twilio's list shows it."""
    now = format_datetime(timezone.now())
    return {
        "sid": sid, "status": "delivered", "to": delivery.address, "body": "The hall is closed.", "error_code": None,
        "error_message": None, "direction": "outbound-api", "date_created": now, "date_updated": now, "date_sent": now,
        **changed,
    }  # fmt: skip


def listing(*rows: dict[str, Any]) -> Callable[[Seen], Answer]:
    """Twilio that breaks off when it is to send, and shows these when it is asked."""

    def answer(seen: Seen) -> Answer:
        if seen.method == "POST":
            return 500, "text/plain", "oops"
        page = {"messages": list(rows), "next_page_uri": None, "page": 0}
        return 200, "application/json", json.dumps(page if "?" in seen.path else rows[0])

    return answer


def unknown_text(twilio: Double, **extra: Any) -> Delivery:
    twilio.answer = doubles.server_error
    message = say(**extra)
    send_due()
    delivery = message.deliveries.get()
    assert delivery.state == "unknown"
    return delivery


def questions(double: Double) -> list[Seen]:
    return [seen for seen in double.seen if seen.method == "GET"]


def state_of(delivery: Delivery) -> str:
    return Delivery.objects.values_list("state", flat=True).get(pk=delivery.pk)


def test_a_single_match_settles_it_as_the_callback_would(twilio: Double) -> None:
    delivery = unknown_text(twilio)
    twilio.answer = listing(shown(delivery), shown(delivery, "SM2", body="Something else"))
    assert ask_vendors() == 0, "its callback may still come"
    with after(2):
        assert ask_vendors() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.provider_id, delivery.ask_at) == ("delivered", "SM1", None)
    kinds = Interaction.objects.filter(family=delivery.family_id).values_list("interaction_type", "external_id")
    assert set(kinds) == {("sms_sent", str(delivery.pk)), ("sms_delivered", "SM1:delivered")}
    [asked] = questions(twilio)
    query = parse_qs(urlsplit(asked.path).query)
    assert query["To"] == [delivery.address]
    assert "DateSent>" in query
    assert len(twilio.seen) == 2, "one try to send, one question"


@pytest.mark.parametrize(
    "changed",
    [
        {"body": "Another text"},
        {"direction": "inbound"},
        {"date_created": "Thu, 12 Nov 2020 12:00:00 +0000"},
        {"date_created": None},
    ],
)
def test_what_only_resembles_it_concludes_nothing(twilio: Double, changed: dict[str, Any]) -> None:
    delivery = unknown_text(twilio)
    twilio.answer = listing(shown(delivery, **changed))
    with after(2):
        assert ask_vendors() == 0
    assert state_of(delivery) == "unknown"


def test_several_matches_conclude_nothing(twilio: Double) -> None:
    delivery = unknown_text(twilio)
    twilio.answer = listing(shown(delivery, "SM1"), shown(delivery, "SM2"))
    with after(2):
        assert ask_vendors() == 0
    assert state_of(delivery) == "unknown"


def test_a_message_that_is_another_delivery_of_ours_is_no_match(twilio: Double) -> None:
    family = make_family()
    first = say(family=family)
    send_due()
    first_leg = first.deliveries.get()
    delivery = unknown_text(twilio, family=family)
    twilio.answer = listing(shown(delivery, first_leg.provider_id))
    with after(2):
        assert ask_vendors() == 0
    assert (state_of(first_leg), state_of(delivery)) == ("sent", "unknown")


def test_of_two_uncertain_ones_with_the_same_words_neither_takes_the_only_match(twilio: Double) -> None:
    family = make_family()
    first, second = (unknown_text(twilio, family=family) for _each in range(2))
    twilio.answer = listing(shown(first))
    with after(2):
        assert ask_vendors() == 0
    assert {state_of(first), state_of(second)} == {"unknown"}


def test_it_is_asked_less_and_less_often_then_left_to_a_person_and_never_sent(twilio: Double) -> None:
    delivery = unknown_text(twilio)
    twilio.answer = listing()
    now, asked = timezone.now(), []
    for minute in [*range(0, 120, 2), *range(120, 60 * 24 * 4, 60)]:
        with time_machine.travel(now + timedelta(minutes=minute), tick=False):
            before = len(questions(twilio))
            ask_vendors()
            send_due()
            asked += [minute] * (len(questions(twilio)) - before)
    assert len(asked) == 1 + len(WAITS["unknown"])
    assert asked == sorted(asked)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.ask_at) == ("unknown", None)
    assert len(twilio.seen) == 1 + len(asked)


def test_a_vendor_that_does_not_answer_costs_no_turn_and_no_second_question(twilio: Double) -> None:
    first, second = unknown_text(twilio), unknown_text(twilio)
    with after(2):
        assert ask_vendors() == 0
        assert ask_vendors() == 0
    assert len(questions(twilio)) == 1
    assert set(Delivery.objects.values_list("asks", flat=True)) == {0}
    assert Delivery.objects.filter(ask_at__isnull=False, pk__in=(first.pk, second.pk)).count() == 2


def test_an_unreadable_answer_concludes_nothing(twilio: Double) -> None:
    delivery = unknown_text(twilio)
    twilio.answer = doubles.garbage
    with after(2):
        assert ask_vendors() == 0
    assert state_of(delivery) == "unknown"


def test_a_callback_that_never_comes_is_asked_for_by_the_vendors_id(twilio: Double) -> None:
    message = say()
    send_due()
    delivery = message.deliveries.get()
    twilio.answer = listing(shown(delivery, delivery.provider_id, status="undelivered", error_code=30005))
    with after(30):
        assert ask_vendors() == 0
    with after(61):
        assert ask_vendors() == 1
    assert questions(twilio)[0].path.endswith(f"/Messages/{delivery.provider_id}.json")
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code, delivery.ask_at) == ("undelivered", "30005", None)
    assert not delivery.contact_point.is_valid


def test_news_that_comes_first_ends_the_asking(twilio: Double) -> None:
    delivery = unknown_text(twilio)
    apply_state(delivery_id=delivery.pk, state="delivered")
    with after(120):
        assert ask_vendors() == 0
    assert questions(twilio) == []


def test_the_callback_after_the_answer_changes_nothing(twilio: Double) -> None:
    delivery = unknown_text(twilio)
    twilio.answer = listing(shown(delivery))
    with after(2):
        ask_vendors()
        Delivery.objects.filter(pk=delivery.pk).update(ask_at=timezone.now() - timedelta(seconds=1))
        ask_vendors()
    assert Interaction.objects.filter(interaction_type="sms_delivered").count() == 1


def test_a_changed_vendor_is_not_asked_about_the_old_ones_messages(twilio: Double) -> None:
    delivery = unknown_text(twilio)
    Delivery.objects.update(provider="another")
    with after(2):
        assert ask_vendors() == 0
    delivery.refresh_from_db()
    assert (delivery.state, delivery.ask_at, questions(twilio)) == ("unknown", None, [])


def test_two_schedulers_ask_once_a_slot(twilio: Double) -> None:
    delivery = unknown_text(twilio)
    twilio.answer = listing()
    with time_machine.travel(timezone.now() + timedelta(minutes=5), tick=False):
        ask_vendors_task()
        Delivery.objects.filter(pk=delivery.pk).update(ask_at=timezone.now())
        ask_vendors_task()
    assert len(questions(twilio)) == 1
    assert Tick.objects.filter(job="channels.ask_vendors").count() == 1


# Email


@pytest.fixture
def vendor(request: pytest.FixtureRequest, settings: Any) -> Iterator[Double]:
    name, key = request.param
    with http_double(doubles.server_error) as double:
        settings.EMAIL_PROVIDER = name
        settings.EMAIL_BACKEND = f"anymail.backends.{name}.EmailBackend"
        settings.ANYMAIL = {**settings.ANYMAIL, f"{name.upper()}_API_URL": f"{double.url}/v3/", key: "secret"}
        yield double


postmark = pytest.mark.parametrize("vendor", [("postmark", "POSTMARK_SERVER_TOKEN")], indirect=True)
mailgun = pytest.mark.parametrize("vendor", [("mailgun", "MAILGUN_API_KEY")], indirect=True)


def unknown_email(vendor: Double) -> Delivery:
    message = say("email")
    send_due()
    delivery = message.deliveries.get()
    assert delivery.state == "unknown"
    return delivery


def as_postmark(owner: object, *events: dict[str, Any]) -> Callable[[Seen], Answer]:
    found = {"TotalCount": 1, "Messages": [{"MessageID": "pm-7", "Metadata": {"delivery": str(owner)}}]}
    return lambda seen: (
        200,
        "application/json",
        json.dumps({"MessageEvents": list(events)} if seen.path.endswith("/details") else found),
    )


@postmark
@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([], "sent"),
        ([{"Type": "Delivered"}], "delivered"),
        ([{"Type": "Opened"}, {"Type": "Delivered"}], "delivered"),
        ([{"Type": "Bounced", "Details": {"Summary": "mailbox full"}}], "bounced"),
    ],
)
def test_postmark_is_asked_by_our_delivery_id(vendor: Double, events: list[dict[str, Any]], state: str) -> None:
    delivery = unknown_email(vendor)
    vendor.answer = as_postmark(delivery.pk, *events)
    with after(2):
        assert ask_vendors() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.provider_id) == (state, "pm-7")
    assert delivery.sent_at
    assert Interaction.objects.get(family=delivery.family_id).interaction_type == "email_sent"
    search = questions(vendor)[0]
    assert parse_qs(urlsplit(search.path).query)["metadata_delivery"] == [str(delivery.pk)]
    assert search.headers["X-Postmark-Server-Token"] == "secret"


@postmark
def test_a_search_that_ignores_our_id_concludes_nothing(vendor: Double) -> None:
    delivery = unknown_email(vendor)
    vendor.answer = as_postmark(delivery.pk + 1, {"Type": "Delivered"})
    with after(2):
        assert ask_vendors() == 0
    assert state_of(delivery) == "unknown"


@postmark
@pytest.mark.parametrize("answer", [doubles.garbage, doubles.too_many, lambda seen: (200, "application/json", "[]")])
def test_a_vendor_of_email_that_cannot_be_read_concludes_nothing(vendor: Double, answer: Any) -> None:
    delivery = unknown_email(vendor)
    vendor.answer = answer
    with after(2):
        assert ask_vendors() == 0
    delivery.refresh_from_db()
    assert (delivery.state, delivery.asks) == ("unknown", 0)


def as_mailgun(owner: object, *events: dict[str, Any]) -> Callable[[Seen], Answer]:
    common = {"user-variables": {"delivery": str(owner)}, "message": {"headers": {"message-id": "7@mail.example"}}}
    return lambda seen: (200, "application/json", json.dumps({"items": [{**common, **one} for one in events]}))


@mailgun
@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([{"event": "accepted"}], "sent"),
        ([{"event": "accepted"}, {"event": "delivered"}, {"event": "opened"}], "delivered"),
        ([{"event": "accepted"}, {"event": "failed", "severity": "temporary"}], "sent"),
        ([{"event": "failed", "severity": "permanent", "delivery-status": {"message": "no such user"}}], "bounced"),
        ([{"event": "rejected"}], "failed"),
    ],
)
def test_mailgun_is_asked_for_the_recipients_events(vendor: Double, events: list[dict[str, Any]], state: str) -> None:
    delivery = unknown_email(vendor)
    vendor.answer = as_mailgun(delivery.pk, *events)
    with after(2):
        assert ask_vendors() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.provider_id) == (state, "<7@mail.example>")
    [asked] = questions(vendor)
    assert urlsplit(asked.path).path == "/v3/earshot.example/events"
    assert parse_qs(urlsplit(asked.path).query)["recipient"] == [delivery.address]


@mailgun
def test_mails_of_others_to_the_same_address_conclude_nothing(vendor: Double) -> None:
    delivery = unknown_email(vendor)
    vendor.answer = as_mailgun(delivery.pk + 1, {"event": "delivered"})
    with after(2):
        assert ask_vendors() == 0
    assert state_of(delivery) == "unknown"
