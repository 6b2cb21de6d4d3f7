"""A file with other headings and a bad row: named, shown, imported by the real worker, and taken back."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenContext
from tests.browser.test_pages import assert_accessible
from tests.chromium import watched

pytestmark = pytest.mark.browser

SECONDS = 30_000
ROWS = (
    "Household;Key;Full name;Role;Shoe size\n"
    "Browser family;BR-1;Ana Muñoz;guardian;38\n"
    "Browser family;BR-1;Leo Muñoz;child;30\n"
    "Wrong family;BR-2;Uncle Bob;uncle;44\n"
)


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


@pytest.mark.parametrize("narrow", [False, True], ids=["desk", "phone"])
def test_import_with_mapping_errors_and_undo(open_context: OpenContext, tmp_path: Any, narrow: bool) -> None:
    page, complaints = watched(open_context("priya", narrow=narrow, theme="dark" if narrow else "light"))
    key = "BR-P" if narrow else "BR-D"
    # A heading that only this run has, so that the columns must be named by hand each time.
    path = tmp_path / "people.csv"
    path.write_bytes(ROWS.replace("BR-", key).replace("Shoe size", f"Shoe size {key}").encode("cp1252"))
    page.goto("/imports/")
    page.locator("[name=file]").set_input_files(path)
    page.get_by_role("button", name="Show what would happen").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("What do the columns stand for?")
    assert_accessible(page)
    page.get_by_label("Key", exact=True).select_option("family_ref")
    page.get_by_role("button", name="Show what would happen").click()

    # Polling brings the preview; nobody loads the page anew.
    expect(page.locator("#bad-rows")).to_contain_text("1 row needs a change", timeout=SECONDS)
    expect(page.locator("main")).to_contain_text("“uncle” is not one of")
    expect(page.locator("main")).to_contain_text("read as Windows-1252")
    assert_accessible(page)
    assert fits(page)
    page.get_by_role("button", name="Import 2 good rows").click()

    expect(page.get_by_role("button", name="Take this import back")).to_be_visible(timeout=SECONDS)
    expect(page.locator("main")).to_contain_text("Ana Muñoz")
    assert_accessible(page)
    page.get_by_role("link", name="Browser family").first.click()
    expect(page.locator("#family-name")).to_contain_text("Browser family")
    page.go_back()
    page.get_by_role("button", name="Take this import back").click()
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("heading", name="Taken back")).to_be_visible(timeout=SECONDS)
    page.goto("/families/?q=browser family")
    expect(page.locator("#families-list")).to_contain_text("No family found")
    assert complaints.heard == []
