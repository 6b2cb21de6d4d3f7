"""Server time and number of queries of every page and API list that staff and systems live in, on demo data."""

from __future__ import annotations

from typing import Any

from _figures import Figure, middle, seconds
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.db.models import Count
from django.test import Client
from django.urls import reverse

from campaigns.jobs import plan_campaign
from campaigns.models import Campaign
from campaigns.services import start_campaign
from channels.models import Message
from crm.models import Event, Family
from crm.scopes import SCOPES
from crm.services.keys import create_api_key


def run(families: int, interactions: int) -> list[Figure]:
    """Each is asked for in this process, by somebody who is logged in or holds a key."""
    seeding = seconds(lambda: _seed(families, interactions))
    figures = [Figure("seed_demo", seeding, "s", at_most=60)]
    _start_the_first_campaign()
    client = Client(raise_request_exception=True)
    client.force_login(get_user_model().objects.create_superuser("bench"))
    for name, address in _pages().items():
        figures += _measure(name, lambda address=address: _get(client, address))
    _key, token = create_api_key(name="bench", scopes=SCOPES)
    caller = Client(headers={"Authorization": f"Bearer {token}"})
    for name, address in _lists().items():
        figures += _measure(f"API {name}", lambda address=address: _get(caller, address))
    return figures


def _seed(families: int, interactions: int) -> None:
    call_command("seed_demo", families=families, interactions=interactions, verbosity=0)


def _start_the_first_campaign() -> None:
    """So that there are messages to look at; nothing is sent, as no worker listens."""
    campaign = Campaign.objects.earliest("pk")
    start_campaign(campaign_id=campaign.pk)
    plan_campaign(campaign.pk)


def _busiest() -> Family:
    """The family with the longest log: the heaviest page there is."""
    return Family.objects.annotate(entries=Count("interactions")).order_by("-entries")[0]


def _pages() -> dict[str, str]:
    families, one = reverse("crm:families"), _busiest()
    reports, family = reverse("analytics:effectiveness"), one.get_absolute_url()
    return {
        "dashboard": reverse("dashboard"),
        "families": families,
        "families, search by name": f"{families}?q=martinez",
        "families, search by number": f"{families}?q=07700",
        "families, search without a match": f"{families}?q=zzzzzz",
        "families, those who answer by phone": f"{families}?answers=phone",
        "family, the longest log": family,
        "family, emails only": f"{family}?channel=email",
        "message to a family": reverse("channels:compose", args=[one.pk]),
        "calls": reverse("crm:calls"),
        "events": reverse("crm:events"),
        "check-in list": reverse("crm:event", args=[Event.objects.latest("starts_at").pk]),
        "messages": reverse("channels:messages"),
        "one message": reverse("channels:message", args=[Message.objects.latest("pk").pk]),
        "campaigns": reverse("campaigns:campaigns"),
        "campaign": reverse("campaigns:campaign", args=[Campaign.objects.earliest("pk").pk]),
        "preview of a campaign": reverse("campaigns:preview", args=[Campaign.objects.latest("pk").pk]),
        "reports, 90 days": reports,
        "reports, 365 days": f"{reports}?days=365",
        "admin, families": reverse("admin:crm_family_changelist"),
        "admin, interactions": reverse("admin:crm_interaction_changelist"),
    }


def _lists() -> dict[str, str]:
    ref = _busiest().external_ref
    return {
        "families": "/api/v1/families/?limit=100",
        "timeline": f"/api/v1/families/{ref}/timeline/",
        "preferences": "/api/v1/preferences/?limit=100",
        "preferences of one family": f"/api/v1/families/{ref}/preferences/",
        "recommendation": f"/api/v1/families/{ref}/recommendation/",
    }


def _get(client: Client, address: str) -> None:
    status = client.get(address).status_code
    if status != 200:
        raise SystemExit(f"{address} answered {status}")


def _measure(name: str, work: Any) -> list[Figure]:
    queries = 0

    def count(execute: Any, *arguments: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*arguments)

    with connection.execute_wrapper(count):
        work()
    return [Figure(name, middle(work), "ms"), Figure(f"{name}: queries", queries, "")]
