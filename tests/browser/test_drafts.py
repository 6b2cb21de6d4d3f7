"""Forms of whole pages when the log-in ran out, or the line is gone: what was typed stays."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import PASSWORD, OpenContext
from tests.chromium import log_in, watched

pytestmark = pytest.mark.browser


def sign_out(context: BrowserContext) -> None:
    """The session is over, as after a night."""
    context.clear_cookies(name="sessionid")


def fill_event(page: Page) -> None:
    page.goto("/events/new/")
    page.get_by_label("Name").fill("Lantern walk")
    page.get_by_label("Place").fill("River bank")
    page.get_by_label("Starts").fill("2027-01-08T17:30")


def event_is_back(page: Page) -> None:
    expect(page.get_by_label("Name")).to_have_value("Lantern walk")
    expect(page.get_by_label("Place")).to_have_value("River bank")
    expect(page.get_by_label("Starts")).to_have_value("2027-01-08T17:30")


def fill_call(page: Page) -> None:
    page.goto("/families/?q=martinez")
    href = page.locator("#families-list .fam-row .fam-name a").first.get_attribute("href")
    page.goto(f"{href}task/")
    page.get_by_label("Why call").fill("Ask about lanterns")
    page.get_by_label("What to say").fill("Bring two\nof them")
    page.get_by_label("Urgent").check()


def call_is_back(page: Page) -> None:
    expect(page.get_by_label("Why call")).to_have_value("Ask about lanterns")
    expect(page.get_by_label("What to say")).to_have_value("Bring two\nof them")
    expect(page.get_by_label("Urgent")).to_be_checked()


def fill_message(page: Page) -> None:
    page.goto("/families/?q=martinez")
    href = page.locator("#families-list .fam-row .fam-name a").first.get_attribute("href")
    page.goto(f"{href}message/")
    page.get_by_label("Subject").fill("Lanterns")
    page.locator("#id_body").fill("Please bring two.")


def message_is_back(page: Page) -> None:
    expect(page.get_by_label("Subject")).to_have_value("Lanterns")
    expect(page.locator("#id_body")).to_have_value("Please bring two.")


def fill_campaign(page: Page) -> None:
    page.goto("/campaigns/new/")
    page.get_by_label("Name").first.fill("Lantern campaign")
    page.locator("textarea").first.fill("Come and see the lanterns.")


def campaign_is_back(page: Page) -> None:
    expect(page.get_by_label("Name").first).to_have_value("Lantern campaign")
    expect(page.locator("textarea").first).to_have_value("Come and see the lanterns.")


@pytest.mark.parametrize(
    ("fill", "is_back", "button"),
    [
        (fill_event, event_is_back, "Save event"),
        (fill_call, call_is_back, ""),
        (fill_message, message_is_back, ""),
        (fill_campaign, campaign_is_back, ""),
    ],
)
def test_a_form_is_filled_again_after_signing_in(
    open_context: OpenContext, fill: Callable[[Page], None], is_back: Callable[[Page], None], button: str
) -> None:
    context = open_context("priya")
    page, _complaints = watched(context)
    fill(page)
    sign_out(context)
    form = page.locator("main form[method=post]").first
    if button:
        page.get_by_role("button", name=button).click()
    else:
        form.evaluate("(form) => form.requestSubmit()")
    log_in(page, "priya", PASSWORD)
    expect(page.get_by_role("alert").filter(has_text="What you typed is here again")).to_be_visible()
    is_back(page)


def test_a_form_that_was_saved_is_not_filled_again(open_context: OpenContext) -> None:
    context = open_context("priya")
    page, complaints = watched(context)
    fill_event(page)
    sign_out(context)
    page.get_by_role("button", name="Save event").click()
    log_in(page, "priya", PASSWORD)
    event_is_back(page)
    page.get_by_role("button", name="Save event").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Lantern walk")
    page.goto("/events/new/")
    expect(page.get_by_label("Name")).to_have_value("")
    assert page.evaluate("sessionStorage.getItem('draft')") is None
    assert complaints.heard == []


def test_a_form_that_stands_elsewhere_is_led_back_to(open_context: OpenContext, places: dict[str, str]) -> None:
    context = open_context("priya")
    page, _complaints = watched(context)
    page.goto(f"{places['event']}?edit=1")
    page.get_by_label("Place").fill("River bank")
    sign_out(context)
    page.get_by_role("button", name="Save event").click()
    log_in(page, "priya", PASSWORD)
    page.get_by_role("link", name="Back to the form").click()
    expect(page.get_by_label("Place")).to_have_value("River bank")


def test_another_person_s_words_are_not_shown(open_context: OpenContext) -> None:
    context = open_context("priya")
    page, _complaints = watched(context)
    fill_event(page)
    sign_out(context)
    page.get_by_role("button", name="Save event").click()
    log_in(page, "nora", PASSWORD)
    expect(page.get_by_label("Name")).to_have_value("")
    assert page.evaluate("sessionStorage.getItem('draft')") is None


def test_without_a_line_the_page_stays(open_context: OpenContext) -> None:
    context = open_context("priya")
    page, _complaints = watched(context)
    fill_event(page)
    context.set_offline(True)
    page.get_by_role("button", name="Save event").click()
    expect(page.get_by_role("alert").filter(has_text="connection was lost")).to_be_visible()
    event_is_back(page)
    context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Lantern walk")
