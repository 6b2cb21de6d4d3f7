"""The list of families in a real browser: views that are kept, and what is done with many, also by keyboard."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenContext
from tests.browser.test_pages import assert_accessible
from tests.chromium import watched

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("narrow", [False, True], ids=["desk", "phone"])
def test_a_view_is_kept_shared_and_deleted(open_context: OpenContext, narrow: bool) -> None:
    page, complaints = watched(open_context("priya", narrow=narrow))
    name = "Left, on a phone" if narrow else "Left"
    page.goto("/families/")
    if narrow:
        page.get_by_text("More filters").click()
    page.get_by_label("Stage").select_option("left")
    page.locator("#family-views").get_by_text("Save this view").click()
    page.locator("#drawer").get_by_label("Name").fill(name)
    page.locator("#drawer").get_by_label("Everybody sees it").check()
    assert_accessible(page)
    page.locator("#drawer").get_by_role("button", name="Save view").click()
    chip = page.locator("#family-views").get_by_role("link", name=name, exact=True)
    expect(chip).to_have_attribute("aria-current", "true")
    page.get_by_label("They asked for").select_option("sms")
    expect(page.locator("#family-views")).to_contain_text("changed")
    page.locator("#family-views").get_by_text("Save changes").click()
    page.locator("#drawer").get_by_text("Delete this view").click()
    page.locator("#drawer").get_by_role("button", name="Delete it").click()
    expect(page.locator("#toast")).to_contain_text("is deleted")
    expect(chip).to_have_count(0)
    assert complaints.heard == []


@pytest.mark.parametrize("narrow", [False, True], ids=["desk", "phone"])
def test_many_get_a_tag_by_keyboard_and_it_is_taken_back(open_context: OpenContext, narrow: bool) -> None:
    page, complaints = watched(open_context("priya", narrow=narrow))
    tag = "By phone" if narrow else "By keyboard"
    page.goto("/families/?sort=-last")
    page.locator("input[name=family]").first.focus()
    page.keyboard.press("Space")
    page.locator("input[name=family]").nth(2).focus()
    page.keyboard.press("Space")
    ticked = page.locator("[data-ticked]")
    expect(ticked).to_contain_text("2")
    assert_accessible(page)
    ticked.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#drawer-title")).to_be_focused()
    expect(page.locator("#drawer-title")).to_have_text("2 families")
    assert_accessible(page)
    page.locator("#drawer input[name=tag]").focus()
    page.keyboard.type(tag)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_contain_text(f"2 families have the tag “{tag}” now")
    expect(page.locator(".fam-row").filter(has_text=tag)).not_to_have_count(0)
    page.locator("#toast").get_by_role("button", name="Undo").press("Enter")
    expect(page.locator("#toast")).to_contain_text("Taken back for 2 families")
    page.goto("/families/?sort=-last")
    expect(page.locator(".fam-row").filter(has_text=tag)).to_have_count(0)
    assert page.get_by_label("Tag", exact=True).locator("option", has_text=tag).count() == 0
    assert complaints.heard == []


def test_all_that_are_found_are_asked_to_be_called(open_context: OpenContext) -> None:
    page, complaints = watched(open_context("nora"))
    page.goto("/families/?stage=enquiry")
    page.get_by_role("button", name="With all found").click()
    drawer = page.locator("#drawer")
    expect(drawer).to_contain_text("All that the filters find")
    expect(drawer.locator("input[name=tag]")).to_have_count(0)
    drawer.get_by_label("Why call").fill("Ask how they heard of us")
    drawer.get_by_role("button", name="Ask for").click()
    expect(page.locator("#toast")).to_contain_text("on the list")
    page.locator("#toast").get_by_role("button", name="Undo").click()
    expect(page.locator("#toast")).to_contain_text("Taken back for")
    assert complaints.heard == []


@pytest.mark.parametrize("narrow", [False, True], ids=["desk", "phone"])
def test_ticks_stay_while_the_list_is_filtered_and_go_when_all_is_done(open_context: OpenContext, narrow: bool) -> None:
    page, complaints = watched(open_context("nora", narrow=narrow))
    page.goto("/families/")
    kept, ticked = page.locator("[data-ticks-kept]"), page.locator("[data-ticked]")
    for place in (0, 3):
        page.locator(".fam-tick input").nth(place).check()
    expect(kept).to_be_hidden()
    page.locator("#id_q").fill("zzz nobody")
    expect(page.locator("#families-list")).to_contain_text("No family found")
    expect(kept).to_contain_text("Ticked: 2. Of these not shown here: 2.")
    page.locator("#id_q").fill("")
    expect(ticked).to_contain_text("2")
    expect(kept).to_be_hidden()
    page.goto("/families/?sort=-name")
    page.locator(".fam-tick input").first.check()
    expect(ticked).to_contain_text("3")
    expect(kept).to_contain_text("not shown here")
    assert_accessible(page)
    ticked.click()
    expect(page.locator("#drawer-title")).to_have_text("3 families")
    page.locator("#drawer").get_by_label("Why call").fill("Autumn fair")
    page.locator("#drawer").get_by_label("Leave out families").uncheck()
    page.locator("#drawer").get_by_role("button", name="Ask for 3 calls").click()
    expect(page.locator("#toast")).to_contain_text("3 calls are on the list")
    expect(kept).to_be_hidden()
    expect(page.locator(".fam-tick input:checked")).to_have_count(0)
    page.locator(".fam-tick input").first.check()
    page.goto("/families/?q=zzznobody")
    page.get_by_role("button", name="Untick all").click()
    expect(kept).to_be_hidden()
    page.goto("/families/")
    expect(page.locator(".fam-tick input:checked")).to_have_count(0)
    assert complaints.heard == []
