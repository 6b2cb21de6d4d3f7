"""One Chromium for many tests, and pages that remember everything that went wrong in them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, expect, sync_playwright

from tests.processes import require

PATIENCE_MS = 15_000
# Root cannot use Chromium's own sandbox; the pages are ours.
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
# The browser says on the console, as errors, which policy was violated; the event names the rule.
TELL_VIOLATIONS = """document.addEventListener("securitypolicyviolation", (event) =>
    console.error(`CSP: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile ?? ""}`))"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser that EARSHOT_TEST_CHROMIUM names; skips without it."""
    [path] = require("EARSHOT_TEST_CHROMIUM")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield browser
        browser.close()


@dataclass
class Complaints:
    """What a page said on its console, threw, or got as a broken answer; `expected` statuses are no complaint."""

    expected: set[int] = field(default_factory=set)
    heard: list[str] = field(default_factory=list)

    def hear_console(self, message: ConsoleMessage) -> None:
        # A status that somebody waited for is told as an error too; the answer itself is heard below.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.heard.append(f"{message.type}: {message.text}")

    def hear_answer(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.heard.append(f"{response.status} from {response.url}")

    def watch(self, page: Page) -> None:
        """Listen to everything that this page says from now on."""
        page.on("console", self.hear_console)
        page.on("response", self.hear_answer)
        page.on("pageerror", lambda error: self.heard.append(f"thrown: {error}"))


def watched(context: BrowserContext, *expected: int) -> tuple[Page, Complaints]:
    """A page of the context and what goes wrong in it."""
    complaints = Complaints({*expected})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(TELL_VIOLATIONS)
    complaints.watch(page)
    return page, complaints


def log_in(page: Page, username: str, password: str) -> None:
    """Through the log-in page, as people do."""
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Log in")
