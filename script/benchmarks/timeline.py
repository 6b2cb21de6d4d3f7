"""A family with 5,000 entries among millions: database time of its first page and of every filter without a match."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import _town
from _database import Asked, keep_plans, look
from _figures import Figure, seconds
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.urls import reverse

from crm.models import Family
from crm.roles import OfficeRole
from crm.selectors.timeline import Shown, find_place, read_activity, read_pins, read_timeline, timeline_version

REUSES = True
FIRST_PAGE, NO_MATCH = 3, 40
NEVER = date(1995, 1, 1)


def run(families: int, interactions: int) -> list[Figure]:
    """Build the town or find it; promises are kept on PostgreSQL."""
    found: list[bool] = []
    took = seconds(lambda: found.append(_town.build(families, interactions)))
    figures = [] if found[0] else [Figure("building the town", took, "s")]
    plans: dict[str, list[Asked]] = {}
    for reference, kind in _town.LONG.items():
        if family := Family.objects.filter(external_ref=reference).first():
            figures += _of_family(family, kind or "all kinds", plans)
    if connection.vendor == "postgresql":
        print(f"plans: {keep_plans('timeline', plans)}")
    return figures


def _of_family(family: Family, kind: str, plans: dict[str, list[Asked]]) -> list[Figure]:
    figures = [Figure(f"{kind}: entries of the family", family.interactions.count(), "")]
    for name, (work, at_most) in _works(family).items():
        seen = look(work)
        plans[f"{kind}: {name}"] = seen.asked
        promise = at_most if seen.server is not None else None
        figures.append(Figure(f"{kind}: {name}", seen.client if seen.server is None else seen.server, "ms", promise))
        if seen.server is not None:
            figures.append(Figure(f"{kind}: {name}, with the way there and back", seen.client, "ms"))
        figures.append(Figure(f"{kind}: {name}, queries", len(seen.asked), ""))
    return figures


def _works(family: Family) -> dict[str, tuple[Callable[[], object], float | None]]:
    """What is measured, with its promise in milliseconds."""
    middle = family.interactions.order_by("occurred_at")[family.interactions.count() // 2].pk
    works: dict[str, tuple[Callable[[], object], float | None]] = {
        "floor: the 30 newest rows by index": (lambda: list(family.interactions.all()[:30]), None),
        "first page": (partial(read_timeline, family, Shown()), FIRST_PAGE),
        "the whole fragment, with log-in and 90 days": (_asking(family), None),
        "90 days by channel": (partial(read_activity, family), None),
        "has anything changed": (partial(timeline_version, family.pk), None),
        "pinned entries": (partial(read_pins, family), None),
        "where an old entry stands": (partial(find_place, family, middle), None),
    }
    for name, shown in _without_a_match().items():
        works[f"no match: {name}"] = (partial(read_timeline, family, shown), NO_MATCH)
    for name, shown in _with_matches().items():
        works[f"filter: {name}"] = (partial(read_timeline, family, shown), NO_MATCH)
    return works


def _asking(family: Family) -> Callable[[], object]:
    """The fragment as the browser asks for it, session and user included."""
    user, _made = get_user_model().objects.get_or_create(username="bench")
    user.groups.add(Group.objects.get(name=OfficeRole.STAFF))
    client = Client(raise_request_exception=True)
    client.force_login(user)
    address = reverse("crm:family-timeline", args=[family.pk])
    return lambda: client.get(address)


def _without_a_match() -> dict[str, Any]:
    return {
        "channel": Shown(channel="rcs"),
        "type": Shown(kind="lesson_booked"),
        "kind": Shown(kind="event"),
        "person": Shown(person=10**9),
        "period": Shown(since=NEVER, until=NEVER),
        "search": Shown(text="zzzzzz"),
        "search of two words": Shown(text="robotics zzzzzz"),
        "answers only, on a channel": Shown(channel="rcs", direction="in"),
        "all together": Shown("portal", "in", "portal_page_viewed", 10**9, None, date(2026, 1, 1), "zzz"),
    }


def _with_matches() -> dict[str, Any]:
    return {
        "only from them": Shown(direction="in"),
        "portal": Shown(channel="portal"),
        "SMS": Shown(channel="sms"),
        "visits": Shown(kind="visit"),
        "opened emails": Shown(kind="email_opened"),
        "search": Shown(text="robotics"),
        "search, from them": Shown(text="robotics fees", direction="in"),
    }
