"""The list of families with any filter and search, over 100,000 families: time of the server for the whole page.

The promise is on the work of this process and the database's own clock, which others on the machine do not disturb.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import _town
from _database import TURNS, Asked, keep_plans, look
from _figures import Figure, middle, seconds
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.urls import reverse

from crm.models import Family, LastContact
from crm.roles import OfficeRole
from crm.selectors.families import families_page

REUSES = True
AT_MOST = 100


def run(families: int, interactions: int) -> list[Figure]:
    """Build the town or find it, then ask for the page as a browser does; promises are kept on PostgreSQL."""
    found: list[bool] = []
    took = seconds(lambda: found.append(_town.build(families, interactions)))
    figures = [] if found[0] else [Figure("building the town", took, "s")]
    _town.own_fields()
    user, _made = get_user_model().objects.get_or_create(username="bench")
    user.groups.add(Group.objects.get(name=OfficeRole.STAFF))
    client = Client(raise_request_exception=True)
    client.force_login(user)
    plans: dict[str, list[Asked]] = {}
    for name, query in _pages().items():
        figures += _measure(client, name, query, plans)
    if connection.vendor == "postgresql":
        print(f"plans: {keep_plans('families', plans)}")
    return figures


def _pages() -> dict[str, dict[str, Any]]:
    some = Family.objects.order_by("pk")[Family.objects.count() // 2]
    digits = f"{int(some.external_ref[2:]):08d}"
    return {
        "first page": {},
        "a page in the middle": {"after": _after(some)},
        "search, name": {"q": some.name.split(" ")[0]},
        "search, two words": {"q": f"{some.name.split(' ')[1]} mateo"},
        "search, two letters": {"q": "oz"},
        "search, one letter": {"q": "z"},
        "search, two letters without a match": {"q": "xq"},
        "search, digits of a number": {"q": f"077{digits[:5]} {digits[5:]}"},
        "search, last digits": {"q": digits[2:]},
        "search, email": {"q": f".{some.external_ref[2:]}@example"},
        "search, reference": {"q": some.external_ref},
        "search, without a match": {"q": "zzzzzz"},
        "search, in all of them": {"q": "family"},
        "stage": {"stage": "left"},
        "stage, without a match": {"stage": "left", "q": "zzzzzz"},
        "tag": {"tag": "group 07"},
        "asked for": {"prefers": "sms"},
        "asked for, without a match": {"prefers": "rcs"},
        "answer on": {"answers": "email"},
        "answer on, without a match": {"answers": "whatsapp"},
        "tag and answer on": {"tag": "group 07", "answers": "sms"},
        "no contact for 30 days": {"quiet": "30"},
        "no contact for 90 days": {"quiet": "90"},
        "never any contact": {"quiet": "never"},
        "no contact, without a match": {"quiet": "3000"},
        "no contact for 30 days, longest ago first": {"quiet": "30", "sort": "last"},
        "by last contact, newest first": {"sort": "-last"},
        "by last contact, longest ago first": {"sort": "last"},
        "by last contact, a page in the middle": {"sort": "-last", "after": _after(some, "-last")},
        "by last contact, of a tag": {"sort": "-last", "tag": "group 07"},
        "by last contact, without a match": {"sort": "-last", "prefers": "rcs"},
        "by name, from the end": {"sort": "-name"},
        "by the day added": {"sort": "-added"},
        "by reference": {"sort": "-reference"},
        "search, notes, few": {"q": "grandmother pickup"},
        "search, notes, many": {"q": "harvest"},
        "search, notes and names": {"q": f"{some.name.split(' ')[0]} allergy"},
        "search, notes, by last contact": {"q": "harvest", "sort": "-last"},
        "own field, choice": {"attr_bench_bus": "line 7"},
        "own field, choice without a match": {"attr_bench_bus": "line 9"},
        "own field, yes": {"attr_bench_meals": "yes"},
        "own field, text": {"attr_bench_school": "north 17"},
        "own field, text without a match": {"attr_bench_school": "zzzz"},
        "own field, number": {"attr_bench_fee_min": "100", "attr_bench_fee_max": "104"},
        "own field, number without a match": {"attr_bench_fee_min": "9999"},
        "own field, day": {"attr_bench_since_min": "2026-03-01", "attr_bench_since_max": "2026-03-03"},
        "own field, of a tag by last contact": {"attr_bench_bus": "line 7", "tag": "group 07", "sort": "-last"},
        "all together": {"q": "field", "stage": "enrolled", "tag": "group 07", "prefers": "email", "answers": "email"},
    }


def _after(family: Family, sort: str = "name") -> str:
    """The key behind a page that lies far from both ends."""
    if sort == "name":
        return families_page(Family.objects.filter(name__gte=family.name), "").next
    middle = LastContact.objects.get(family=family).at
    return families_page(Family.objects.filter(last_contact__at__lte=middle), "", sort=sort).next


def _measure(client: Client, name: str, query: dict[str, Any], plans: dict[str, list[Asked]]) -> list[Figure]:
    address = reverse("crm:families")
    status = client.get(address, query).status_code
    if status != 200:
        raise SystemExit(f"{address} with {query} answered {status}")
    seen = look(lambda: client.get(address, query))
    plans[name] = seen.asked
    wall = Figure(f"{name}: by the clock on the wall", middle(lambda: client.get(address, query), TURNS), "ms")
    queries = Figure(f"{name}: queries", len(seen.asked), "")
    if seen.server is None:
        return [wall, queries]
    own = min(1000 * _processor_seconds(lambda: client.get(address, query)) for _turn in range(TURNS))
    database = Figure(f"{name}: of it the database", seen.server, "ms")
    return [Figure(name, own + seen.server, "ms", AT_MOST), database, wall, queries]


def _processor_seconds(work: Callable[[], object]) -> float:
    """What this process itself had to do, however busy the machine is with others."""
    began = time.process_time()
    work()
    return time.process_time() - began
