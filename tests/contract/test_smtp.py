"""Plain SMTP holds to the same contract as far as a mail server can: it names no message, and never calls back."""

from collections.abc import Iterator
from typing import Any

import pytest

from channels.adapters import ear_of
from channels.jobs import send_due
from channels.models import Delivery, Sender
from channels.services import MessageRequest, send_message
from tests.contract.smtp import MailDouble, smtp_double
from tests.factories import make_family

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_registry")]


@pytest.fixture
def server(settings: Any) -> Iterator[MailDouble]:
    """Email goes to a mail server of this machine, which wants to know who asks."""
    with smtp_double() as double:
        settings.EMAIL_PROVIDER, settings.EMAIL_HOST, settings.EMAIL_PORT = "smtp", "127.0.0.1", double.port
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD, settings.EMAIL_TIMEOUT = "user", "password", 2
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        yield double


def say(**extra: Any) -> Delivery:
    request = MessageRequest(
        make_family().pk, "Closed.", subject="Hall", channel="email", allow_fallback=False, **extra
    )
    message = send_message(request=request).message
    send_due()
    return message.deliveries.get()


def test_one_mail_to_one_person_and_its_own_number(server: MailDouble) -> None:
    delivery = say()
    [mail] = server.seen
    assert (delivery.state, delivery.provider) == ("sent", "smtp")
    assert delivery.provider_id.encode() in mail
    assert f".d{delivery.pk}@" in delivery.provider_id
    assert mail.count(delivery.address.encode()) == 1


@pytest.mark.parametrize(
    ("reply", "state"),
    [("450 4.2.1 later", "queued"), ("550 5.1.1 no such user", "failed"), ("550 5.7.1 blocked", "failed")],
)
def test_what_it_says_of_the_recipient_decides(server: MailDouble, reply: str, state: str) -> None:
    server.to_recipient = reply
    delivery = say()
    assert (delivery.state, server.seen) == (state, [])
    assert delivery.contact_point.is_valid is ("5.1.1" not in reply)  # type: ignore[union-attr]


@pytest.mark.parametrize(("reply", "state"), [("451 later", "queued"), ("554 no", "failed")])
def test_what_it_says_of_the_mail_decides(server: MailDouble, reply: str, state: str) -> None:
    server.to_mail = reply
    assert say().state == state


def test_a_line_that_breaks_after_the_mail_leaves_it_uncertain(server: MailDouble) -> None:
    server.hang_up = True
    assert say().state == "unknown"
    assert len(server.seen) == 1


def test_refused_credentials_hold_everything(server: MailDouble) -> None:
    server.to_log_in = "535 5.7.8 no"
    assert say().state == "queued"
    assert Sender.objects.get().is_paused


def test_a_server_out_of_reach_may_be_asked_again(server: MailDouble, settings: Any) -> None:
    settings.EMAIL_PORT = 1
    assert say().state == "queued"


def test_nobody_calls_back_for_it() -> None:
    with pytest.raises(KeyError):
        ear_of("email:smtp:tracking")
