"""Check-in over a line that comes and goes, in a real browser."""

import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import OpenContext
from tests.chromium import watched

pytestmark = pytest.mark.browser
FREE = "#people button[name=tick][aria-pressed=false]"


@pytest.fixture
def event_page(open_context: OpenContext, places: dict[str, str]) -> tuple[BrowserContext, Page, Any]:
    context = open_context(narrow=True)
    page, complaints = watched(context)
    meant(page)
    page.goto(places["event"])
    return context, page, complaints


def meant(page: Page) -> None:
    """The demo's next event is tomorrow in the evening: the page asks whether that is meant."""
    page.on("dialog", lambda dialog: dialog.accept() if dialog.type == "confirm" else None)


def here(page: Page) -> int:
    return int(page.locator("#event-counts .big-n").inner_text())


def free(page: Page, number: int) -> list[str]:
    """Ids of people who are not here yet, of as many families."""
    ids = page.locator("#people li").evaluate_all(
        "(rows) => rows.map((row) => row.querySelector('button[name=tick][aria-pressed=false]')?.id).filter(Boolean)"
    )
    assert len(ids) >= number
    return ids[:number]


def sent(page: Page) -> list[str]:
    """What goes out to the check-in from now on."""
    bodies: list[str] = []
    page.on(
        "request",
        lambda one: bodies.append(one.post_data or "") if one.method == "POST" and "/check-in/" in one.url else None,
    )
    return bodies


def test_taps_wait_for_the_line_survive_a_reload_and_are_seen_by_others(
    open_context: OpenContext, event_page: tuple[BrowserContext, Page, Any], places: dict[str, str]
) -> None:
    context, page, complaints = event_page
    colleague, heard = watched(open_context("priya"))
    meant(colleague)
    colleague.goto(places["event"])
    before, chosen = here(page), free(page, 3)
    bodies = sent(page)
    context.set_offline(True)
    for button in chosen:
        page.locator(f"#{button}").click()
        expect(page.locator(f"#{button}")).to_have_attribute("aria-pressed", "true")
        expect(page.locator(f"#{button} use")).to_have_attribute("href", "#here-circle-check")
    expect(page.get_by_role("status").filter(has_text="Waiting to be sent (3)")).to_be_visible()
    assert bodies == []
    context.set_offline(False)
    expect(page.locator("#check-in")).to_be_hidden()
    expect(page.locator("#event-counts .big-n")).to_have_text(str(before + 3))
    assert [re.findall(r"tick=(\d+)", body) for body in bodies] == [[one.removeprefix("tick-")] for one in chosen]
    expect(colleague.locator("#event-counts .big-n")).to_have_text(str(before + 3))
    for button in chosen:
        expect(colleague.locator(f"#{button}")).to_have_attribute("aria-pressed", "true")
    assert heard.heard == []
    assert [one for one in complaints.heard if "ERR_INTERNET_DISCONNECTED" not in one and "htmx" not in one] == []


def test_a_waiting_tap_is_taken_back_without_a_word_to_the_server(
    event_page: tuple[BrowserContext, Page, Any],
) -> None:
    context, page, _complaints = event_page
    bodies, [first, second] = sent(page), free(page, 2)
    before = here(page)
    context.set_offline(True)
    page.locator(f"#{first}").click()
    page.locator(f"#{second}").click()
    page.locator(f"#{first}").click()
    expect(page.locator(f"#{first}")).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#check-in")).to_contain_text("Waiting to be sent (1)")
    context.set_offline(False)
    expect(page.locator("#event-counts .big-n")).to_have_text(str(before + 1))
    assert len(bodies) == 1


def test_leaving_with_waiting_taps_is_warned_of_and_they_go_out_after_coming_back(
    event_page: tuple[BrowserContext, Page, Any], places: dict[str, str]
) -> None:
    _context, page, _complaints = event_page
    [button], before = free(page, 1), here(page)
    # The line is up by what the browser knows, and yet nothing gets through.
    page.route("**/check-in/", lambda route: route.abort())
    page.locator(f"#{button}").click()
    expect(page.locator("#check-in")).to_contain_text("Waiting to be sent (1)")
    warnings: list[str] = []
    page.on("dialog", lambda dialog: (warnings.append(dialog.type), dialog.accept()))
    page.reload()
    assert warnings == ["beforeunload"]
    expect(page.locator(f"#{button}")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#check-in")).to_contain_text("Waiting to be sent (1)")
    page.unroute("**/check-in/")
    expect(page.locator("#check-in")).to_be_hidden()
    expect(page.locator("#event-counts .big-n")).to_have_text(str(before + 1))


def test_a_tap_whose_answer_was_lost_counts_once(event_page: tuple[BrowserContext, Page, Any]) -> None:
    _context, page, _complaints = event_page
    [button], before, bodies = free(page, 1), here(page), sent(page)
    lost: list[int] = []

    def lose_the_first_answer(route: Any) -> None:
        if lost:
            return route.continue_()
        lost.append(route.fetch().status)
        return route.abort()

    page.route("**/check-in/", lose_the_first_answer)
    page.locator(f"#{button}").click()
    expect(page.locator("#event-counts .big-n")).to_have_text(str(before + 1))
    expect(page.locator("#check-in")).to_be_hidden()
    assert (lost, len(bodies)) == ([200], 2)
    names = {re.search(r"tap=([\w-]+)", body).group(1) for body in bodies}  # type: ignore[union-attr]
    assert len(names) == 1
    page.locator(f"#{button}").click()
    expect(page.locator("#event-counts .big-n")).to_have_text(str(before))


def test_taps_are_kept_while_one_is_signed_out(event_page: tuple[BrowserContext, Page, Any]) -> None:
    context, page, _complaints = event_page
    [button], before = free(page, 1), here(page)
    cookies = context.cookies()
    context.clear_cookies(name="sessionid")
    page.locator(f"#{button}").click()
    expect(page.locator("#check-in")).to_contain_text("You have been signed out.")
    context.add_cookies(cookies)
    expect(page.locator("#check-in")).to_be_hidden()
    expect(page.locator("#event-counts .big-n")).to_have_text(str(before + 1))


def test_a_whole_family_is_checked_in_with_one_tap_and_undone_from_the_toast(
    event_page: tuple[BrowserContext, Page, Any],
) -> None:
    _context, page, complaints = event_page
    row = page.locator("#people li").filter(has=page.get_by_role("button", name=re.compile("^Everyone"))).first
    row_id, missing = row.get_attribute("id"), row.locator("button[name=tick][aria-pressed=false]").count()
    before = here(page)
    row.get_by_role("button", name=re.compile("^Everyone")).click()
    expect(page.locator("#event-counts .big-n")).to_have_text(str(before + missing))
    expect(page.locator(f"#{row_id} button[name=tick][aria-pressed=false]")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#event-counts .big-n")).to_have_text(str(before))
    assert complaints.heard == []


def test_a_tap_goes_out_at_once_where_the_browser_can_keep_nothing(
    event_page: tuple[BrowserContext, Page, Any],
) -> None:
    _context, page, complaints = event_page
    [first, second], before = free(page, 2), here(page)
    page.evaluate(
        "() => { Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') } }"
    )
    page.locator(f"#{first}").click()
    expect(page.locator("#event-counts .big-n")).to_have_text(str(before + 1))
    page.route("**/check-in/", lambda route: route.abort())
    page.locator(f"#{second}").click()
    expect(page.locator("#check-in")).to_contain_text("This browser has no room to keep it")
    expect(page.locator(f"#{second}")).to_have_attribute("aria-pressed", "true")
    page.unroute("**/check-in/")
    expect(page.locator("#event-counts .big-n")).to_have_text(str(before + 2))
    expect(page.locator("#check-in")).to_be_hidden()
    assert [one for one in complaints.heard if "ERR_FAILED" not in one] == []


def test_a_tap_that_waited_does_not_beat_what_a_colleague_said_since(
    open_context: OpenContext, event_page: tuple[BrowserContext, Page, Any], places: dict[str, str]
) -> None:
    context, page, _complaints = event_page
    colleague, _heard = watched(open_context("priya"))
    meant(colleague)
    colleague.goto(places["event"])
    [button] = free(page, 1)
    context.set_offline(True)
    page.locator(f"#{button}").click()
    page.wait_for_timeout(500)
    for pressed in ("true", "false"):
        colleague.locator(f"#{button}").click()
        expect(colleague.locator(f"#{button}")).to_have_attribute("aria-pressed", pressed)
        expect(colleague.locator(f"#{button}.waiting")).to_have_count(0)
    colleague.wait_for_timeout(1000)
    context.set_offline(False)
    expect(page.locator("#notices")).to_contain_text("came late and does not count")
    expect(page.locator(f"#{button}")).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#check-in")).to_be_hidden()


def test_a_walk_in_waits_for_the_line_and_goes_out_from_any_page(
    event_page: tuple[BrowserContext, Page, Any], places: dict[str, str]
) -> None:
    context, page, _complaints = event_page
    before = here(page)
    page.goto(f"{places['event people']}?find=an")
    is_here = page.get_by_role("button", name=re.compile(" is here$")).first
    name = is_here.get_attribute("data-name") or ""
    context.set_offline(True)
    is_here.click()
    expect(is_here).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#check-in")).to_contain_text("Waiting to be sent (1)")
    page.on("dialog", lambda dialog: dialog.accept())
    page.route("**/check-in/", lambda route: route.abort())
    context.set_offline(False)
    page.goto("/calls/")
    expect(page.locator("#check-in")).to_contain_text("Waiting to be sent (1)")
    page.unroute("**/check-in/")
    expect(page.locator("#toast")).to_contain_text(f"{name} is checked in", timeout=10_000)
    page.goto(places["event"])
    assert here(page) == before + 1


def test_a_guest_whom_the_line_did_not_take_stays_typed(
    event_page: tuple[BrowserContext, Page, Any], places: dict[str, str]
) -> None:
    _context, page, _complaints = event_page
    page.goto(places["event people"])
    page.get_by_label("Their name").fill("Guest of the house")
    page.route("**/people/", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    page.locator("#guest").get_by_role("button", name="Check in").click()
    expect(page.get_by_role("alert").filter(has_text="connection was lost")).to_be_visible()
    assert page.get_by_label("Their name").input_value() == "Guest of the house"
    page.unroute("**/people/")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#toast .toasty, #early-h").first).to_be_attached()
    if page.locator("#early-h").count():
        page.get_by_role("button", name="Yes, check in now").click()
    expect(page.locator("#toast")).to_contain_text("Guest of the house is checked in")
