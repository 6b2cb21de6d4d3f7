"""Leaving by one click: by a person, by a mail program, late, twice, forged; and never a word of whose it is."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from channels.jobs import send_due
from channels.models import Delivery
from channels.services import MessageRequest, send_message
from channels.unsubscribing import ForgedLink, leave_token, open_token
from crm.models import Consent, Interaction, Topic
from crm.services import record_consent
from tests.factories import make_family

pytestmark = pytest.mark.django_db
ADDRESS = "elena@example.org"


def link(address: str = ADDRESS, delivery_id: int = 7) -> str:
    return reverse("channels:unsubscribe", args=[leave_token(delivery_id=delivery_id, address=address)])


def one_click(path: str, client: Client | None = None) -> Any:
    """As a mail program does it: no cookies, no CSRF token (RFC 8058, 3.2)."""
    client = client or Client(enforce_csrf_checks=True)
    return client.post(path, {"List-Unsubscribe": "One-Click"})


def newsletter(family: Any, text: str = "News") -> Any:
    return send_message(request=MessageRequest(family.pk, text, channel="email", topic="marketing")).message


def test_looking_changes_nothing_and_asks() -> None:
    page = Client().get(link())
    assert page.status_code == 200
    assert 'id="unsubscribe"' in page.content.decode()
    assert Client().head(link()).status_code == 200
    assert not Consent.objects.exists()


def test_a_mail_program_needs_one_post_and_no_csrf() -> None:
    family = make_family(email=ADDRESS)
    record_consent(granted=True, source="staff", family=family, channel="email")
    assert newsletter(family).status == "queued"
    assert one_click(link()).status_code == 200
    record = Consent.objects.get(source="one_click")
    assert (record.address, record.channel, record.granted, record.family_id) == (ADDRESS, "email", False, None)
    assert newsletter(family, "More news").status == "blocked"


def test_twice_is_once() -> None:
    path = link()
    assert [one_click(path).status_code for _turn in range(3)] == [200, 200, 200]
    one_click(link(delivery_id=8))
    assert Consent.objects.count() == 1


def test_who_agreed_again_may_leave_again() -> None:
    family = make_family(email=ADDRESS)
    one_click(link())
    record_consent(granted=True, source="staff", address=ADDRESS, channel="email")
    one_click(link())
    assert Consent.objects.filter(source="one_click").count() == 2
    assert newsletter(family).status == "blocked"


def test_it_binds_every_family_that_holds_the_address_and_those_to_come() -> None:
    make_family(email=ADDRESS)
    one_click(link())
    later = make_family("Later family", email=ADDRESS)
    record_consent(granted=True, source="import", family=later, channel="email")
    assert newsletter(later).status == "blocked"


def test_the_log_says_by_which_email() -> None:
    family = make_family(email=ADDRESS)
    message = send_message(request=MessageRequest(family.pk, "News", channel="email", allow_fallback=False)).message
    send_due()
    delivery = Delivery.objects.get(message=message)
    for _turn in range(2):
        one_click(link(delivery_id=delivery.pk))
    entry = Interaction.objects.get(interaction_type="email_unsubscribed")
    assert (entry.family_id, entry.attempt.external_id) == (family.pk, str(delivery.pk))


def test_a_delivery_of_another_address_is_not_touched() -> None:
    family = make_family(email="other@example.org")
    message = send_message(request=MessageRequest(family.pk, "News", channel="email")).message
    one_click(link(delivery_id=message.deliveries.get().pk))
    assert not Interaction.objects.filter(interaction_type="email_unsubscribed").exists()
    assert Consent.objects.get().address == ADDRESS


@pytest.mark.parametrize("spoil", [lambda token: token[:-6], lambda token: "A" + token, lambda token: "x", str.upper])
def test_a_forged_link_gets_a_clear_answer(spoil: Any) -> None:
    path = reverse("channels:unsubscribe", args=[spoil(leave_token(delivery_id=7, address=ADDRESS))])
    for answer in (Client().get(path), one_click(path)):
        assert answer.status_code == 404
        assert "not complete" in answer.content.decode()
    assert not Consent.objects.exists()


@pytest.mark.parametrize("token", ["", "ü" * 10, "\x00", "=" * 50, "A" * 100_000])
def test_nonsense_is_no_link(token: str) -> None:
    with pytest.raises(ForgedLink):
        open_token(token)


def test_a_link_of_years_ago_says_so_and_a_year_is_fine() -> None:
    path = link()
    with time_machine.travel(timezone.now() + timedelta(days=400), tick=True):
        assert Client().get(path).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=800), tick=True):
        answer = one_click(path)
    assert (answer.status_code, "too old" in answer.content.decode()) == (410, True)
    assert not Consent.objects.exists()


def test_a_key_that_was_changed_keeps_old_links_alive(settings: Any) -> None:
    path = link()
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "n" * 50
    assert one_click(path).status_code == 200


def test_nobody_learns_whose_it_is() -> None:
    family = make_family("Secretive family", email=ADDRESS)
    path = link()
    for answer in (Client().get(path), one_click(path)):
        text = answer.content.decode() + path
        assert "elena" not in text.casefold()
        assert family.name not in text
        assert "no-store" in answer["Cache-Control"]
        assert (answer["Referrer-Policy"], answer["X-Robots-Tag"]) == ("no-referrer", "noindex")
    known, unknown = (one_click(one).content.decode() for one in (path, link("nobody@example.org")))
    assert re.sub(r"X-CSRFToken[^}]*", "", known) == re.sub(r"X-CSRFToken[^}]*", "", unknown)


def test_marketing_topics_are_what_it_is_for() -> None:
    assert Topic.objects.get(slug="marketing").kind == "marketing"
