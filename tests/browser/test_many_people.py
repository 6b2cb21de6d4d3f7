"""A family of many people in a real browser: one finds the person by typing, also by keyboard and without script."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import OpenContext, first_link
from tests.browser.test_pages import assert_accessible
from tests.chromium import watched

pytestmark = pytest.mark.browser
NAME = ".fam-row .fam-name a"


@pytest.mark.parametrize("narrow", [False, True], ids=["desk", "phone"])
def test_a_person_is_found_by_typing_in_a_drawer(open_context: OpenContext, narrow: bool) -> None:
    page, complaints = watched(open_context("nora", narrow=narrow))
    page.goto(first_link(page, "/families/?q=zinnia", NAME) + "conversations/")
    select = page.locator("select[name=member]")
    expect(select.locator("option")).to_have_count(62)
    search = page.get_by_label("Find a person")
    search.fill("person 01")
    expect(page.locator("[role=status]").filter(has_text="11 / 62")).to_be_visible()
    search.fill("zoe")
    expect(select.locator("option:checked")).to_have_text("Zoë Quill")
    assert_accessible(page)
    search.press("Enter")
    expect(select).to_be_focused()
    search.fill("nobody at all")
    expect(select.locator("option:checked")).to_have_text("Zoë Quill")
    search.fill("")
    expect(select.locator("option")).to_have_count(62)
    page.locator("textarea[name=notes]").fill("She likes chess")
    page.locator("label", has_text="Feedback").first.click()
    page.get_by_role("button", name="Save conversation").click()
    expect(page.locator("#toast")).to_contain_text("Conversation saved")
    expect(page.locator("main")).to_contain_text("Zoë Quill")
    assert complaints.heard == []


def test_without_script_and_in_a_small_family_the_choice_stands_alone(
    browser: Browser, address: str, sessions: object, open_context: OpenContext
) -> None:
    page, complaints = watched(open_context("nora"))
    page.goto(first_link(page, "/families/?q=martinez", NAME) + "conversations/")
    expect(page.locator("select[name=member]")).to_be_visible()
    expect(page.get_by_label("Find a person")).to_have_count(0)
    assert complaints.heard == []
    plain = browser.new_context(base_url=address, storage_state=sessions("nora"), java_script_enabled=False)  # type: ignore[operator]
    bare = plain.new_page()
    bare.goto(first_link(bare, "/families/?q=zinnia", NAME) + "conversations/")
    expect(bare.locator("select[name=member] option")).to_have_count(62)
    expect(bare.locator("input[type=search][aria-controls]")).to_have_count(0)
    plain.close()
