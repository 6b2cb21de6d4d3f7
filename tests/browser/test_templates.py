"""Writing a template: seen on every channel while it is typed, saved, tried."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenContext
from tests.chromium import watched

pytestmark = pytest.mark.browser


def open_fair(page: Page) -> None:
    page.goto("/templates/?q=harvest")
    page.locator("#template-list .rows a").first.click()
    expect(page.locator("h1")).to_have_text("Harvest fair")


def card(page: Page, channel: str):
    return page.locator(f"#template-preview article[aria-label='{channel}']")


def test_what_is_typed_is_seen_on_every_channel(open_context: OpenContext) -> None:
    page, complaints = watched(open_context("priya"))
    open_fair(page)
    email = page.frame_locator("iframe[name=tpl-email]")
    expect(email.locator("h1")).to_contain_text("The harvest fair is on Friday, 27 November")
    page.locator("#id_body").fill("Bring {{ what }} and **cake**")
    expect(card(page, "Portal")).to_contain_text("Bring ‹what› and cake")
    expect(email.locator("strong")).to_have_text("cake")
    expect(page.locator("#tpl-missing")).to_contain_text("what")
    page.locator("#id_sms_text").fill("x" * 161)
    expect(card(page, "SMS")).to_contain_text("2 SMS · 161 characters")
    page.locator("#id_body").fill("{% for i in (1..999999999) %}x{% endfor %}")
    expect(page.locator("#template-preview")).to_contain_text("turn more than 500 times")
    assert complaints.heard == []
    page.once("dialog", lambda dialog: dialog.accept())
    page.goto("/templates/")


def test_another_family_is_chosen_by_search_and_keyboard(open_context: OpenContext) -> None:
    page, complaints = watched(open_context("nora"))
    open_fair(page)
    expect(page.locator("#id_body")).to_have_attribute("readonly", "")
    page.locator("#tpl-q").focus()
    page.keyboard.insert_text("martinez")
    choice = page.locator("#tpl-families input[type=radio]").first
    expect(choice).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator("#template-preview")).to_contain_text("For Martinez family")
    page.wait_for_load_state("networkidle")
    # Looking at another family is no change that could be lost.
    page.goto("/templates/")
    expect(page.locator("h1")).to_have_text("Templates")
    assert complaints.heard == []


@pytest.mark.parametrize("narrow", [False, True], ids=["1280", "390"])
def test_one_is_written_saved_undone_and_tried(open_context: OpenContext, narrow: bool) -> None:
    page, complaints = watched(open_context("priya", narrow=narrow))
    page.goto("/templates/new/")
    name = f"Thanks {'on a phone' if narrow else 'at a desk'}"
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Subject or title").fill("Thank you")
    page.locator("#id_body").fill("Thank you, {{ member.first_name }}.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text(name)
    page.locator("#id_body").fill("Many thanks, {{ member.first_name }}.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#toast")).to_contain_text("Saved as version 2")
    page.locator("#toast").get_by_role("button", name="Undo").click()
    expect(page.locator("#id_body")).to_have_value("Thank you, {{ member.first_name }}.")
    page.get_by_label("Your address or number").fill("priya@example.org")
    page.get_by_role("button", name="Send me a test").click()
    expect(page.locator("#toast")).to_contain_text("The test is on its way")
    page.locator("#toast").get_by_role("link", name="See it").click()
    expect(page.locator("main")).to_contain_text("[Test] Thank you")
    assert complaints.heard == []
