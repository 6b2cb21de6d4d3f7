"""Every page of staff in a real browser: nothing goes wrong, everybody can use it, it fits a phone."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenContext
from tests.chromium import watched

pytestmark = pytest.mark.browser

PICTURES = Path(__file__).resolve().parents[2] / "var" / "screenshots"
FIXED = {
    "log-in": "/login/",
    "today": "/?for=everybody",
    "today for me": "/?for=me",
    "my follow-ups": "/analytics/needs/follow-up/",
    "logged by me": "/analytics/needs/logged/",
    "families": "/families/",
    "families without match": "/families/?q=nobodyiscalledthis",
    "log a call": "/calls/log/",
    "events": "/events/",
    "new event": "/events/new/",
    "calls": "/calls/",
    "calls narrowed": "/calls/?show=all&whose=mine&reason=e",
    "calls without match": "/calls/?show=put_off&whose=nobody&reason=nothingofthekind",
    "imports": "/imports/",
    "messages": "/messages/",
    "templates": "/templates/",
    "templates without match": "/templates/?q=nothingiscalledthis",
    "archived templates": "/templates/?archived=1",
    "new template": "/templates/new/",
    "campaigns": "/campaigns/",
    "new campaign": "/campaigns/new/",
    "reports": "/analytics/",
    "more": "/more/",
    "your account": "/account/",
    "second factor": "/account/second-factor/",
    "nothing there": "/families/999999999/",
}
FOUND = (
    "family",
    "event",
    "event people",
    "message",
    "compose",
    "blocked compose",
    "campaign preview",
    "template",
    "template versions",
    "template version",
)
ADMIN = {
    "index": "/admin/",
    "families": "/admin/crm/family/",
    "family": "/admin/crm/family/1/change/",
    "new family": "/admin/crm/family/add/",
    "interactions": "/admin/crm/interaction/",
    "new call": "/admin/crm/calltask/add/",
    "schedule": "/admin/django_celery_beat/periodictask/1/change/",
}
GRAVE = ("serious", "critical")


@pytest.mark.parametrize("name", [*FIXED, *FOUND])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("narrow", [False, True], ids=["1280", "390"])
def test_it_is_sound_and_open_to_everybody(
    name: str, theme: str, narrow: bool, shared_context: OpenContext, places: dict[str, str]
) -> None:
    path = {**FIXED, **places}[name]
    expected = [404] if name == "nothing there" else []
    context = shared_context(None if name == "log-in" else "priya", theme=theme, narrow=narrow)
    page, complaints = watched(context, *expected)
    answer = page.goto(path)
    assert answer is not None
    assert answer.status == (404 if expected else 200)
    page.wait_for_load_state("load")
    picture(page, f"{name}-{'390' if narrow else '1280'}-{theme}")
    expect(page.locator("h1")).to_have_count(1)
    expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)
    assert re.fullmatch(r"\S.* · Earshot", page.title())
    if narrow:
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, f"{width} px wide: {widest(page)}"
    if not (narrow and theme == "dark"):
        assert_accessible(page)
    assert complaints.heard == []
    page.close()


@pytest.mark.parametrize("name", ADMIN)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_admin_is_sound_and_open_to_everybody(name: str, theme: str, shared_context: OpenContext) -> None:
    page, complaints = watched(shared_context("admin", theme=theme))
    page.goto(ADMIN[name])
    page.wait_for_load_state("load")
    picture(page, f"admin-{name}-{theme}")
    expect(page.locator("html")).to_have_attribute("data-theme", theme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    # Before the check of access, which copies elements with the styles that Django's scripts gave them.
    assert complaints.heard == []
    if theme == "light":
        assert_accessible(page)
    page.close()


def picture(page: Page, name: str) -> None:
    """Keep what it looks like, where somebody wants to see it."""
    if os.environ.get("EARSHOT_SCREENSHOTS") == "1":
        page.screenshot(path=PICTURES / f"{name.replace(' ', '-')}.png", full_page=True)


def widest(page: Page) -> Any:
    """The elements that stick out on the right."""
    return page.evaluate(
        """[...document.querySelectorAll("body *")]
        .filter((element) => element.getBoundingClientRect().right > 391 && !element.closest(".scroll-x, .filters"))
        .slice(0, 5).map((element) => element.outerHTML.slice(0, 160))"""
    )


def assert_accessible(page: Page) -> None:
    """No serious or critical violation; if there is one, every violation of the page is told."""
    found = Axe().run(page)
    grave = [one["id"] for one in found.response["violations"] if one["impact"] in GRAVE]
    assert grave == [], found.generate_report()


def test_nothing_is_open_to_strangers(open_context: OpenContext, places: dict[str, str]) -> None:
    page, complaints = watched(open_context(None))
    for path in (*FIXED.values(), *places.values()):
        page.goto(path)
        assert "/login/" in page.url, path
    assert complaints.heard == []
