"""What somebody types is not lost to a link, a key, a colleague or the page's own doing."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser.conftest import OpenContext
from tests.browser.test_work import is_same_document, mark_document, open_family
from tests.chromium import watched

pytestmark = pytest.mark.browser


class Answers:
    """Says no, or yes, to each question that a page asks, and counts them."""

    def __init__(self, page: Page) -> None:
        self.asked, self.yes = 0, False
        page.on("dialog", self.answer)

    def answer(self, dialog: Dialog) -> None:
        self.asked += 1
        if self.yes:
            dialog.accept()
        else:
            dialog.dismiss()


def open_note(page: Page, words: str) -> None:
    open_family(page, "okafor")
    page.get_by_role("link", name="Add note").click()
    page.locator("#drawer").get_by_label("Note", exact=True).fill(words)


def by_palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.keyboard.type("call martinez")
    expect(page.locator("#palette .on")).to_contain_text("Martinez family")
    page.keyboard.press("Enter")


@pytest.mark.parametrize(
    "leave",
    [
        lambda page: page.keyboard.press("Escape"),
        lambda page: page.get_by_role("link", name="Close without saving").click(),
        lambda page: page.get_by_role("link", name="Events").first.click(),
        by_palette,
    ],
    ids=["escape", "cross", "link", "palette"],
)
def test_a_filled_drawer_is_left_only_after_a_question(desk: Page, leave: Callable[[Page], Any]) -> None:
    open_note(desk, "Half a sentence")
    answers = Answers(desk)
    leave(desk)
    expect(desk.locator("#drawer").get_by_label("Note", exact=True)).to_have_value("Half a sentence")
    assert answers.asked == 1
    answers.yes = True
    leave(desk)
    expect(desk.locator("#note-form")).to_have_count(0)
    assert answers.asked == 2


def test_a_drawer_that_was_not_touched_or_was_saved_asks_nothing(desk: Page) -> None:
    answers = Answers(desk)
    open_note(desk, "")
    desk.keyboard.press("Escape")
    expect(desk.locator("#drawer")).to_be_empty()
    open_note(desk, "A whole sentence")
    desk.get_by_role("button", name="Save note").click()
    expect(desk.locator("article.ev").filter(has_text="A whole sentence").first).to_be_visible()
    desk.get_by_role("link", name="Events").first.click()
    expect(desk.get_by_role("heading", level=1)).to_have_text("Events")
    assert answers.asked == 0


def test_a_page_does_not_reload_itself_under_a_filled_drawer(desk: Page) -> None:
    open_note(desk, "Half a sentence")
    mark_document(desk)
    answers = Answers(desk)
    desk.route("**/timeline/*version=*", lambda route: route.fulfill(status=204, headers={"HX-Refresh": "true"}))
    with desk.expect_response("**/timeline/*version=*", timeout=60_000):
        pass
    desk.wait_for_timeout(500)
    assert is_same_document(desk)
    assert answers.asked == 0


@pytest.mark.parametrize("leave", ["I will call|Give it back", "No call is needed", "Put off", "Skip"])
def test_notes_in_the_queue_are_left_only_after_a_question(desk: Page, leave: str) -> None:
    desk.goto("/calls/")
    desk.get_by_label("Notes").fill("Half a sentence")
    answers = Answers(desk)
    if leave == "Put off":
        desk.get_by_text("Call back later").click()
    who = desk.locator("#who").inner_text()
    desk.get_by_role("link" if leave == "Skip" else "button", name=re.compile(f"^({leave})$")).click()
    expect(desk.get_by_label("Notes")).to_have_value("Half a sentence")
    expect(desk.locator("#who")).to_have_text(who)
    assert answers.asked == 1


def test_notes_stay_where_a_colleague_takes_the_call(open_context: OpenContext) -> None:
    page, complaints = watched(open_context(), 422)
    page.clock.install()
    with page.expect_response("**/hold/*"):
        page.goto("/calls/")
    who = page.locator("#who").inner_text()
    task = (page.locator("#call-hold").get_attribute("hx-post") or "").split("/")[2]
    page.get_by_label("Notes").fill("Half a sentence")
    colleague, _heard = watched(open_context("priya"))
    colleague.goto(f"/calls/?task={task}")
    colleague.get_by_role("button", name="I will call").click()
    expect(colleague.get_by_text("Yours", exact=True)).to_be_visible()
    page.clock.fast_forward(31_000)
    expect(page.locator("#call-hold")).to_contain_text("Priya has taken this call; your notes are still here.")
    expect(page.locator("#who")).to_have_text(who)
    expect(page.get_by_label("Notes")).to_have_value("Half a sentence")
    page.get_by_text("Voicemail left").click()
    page.get_by_role("button", name="Save and next").click()
    expect(page.get_by_role("button", name="Save it although Priya has this call")).to_be_visible()
    expect(page.get_by_label("Notes")).to_have_value("Half a sentence")
    page.get_by_role("button", name="Save it although Priya has this call").click()
    expect(page.locator("#toast")).to_contain_text(f"{who}: voicemail left")
    assert complaints.heard == []


@pytest.mark.parametrize(("path", "button"), [("notes", "Save note"), ("calls", "Save call")])
def test_a_log_form_as_a_page_of_its_own_leads_to_the_family(desk: Page, path: str, button: str) -> None:
    open_family(desk, "novak")
    family = desk.url
    desk.goto(f"{family}{path}/")
    desk.locator("main textarea").first.fill("Typed on a page of its own")
    if path == "calls":
        desk.locator("main .seg label").filter(has_text="Voicemail").first.click()
    desk.get_by_role("button", name=button).click()
    desk.wait_for_url(f"{family}#interaction-*")
    expect(desk.locator("article.ev").filter(has_text="Typed on a page of its own").first).to_be_visible()
    expect(desk.locator("#drawer")).to_be_hidden()


def test_the_menu_of_the_queue_keeps_its_choice_and_the_clock_goes_on(desk: Page) -> None:
    desk.clock.install()
    desk.goto("/calls/")
    desk.locator("#call-bulk summary").click()
    desk.get_by_label("Give them to").select_option("priya")
    queue = desk.locator("#call-queue")
    queue.evaluate(
        "(list) => { list.setAttribute('hx-get', list.getAttribute('hx-get') + 'old'); htmx.process(list); }"
    )
    queue.evaluate("(list) => { list.dataset.old = '1' }")
    clock = desk.locator("[data-clock]")
    clock.click()
    desk.clock.fast_forward(120_000)
    clock.click()
    expect(desk.get_by_label("Minutes")).to_have_value("2")
    clock.click()
    desk.clock.fast_forward(60_000)
    clock.click()
    expect(desk.get_by_label("Minutes")).to_have_value("3")
    expect(desk.locator("#call-queue[data-old]")).to_have_count(0)
    expect(desk.locator("#call-bulk")).to_have_attribute("open", "")
    expect(desk.get_by_label("Give them to")).to_have_value("priya")
