"""Households in a real browser: two who edit one family, a merge and the way back."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenContext
from tests.chromium import watched

pytestmark = pytest.mark.browser


def start_family(page: Page, name: str) -> None:
    """A new family by the drawer of the list, with one person; ends on its page."""
    page.goto("/families/")
    page.get_by_role("link", name="New family").click()
    page.locator("#drawer #id_name").fill(name)
    page.locator("#drawer").get_by_role("button", name="Save family").click()
    expect(page.locator("#family-name")).to_have_text(name)
    page.get_by_role("link", name="Add the first person").click()
    page.locator("#drawer #id_name").fill("Ada Lovelace")
    page.locator("#drawer").get_by_role("button", name="Add this person").click()
    expect(page.locator(".contacts")).to_contain_text("Ada Lovelace")


def test_a_merge_and_the_way_back(open_context: OpenContext) -> None:
    desk, complaints = watched(open_context("priya"))
    start_family(desk, "Twin one")
    gone = desk.url
    start_family(desk, "Twin two")
    desk.get_by_label("More actions").click()
    desk.get_by_role("link", name="Merge with another").click()
    desk.locator("#merge-q").press_sequentially("twin one")
    desk.locator("#merge-found a").first.click()
    expect(desk.get_by_text("One person afterwards, not two: Ada Lovelace.")).to_be_visible()
    desk.get_by_role("button", name="Merge them").click()
    expect(desk.locator("#toast")).to_contain_text("Twin one is part of Twin two now")
    kept = desk.url
    desk.goto(gone)
    expect(desk).to_have_url(kept)
    desk.goto("/duplicates/")
    desk.get_by_role("button", name="Take back").first.click()
    expect(desk).to_have_url(gone)
    expect(desk.locator("#family-name")).to_have_text("Twin one")
    expect(desk.locator(".contacts")).to_contain_text("Ada Lovelace")
    assert complaints.heard == []


def test_two_who_edit_one_family(desk_with_refusals: Page, open_context: OpenContext) -> None:
    mine = desk_with_refusals
    start_family(mine, "Before")
    theirs, complaints = watched(open_context("priya"))
    for page in (mine, theirs):
        page.goto(mine.url)
        page.get_by_label("More actions").click()
        page.get_by_role("link", name=re.compile("Edit the family")).click()
        expect(page.locator("#drawer #id_name")).to_have_value("Before")
    for page, name in ((theirs, "Theirs"), (mine, "Mine")):
        page.locator("#drawer #id_name").fill(name)
        page.locator("#drawer footer button").click()
        expect(
            page.locator("#toast, #drawer .errors").filter(has_text=re.compile("Saved|Somebody else"))
        ).to_be_visible()
    expect(mine.locator("#drawer .errors")).to_contain_text("Now “Theirs”")
    expect(mine.locator("#drawer #id_name")).to_have_value("Mine")
    mine.locator("#drawer footer button").click()
    expect(mine.locator("#family-name")).to_have_text("Mine")
    assert complaints.heard == []
