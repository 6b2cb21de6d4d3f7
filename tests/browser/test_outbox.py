"""Writing, taking back and following a message, and the outbox, in a real browser."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenContext
from tests.browser.test_pages import assert_accessible
from tests.browser.test_work import is_same_document, mark_document, open_family, tab_to
from tests.chromium import watched

pytestmark = pytest.mark.browser

PDF = {"name": "leaflet.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7\n%%EOF\n"}
LEAVES = 60_000
"""Milliseconds within which a message that waits ten seconds has surely left."""


def write(page: Page, subject: str, *, channel: str = "Email") -> None:
    """Fill in the drawer of the family whose page is open."""
    page.get_by_role("link", name="Send a message").click()
    expect(page.locator("#drawer-title")).to_be_focused()
    page.locator("#drawer label", has_text=channel).first.click()
    page.locator("#drawer").get_by_label("Subject").fill(subject)
    page.locator("#id_body").fill("Dear {{ member.first_name }}, lessons move to the library.")


def waiting(page: Page, subject: str) -> Any:
    return page.locator(".waiting article").filter(has_text=subject)


def test_a_message_is_taken_back_and_sent_after_all(desk: Page) -> None:
    open_family(desk, "martinez")
    mark_document(desk)
    write(desk, "The hall is closed")
    desk.keyboard.press("Control+Enter")
    expect(waiting(desk, "The hall is closed")).to_contain_text("Waiting to go")
    expect(desk.locator("#drawer")).to_be_empty()
    desk.get_by_role("status").get_by_role("button", name="Undo").press("Enter")
    expect(desk.locator("#id_body")).to_have_value(re.compile(r"^Dear \{\{ member.first_name \}\}"))
    expect(waiting(desk, "The hall is closed")).to_have_count(0)
    desk.locator("#drawer").get_by_label("Subject").fill("The hall is open")
    desk.locator("#drawer footer").get_by_role("button").click()
    expect(waiting(desk, "The hall is open")).to_be_visible()
    # It leaves by itself and becomes an entry of the conversation, without a reload.
    entry = desk.locator("article.ev[id^=interaction-]").filter(has_text="The hall is open")
    expect(entry).to_be_visible(timeout=LEAVES)
    expect(waiting(desk, "The hall is open")).to_have_count(0)
    expect(entry).to_contain_text("Sent")
    assert is_same_document(desk)


def test_a_text_that_was_taken_back_is_not_lost_by_a_slip(desk: Page) -> None:
    open_family(desk, "novak")
    write(desk, "Do not lose me")
    desk.keyboard.press("Control+Enter")
    desk.get_by_role("status").get_by_role("button", name="Undo").click()
    expect(desk.locator("#id_body")).not_to_be_empty()
    asked: list[str] = []

    def stay(dialog: Any) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    desk.once("dialog", stay)
    desk.keyboard.press("Escape")
    expect(desk.locator("#id_body")).to_be_visible()
    assert asked


def test_closing_the_browser_still_sends(open_context: OpenContext, desk: Page) -> None:
    page, complaints = watched(open_context())
    open_family(page, "okafor")
    family = page.url
    write(page, "Sent while nobody looks")
    page.keyboard.press("Control+Enter")
    expect(waiting(page, "Sent while nobody looks")).to_be_visible()
    assert complaints.heard == []
    page.close()
    desk.goto(family)
    entry = desk.locator("article.ev[id^=interaction-]").filter(has_text="Sent while nobody looks")
    expect(entry).to_be_visible(timeout=LEAVES)


@pytest.mark.parametrize("narrow", [False, True], ids=["1280", "390"])
def test_files_go_along(narrow: bool, open_context: OpenContext) -> None:
    page, complaints = watched(open_context(narrow=narrow))
    open_family(page, "martinez")
    write(page, f"With a leaflet {narrow}", channel="Best")
    page.locator("#id_attachments").set_input_files([PDF])
    expect(page.locator("#compose-files li")).to_contain_text("leaflet.pdf")
    expect(page.locator("#compose-plan")).to_contain_text("By email to")
    expect(page.locator("#compose-button")).to_contain_text("Send by email")
    page.locator("#id_attachments").set_input_files([{**PDF, "name": "virus.exe"}])
    expect(page.locator("#files-problems")).to_contain_text("of a kind that cannot go along")
    expect(page.locator("#compose-files li")).to_have_count(1)
    expect(page.locator("#id_body")).to_have_value(re.compile("lessons move"))
    assert_accessible(page)
    if narrow:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#drawer footer").get_by_role("button").click()
    expect(waiting(page, f"With a leaflet {narrow}")).to_be_visible()
    waiting(page, f"With a leaflet {narrow}").get_by_role("link").first.click()
    with page.expect_download() as kept:
        page.get_by_role("link", name="leaflet.pdf").click()
    assert kept.value.suggested_filename == "leaflet.pdf"
    assert complaints.heard == []
    page.close()


def test_a_message_moves_on_its_own_page(desk: Page) -> None:
    open_family(desk, "novak")
    write(desk, "Watch me go")
    desk.keyboard.press("Control+Enter")
    waiting(desk, "Watch me go").get_by_role("link").first.click()
    expect(desk.locator("#message-story")).to_contain_text("May leave")
    mark_document(desk)
    expect(desk.locator("#message-story")).to_contain_text("Handed to the vendor", timeout=LEAVES)
    expect(desk.locator("#message-story")).to_contain_text(re.compile("Delivered|Bounced"), timeout=LEAVES)
    assert is_same_document(desk)


def test_many_are_cancelled_and_brought_back_by_keyboard(open_context: OpenContext) -> None:
    page, complaints = watched(open_context("priya"))
    open_family(page, "papadakis")
    for number in (1, 2):
        write(page, f"Later {number}")
        page.locator("#drawer label", has_text="Later").first.click()
        page.locator("#id_send_at").fill("2027-03-01T09:00")
        page.locator("#drawer footer").get_by_role("button").click()
        expect(waiting(page, f"Later {number}")).to_contain_text("Held")
    page.goto("/messages/?status=held")
    rows = page.locator(".outbox > li").filter(has_text="Later")
    for row in rows.all():
        tab_to(page, row.get_by_role("checkbox"))
        page.keyboard.press("Space")
    # The list follows the news meanwhile: the ticks stay.
    page.wait_for_timeout(2500)
    expect(page.locator("[data-ticked-count]")).to_have_text("2")
    page.locator("#outbox-ticked").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#drawer-title")).to_have_text("2 messages")
    assert_accessible(page)
    page.get_by_role("button", name="Cancel 2 messages").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("2 messages are cancelled")
    expect(page.locator(".outbox > li").filter(has_text="Later")).to_have_count(0)
    page.get_by_role("status").get_by_role("button", name="Undo").press("Enter")
    expect(page.locator(".outbox > li").filter(has_text="Later")).to_have_count(2)
    assert complaints.heard == []
    page.close()


def test_the_outbox_is_narrowed_on_a_phone(open_context: OpenContext) -> None:
    page, complaints = watched(open_context("priya", narrow=True))
    page.goto("/messages/")
    page.locator(".outbox-find summary").click()
    page.get_by_label("Family", exact=True).fill("martinez")
    page.get_by_role("button", name="Find", exact=True).click()
    page.wait_for_url("**who=martinez**")
    expect(page.locator("#id_who")).to_have_value("martinez")
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert complaints.heard == []
    page.close()
