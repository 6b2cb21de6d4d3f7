"""The sandbox: every channel by its real webhook, and families that go on as they are by nature."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from channels.jobs import post_echoes, process_receipts, send_due
from channels.models import Delivery, Receipt, SandboxEcho, SandboxHabit
from channels.services import MessageRequest, send_messages
from crm.models import Family, Interaction
from tests.factories import guardian, make_family

pytestmark = pytest.mark.django_db
ALWAYS = dict.fromkeys(
    ["email_open", "email_click", "sms_reply", "whatsapp_read", "whatsapp_reply", "rcs_read", "rcs_reply", "push_open"],
    1.0,
)
TEMPLATE = {"whatsapp": {"template": "HX1"}}


def living(channel: str, chances: dict[str, float]) -> Family:
    """A family on a channel that does these things so often."""
    family = make_family()
    value = f"https://push.example/{family.pk}" if channel == "push" else guardian(family).contact_points.all()[1].value
    if channel not in ("email", "sms"):
        family.contact_points.create(member=guardian(family), channel=channel, value=value, is_primary=True)
    SandboxHabit.objects.create(family=family, chances=chances)
    return family


def say(families: list[Family], channel: str) -> None:
    send_messages(
        requests=[
            MessageRequest(one.pk, "Hello", "Hi", channel=channel, allow_fallback=False, variants=TEMPLATE)
            for one in families
        ]
    )
    send_due()
    with time_machine.travel(timezone.now() + timedelta(seconds=40), tick=True):
        while post_echoes():
            process_receipts()


def kinds(family: Family) -> set[str]:
    return set(Interaction.objects.filter(family=family).values_list("interaction_type", flat=True))


@pytest.mark.parametrize(
    ("channel", "seen"),
    [
        ("email", {"email_opened", "email_clicked"}),
        ("sms", {"sms_replied"}),
        ("whatsapp", {"whatsapp_read", "whatsapp_replied"}),
        ("rcs", {"rcs_read", "rcs_replied"}),
        ("push", {"push_clicked", "push_read"}),
    ],
)
def test_families_do_what_lies_in_their_nature(channel: str, seen: set[str]) -> None:
    eager, deaf = living(channel, ALWAYS), living(channel, dict.fromkeys(ALWAYS, 0.0))
    say([eager, deaf] * 4, channel)
    assert kinds(eager) & seen
    assert not kinds(deaf) & seen
    assert f"{channel}_delivered" in kinds(deaf)
    assert not SandboxEcho.objects.exclude(answer="200").exists(), "the real webhooks take them"
    assert not Receipt.objects.exclude(state="done").exists()
    assert set(Delivery.objects.values_list("provider", flat=True)) == {"sandbox"}


def test_what_learning_finds_is_what_they_are() -> None:
    """Of many messages about as many are read as the hidden chance says."""
    families = [living("whatsapp", {"whatsapp_read": 0.8, "whatsapp_reply": 0.0}) for _each in range(3)]
    say(families * 40, "whatsapp")
    sent = Interaction.objects.filter(interaction_type="whatsapp_sent").count()
    read = Interaction.objects.filter(interaction_type="whatsapp_read").count()
    assert sent == 120
    assert 0.65 < read / sent < 0.92


def test_a_browser_that_is_gone_is_set_aside() -> None:
    family = living("push", ALWAYS)
    family.contact_points.filter(channel="push").update(value="https://push.example/gone")
    say([family], "push")
    assert not family.contact_points.get(channel="push").is_valid


def test_a_mail_program_that_looks_by_itself_hides_the_person() -> None:
    family = living("email", {**ALWAYS, "email_proxy": 1.0, "email_click": 0.0})
    say([family] * 4, "email")
    opened = Interaction.objects.filter(family=family, interaction_type="email_opened")
    assert opened.exists()
    assert not opened.filter(is_machine=False).exists()


@pytest.mark.parametrize("channel", ["whatsapp", "rcs", "push"])
def test_it_is_labelled_where_it_could_be_mistaken(channel: str, staff_client: Client) -> None:
    family = living(channel, ALWAYS)
    say([family], channel)
    message = family.messages.get()
    if channel == "push":
        page = staff_client.get(message.get_absolute_url()).content.decode()
        assert "push.example" in page
        assert f"push.example/{family.pk}" not in page, "nobody needs to read a browser's address"
    for url in (message.get_absolute_url(), family.get_absolute_url(), "/messages/"):
        assert "sandbox" in staff_client.get(url).content.decode().casefold(), url


def test_demo_families_carry_their_habits_into_the_sandbox(db: Any) -> None:
    from config.demo.seed import seed_demo

    seed_demo(families=12, interactions=300, seed=1, months=3)
    habits = SandboxHabit.objects.all()
    assert habits.count() == Family.objects.count() == 12
    assert all(set(ALWAYS) <= set(one.chances) for one in habits)
    assert all(0 <= chance <= 1 for one in habits for chance in one.chances.values())
    assert len({one.chances["whatsapp_read"] for one in habits}) > 3
