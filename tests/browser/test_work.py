"""What people do all day, in a real browser: find, log, take back, check in, send."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenContext
from tests.chromium import watched

pytestmark = pytest.mark.browser

MOST_TABS = 80


def open_family(page: Page, search: str) -> None:
    """The page of the first family that a search finds."""
    page.goto(f"/families/?q={search}")
    page.locator(".fam-row .fam-name a").first.click()
    expect(page.locator("#family-name")).to_be_visible()


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until the element has the focus."""
    for _step in range(MOST_TABS):
        if wanted.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{MOST_TABS} times Tab do not lead to {wanted}")


def mark_document(page: Page) -> None:
    """Leave a mark that a navigation would wipe out."""
    page.evaluate("window.sameDocument = true")


def is_same_document(page: Page) -> bool:
    return page.evaluate("window.sameDocument === true")


def test_search_finds_a_family_by_its_number_in_any_notation(desk: Page) -> None:
    open_family(desk, "martinez")
    link = desk.locator("a[href^='tel:']").first.get_attribute("href") or ""
    number = link.removeprefix("tel:+44")
    assert re.fullmatch(r"\d{10}", number), link
    for typed in (
        f"0{number}",
        f"+44{number}",
        f"0044 {number[:4]} {number[4:]}",
        f"(0{number[:4]}) {number[4:7]}-{number[7:]}",
        number[-6:],
    ):
        desk.goto("/")
        desk.keyboard.press("/")
        desk.keyboard.type(typed)
        desk.keyboard.press("Enter")
        expect(desk.locator("#families-list .fam-row")).to_contain_text(["Martinez family"])


def test_the_list_narrows_while_one_types(desk: Page) -> None:
    desk.goto("/families/")
    mark_document(desk)
    desk.locator("#id_q").press_sequentially("papad")
    expect(desk.locator("#families-list .fam-row")).to_have_count(1)
    expect(desk.locator("#families-list .fam-row")).to_contain_text("Papadakis")
    expect(desk).to_have_url(re.compile("q=papad"))
    assert is_same_document(desk)


def test_a_call_is_logged_and_taken_back_by_keyboard_alone(desk: Page) -> None:
    open_family(desk, "okafor")
    mark_document(desk)
    here = desk.url
    tab_to(desk, desk.locator("header.top").get_by_role("link", name="Log a call"))
    desk.keyboard.press("Enter")
    expect(desk.locator("#drawer-title")).to_be_focused()
    tab_to(desk, desk.locator("#drawer").get_by_role("radio", name="Answered"))
    desk.keyboard.press("Space")
    tab_to(desk, desk.locator("#drawer").get_by_label("Notes"))
    desk.keyboard.type("Robotics suits them on Tuesdays")
    desk.keyboard.press("Control+Enter")

    entry = desk.locator("article.ev").filter(has_text="Robotics suits them on Tuesdays")
    expect(entry).to_be_focused()
    expect(entry).to_contain_text("Answered")
    expect(entry).to_be_in_viewport()
    expect(desk.locator("#drawer")).to_be_empty()
    assert desk.url == here
    assert is_same_document(desk)

    undo = desk.get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    undo.press("Enter")
    expect(desk.get_by_role("status")).to_contain_text("Call taken back")
    expect(desk.locator("article.ev").filter(has_text="withdrawn by").first).to_be_visible()
    expect(desk.get_by_text("Robotics suits them on Tuesdays")).to_be_hidden()


def test_escape_closes_the_drawer_and_gives_the_focus_back(desk: Page) -> None:
    open_family(desk, "okafor")
    opener = desk.get_by_role("link", name="Add note")
    opener.press("Enter")
    expect(desk.locator("#drawer-title")).to_be_focused()
    desk.keyboard.press("Escape")
    expect(desk.locator("#drawer")).to_be_empty()
    expect(opener).to_be_focused()


def test_what_was_typed_survives_an_error(desk_with_refusals: Page) -> None:
    page = desk_with_refusals
    open_family(page, "novak")
    page.locator("header.top").get_by_role("link", name="Log a call").click()
    page.locator("#drawer").get_by_label("Notes").fill("Fees are on their way")
    page.get_by_role("button", name="Save call").click()
    expect(page.locator("#drawer .errors")).to_be_focused()
    expect(page.locator("#drawer .errors")).to_contain_text("Choose what happened.")
    expect(page.locator("#drawer").get_by_label("Notes")).to_have_value("Fees are on their way")
    choose(page, "Voicemail")
    page.get_by_role("button", name="Save call").click()
    expect(page.locator("article.ev").filter(has_text="Fees are on their way")).to_be_visible()
    expect(page.locator("#drawer")).to_be_empty()


def choose(page: Page, words: str) -> None:
    """Press the big button that stands for a radio."""
    page.locator("#drawer .seg label").filter(has_text=words).first.click()


def test_a_lost_connection_keeps_what_was_typed(open_context: OpenContext) -> None:
    context = open_context()
    page, _complaints = watched(context)
    open_family(page, "haddad")
    page.get_by_role("link", name="Add note").click()
    page.locator("#drawer").get_by_label("Note", exact=True).fill("Layla has moved up a group")
    context.set_offline(True)
    page.get_by_role("button", name="Save note").click()
    expect(page.locator("#drawer").get_by_role("alert")).to_contain_text("connection was lost")
    context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("article.ev").filter(has_text="Layla has moved up a group")).to_be_visible()


def test_a_conversation_is_logged(desk: Page) -> None:
    open_family(desk, "lindqvist")
    desk.get_by_label("More actions").click()
    desk.get_by_role("link", name="Log a conversation").click()
    desk.locator("#drawer .seg label").first.click()
    desk.locator("#drawer").get_by_label("What was said").fill("They would like a place in the forest school")
    desk.get_by_role("button", name="Save conversation").click()
    expect(desk.locator("article.ev").filter(has_text="a place in the forest school")).to_be_focused()


def test_two_people_check_in_at_once_and_both_count(open_context: OpenContext, places: dict[str, str]) -> None:
    windows = [watched(open_context(name)) for name in ("nora", "priya")]
    pages = [page for page, _complaints in windows]
    for page in pages:
        page.goto(places["event"])
    open_tick = "button[name=tick][aria-pressed=false]"
    rows = pages[0].locator(f"#people li:has({open_tick})")
    chosen = [rows.nth(place).locator(open_tick).first.get_attribute("id") for place in (0, 1)]
    before = int(pages[0].locator("#event-counts .big-n").inner_text())
    for page, button in zip(pages, chosen, strict=True):
        page.locator(f"#{button}").click(no_wait_after=True)
    for (page, complaints), button in zip(windows, chosen, strict=True):
        expect(page.locator("#event-counts .big-n")).to_have_text(str(before + 2))
        expect(page.locator(f"#{button}")).to_have_attribute("aria-pressed", "true")
        assert complaints.heard == []


def test_a_message_goes_out_by_the_sandbox_and_its_steps_appear(desk: Page) -> None:
    open_family(desk, "papadakis")
    mark_document(desk)
    desk.get_by_role("link", name="Send a message").click()
    desk.locator("#compose-form .seg label").filter(has_text="Email").click()
    expect(desk.locator("#compose-plan")).to_contain_text("Sandbox")
    desk.locator("#compose-form").get_by_label("Subject").fill("Bring wellies")
    desk.locator("#id_body").fill("The meadow is wet.")
    desk.locator("button[form=compose-form]").click()
    # The family's page stays, the message stands beside it, and the timeline comes alive.
    expect(desk.get_by_role("status")).to_contain_text("Message queued")
    expect(desk.locator("#drawer")).to_be_empty()
    expect(desk.locator("article.ev").filter(has_text="Bring wellies").first).to_contain_text("Sandbox")
    assert is_same_document(desk)
    desk.locator("#messages-panel").get_by_role("link", name="Bring wellies").first.click()
    expect(desk.get_by_role("heading", level=1)).to_have_text("Bring wellies")
    # It waits ten seconds to be taken back. Now and then the sandbox plays a bounce, as mailboxes do.
    last = desk.locator("#message-story .stepline .did").last
    expect(last).to_contain_text(re.compile("Delivered|Opened|Clicked"), timeout=60_000)
    expect(desk.locator("#message-story")).to_contain_text("Sandbox: it stays on this machine.")


def test_a_message_that_says_nothing_is_refused(desk_with_refusals: Page) -> None:
    page = desk_with_refusals
    open_family(page, "papadakis")
    page.get_by_role("link", name="Send a message").click()
    page.locator("#compose-form").get_by_label("Subject").fill("Only a subject")
    page.locator("button[form=compose-form]").click()
    expect(page.locator(".errors")).to_contain_text("Write what should be said.")
    expect(page.locator("#compose-form").get_by_label("Subject")).to_have_value("Only a subject")


def test_the_theme_is_remembered(open_context: OpenContext) -> None:
    page, complaints = watched(open_context(theme="light"))
    page.goto("/")
    html = page.locator("html")
    toggle = page.locator("[data-theme-toggle]")
    toggle.click()
    expect(html).to_have_attribute("data-bs-theme", "dark")
    expect(toggle).to_have_accessible_name("Theme: dark")
    page.goto("/families/")
    expect(html).to_have_attribute("data-bs-theme", "dark")
    page.emulate_media(color_scheme="light")
    toggle.click()
    expect(html).to_have_attribute("data-bs-theme", "light")
    page.emulate_media(color_scheme="dark")
    expect(html).to_have_attribute("data-bs-theme", "dark")
    assert complaints.heard == []


def test_the_phone_s_menu_leads_everywhere(open_context: OpenContext) -> None:
    page, complaints = watched(open_context(narrow=True))
    page.goto("/")
    page.get_by_role("navigation", name="Quick").get_by_role("link", name="More").click()
    page.get_by_role("navigation", name="All places").get_by_role("link", name="Reports").click()
    expect(page).to_have_url(re.compile("/analytics/"))
    assert complaints.heard == []


def test_logging_out_shuts_the_door(open_context: OpenContext, browser: Any, address: str) -> None:
    from tests.browser.conftest import PASSWORD
    from tests.chromium import log_in

    # A session of its own: that of the other tests must not end.
    page, complaints = watched(open_context(None))
    page.goto("/calls/")
    log_in(page, "priya", PASSWORD)
    expect(page).to_have_url(re.compile("/calls/$"))
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Log in")
    page.goto("/calls/")
    expect(page).to_have_url(re.compile("/login/"))
    assert complaints.heard == []


def test_the_palette_logs_a_call_from_anywhere_by_keyboard(desk: Page) -> None:
    desk.goto("/events/")
    desk.keyboard.press("Control+k")
    desk.keyboard.type("call martinez")
    expect(desk.locator("#palette .on")).to_contain_text("Martinez family")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", name="Log a call with Martinez family")).to_be_focused()
    expect(desk.locator("#palette")).to_be_hidden()


def test_a_menu_closes_by_key_by_a_click_elsewhere_and_once_something_is_chosen(desk: Page) -> None:
    desk.goto("/families/?q=martinez")
    desk.get_by_role("link", name="Martinez family").first.click()
    menu = desk.locator("details.menu")
    summary = menu.locator("summary")
    summary.click()
    desk.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(summary).to_be_focused()
    summary.click()
    desk.get_by_role("heading", level=1).click()
    expect(menu).not_to_have_attribute("open", "")
    summary.click()
    menu.get_by_role("link", name="Log a conversation").click()
    expect(menu).not_to_have_attribute("open", "")


def test_a_log_in_that_ran_out_keeps_the_outcome_of_a_call(open_context: OpenContext) -> None:
    context = open_context()
    page = context.new_page()
    page.goto("/calls/")
    first = page.locator("#who").inner_text()
    page.get_by_label("Notes").fill("Typed words")
    page.get_by_text("Voicemail left").click()
    cookies = context.cookies()
    context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save and next").click()
    expect(page.get_by_role("alert").filter(has_text="You have been signed out")).to_be_visible()
    expect(page.get_by_label("Notes")).to_have_value("Typed words")
    context.add_cookies(cookies)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#toast")).to_contain_text(f"{first}: voicemail left")
    expect(page.get_by_label("Notes")).to_have_value("")
