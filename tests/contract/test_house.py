"""Channels without a network: the sandbox, which plays, and the house's own portal and calls."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from channels.adapters import adapter_by
from channels.jobs import post_echoes, process_receipts, send_due
from channels.jobs.carrying import CARRIED, envelope_of
from channels.models import Delivery, PortalItem, SandboxEcho
from channels.registry import IN_HOUSE
from channels.services import MessageRequest, send_message
from crm.models import CallTask, Interaction
from tests.factories import make_family

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_registry")]
HOUSE = [(channel, vendor) for channel, vendor in IN_HOUSE.items()]


def queue(channel: str) -> Delivery:
    request = MessageRequest(
        make_family(portal=True).pk, "Closed.", subject="Hall", channel=channel, allow_fallback=False
    )
    return send_message(request=request).message.deliveries.get()


@pytest.mark.parametrize(("channel", "vendor"), [*HOUSE, ("email", "sandbox"), ("sms", "sandbox")])
def test_success_gives_an_id(channel: str, vendor: str) -> None:
    delivery = queue(channel)
    send_due()
    delivery.refresh_from_db()
    assert delivery.state == ("delivered" if channel == "portal" else "sent")
    assert (delivery.provider, bool(delivery.provider_id)) == (vendor, True)
    assert adapter_by(vendor, channel).capabilities.sandbox is (vendor == "sandbox")


@pytest.mark.parametrize(("channel", "vendor"), HOUSE)
def test_the_same_delivery_twice_is_one_item(channel: str, vendor: str) -> None:
    delivery = Delivery.objects.select_related(*CARRIED).get(pk=queue(channel).pk)
    first, second = (adapter_by(vendor, channel).send(envelope_of(delivery)) for _turn in range(2))
    assert first == second
    assert PortalItem.objects.count() + CallTask.objects.count() == 1


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_what_the_sandbox_plays_comes_by_the_real_webhooks_once(channel: str, monkeypatch: Any) -> None:
    monkeypatch.setattr("channels.adapters.sandbox.BOUNCE_CHANCE", 0)
    delivery = queue(channel)
    send_due()
    with time_machine.travel(timezone.now() + timedelta(minutes=5), tick=True):
        assert post_echoes() > 0
        SandboxEcho.objects.update(posted_at=None)
        post_echoes()
        process_receipts()
    assert set(SandboxEcho.objects.values_list("answer", flat=True)) == {"200"}
    delivery.refresh_from_db()
    assert delivery.state in ("delivered", "engaged")
    told = Interaction.objects.filter(interaction_type=f"{channel}_delivered")
    assert [one.external_system for one in told] == ["sandbox"]
