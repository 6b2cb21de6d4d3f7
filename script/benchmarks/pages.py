"""Server time and number of queries of the dashboard, the reports and a family's panel."""

from __future__ import annotations

from typing import Any

import _house
from _figures import Figure, middle
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse

from analytics.jobs import recalculate_preferences
from analytics.views import reach_panel
from crm.models import Family


def run(families: int, interactions: int) -> list[Figure]:
    """Each page is asked for by somebody who is logged in, in this process."""
    _house.build(families, interactions)
    recalculate_preferences()
    client = Client(raise_request_exception=True)
    client.force_login(get_user_model().objects.create_user("bench"))
    reports = reverse("analytics:effectiveness")
    figures: list[Figure] = []
    for name, address, most in (
        ("dashboard", reverse("dashboard"), 150.0),
        ("reports, 90 days", reports, None),
        ("reports, 365 days", f"{reports}?days=365", None),
    ):
        figures += _measure(name, lambda address=address: _get(client, address), most)
    family, request = Family.objects.order_by("pk")[0], RequestFactory().get("/")
    request.user = get_user_model().objects.get(username="bench")
    figures += _measure("best way to reach them", lambda: reach_panel(request, family), None)
    return figures


def _get(client: Client, address: str) -> None:
    status = client.get(address).status_code
    if status != 200:
        raise SystemExit(f"{address} answered {status}")


def _measure(name: str, work: Any, most: float | None) -> list[Figure]:
    queries = 0

    def count(execute: Any, *arguments: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*arguments)

    with connection.execute_wrapper(count):
        work()
    return [Figure(name, middle(work), "ms", most), Figure(f"{name}: queries", queries, "")]
