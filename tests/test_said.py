"""The lists behind “from us” and “from them” show exactly what the chart of Today counts."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics.selectors.conversation import days, said
from analytics.views.lists import CHART_DAYS, SIZE
from crm.models import Interaction
from crm.services import change_interaction, correct_interaction
from tests.factories import make_family, make_interaction

pytestmark = pytest.mark.django_db
NOW = timezone.now


def told() -> dict[str, int]:
    """One family with what counts, what does not, and what was withdrawn or told anew."""
    family = make_family("Martinez")
    day = timedelta(days=1)
    for kind in ("email_sent", "sms_sent", "phone_call_made"):
        make_interaction(family, kind, NOW() - day)
    for kind in ("sms_received", "conversation", "phone_call_received"):
        make_interaction(family, kind, NOW() - 2 * day)
    for kind in ("email_opened", "portal_login", "note", "email_delivered"):
        make_interaction(family, kind, NOW() - day)
    make_interaction(family, "email_sent", NOW() - CHART_DAYS * day)
    wrong = make_interaction(family, "phone_call_made", NOW() - 3 * day)
    correct_interaction(interaction=wrong, reason="", by_id=None)
    turned = make_interaction(family, "phone_call_made", NOW() - 3 * day, outcome="answered")
    change_interaction(interaction=turned, changes={"direction": "in"}, reason="", by_id=None)
    return {"us": 3, "them": 4}


@pytest.mark.parametrize("side", ["us", "them"])
def test_the_list_shows_what_the_figure_counts(staff_client: Client, side: str) -> None:
    expected = told()[side]
    counted = days(NOW(), CHART_DAYS)
    assert sum(getattr(day, f"from_{side}") for day in counted) == expected
    assert said(side, NOW(), CHART_DAYS).count() == expected
    page = staff_client.get(reverse("dashboard")).content.decode()
    link = re.search(rf'href="([^"]*/said/{side}/)"[^>]*>.*?from {side} (\d+)', page)
    assert link
    assert link[2] == str(expected)
    shown = staff_client.get(link[1]).content.decode()
    assert len(re.findall(r'href="/interactions/\d+/"', shown)) == expected


def test_every_entry_is_on_one_page_with_the_same_queries(
    staff_client: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(3):
        family = make_family(f"Family {number}")
        for place in range(40):
            make_interaction(family, "sms_sent", NOW() - timedelta(minutes=place // 2 + 1))
    url, seen = reverse("analytics:said", args=["us"]), []
    pages = 0
    while url:
        with django_assert_max_num_queries(9):
            page = staff_client.get(url).content.decode()
        seen += re.findall(r'href="/interactions/(\d+)/"', page)
        more = re.search(r'href="(\?after=[^"]+)" rel="next"', page)
        url = reverse("analytics:said", args=["us"]) + more[1].replace("&amp;", "&") if more else ""
        pages += 1
    assert pages == -(-120 // SIZE)
    assert len(seen) == len(set(seen)) == Interaction.objects.count() == 120


def test_another_side_is_not_found_and_an_empty_list_says_so(staff_client: Client, client: Client) -> None:
    make_family()
    assert staff_client.get(reverse("analytics:said", args=["god"])).status_code == 404
    assert "Quiet so far" in staff_client.get(reverse("analytics:said", args=["them"])).content.decode()
    assert staff_client.get(reverse("analytics:said", args=["us"]), {"after": "odd"}).status_code == 200
    assert Client().get(reverse("analytics:said", args=["us"])).headers["Location"].startswith(reverse("login"))
