"""A trial installation with demo data, its worker and scheduler, and people logged in to it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState

from tests.chromium import chromium, log_in, watched
from tests.processes import Processes, free_port, running

PASSWORD = "earshot-demo"
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LONG_NAME = "Llanfairpwllgwyngyll" * 8
_INSTALLATION = pytest.StashKey[Processes]()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="package")
def address(browser: Browser, tmp_path_factory: Any, request: Any) -> Iterator[str]:
    """The address of an installation that script/run would start: SQLite, a folder for a broker, sandbox vendors."""
    folder, port = tmp_path_factory.mktemp("browser"), free_port()
    url = f"http://127.0.0.1:{port}"
    installation = Processes(
        folder,
        DJANGO_SETTINGS_MODULE="tests.browser.settings",
        EARSHOT_BROWSER_FOLDER=str(folder),
        BASE_URL=url,
    )
    request.config.stash[_INSTALLATION] = installation
    with running(installation):
        installation.manage("migrate", "--verbosity", "0")
        installation.manage("seed_demo", "--families", "40", "--interactions", "2500")
        unreachable = folder / "unreachable.csv"
        unreachable.write_text(f"family_ref,family_name,member_name\nEX-1,{LONG_NAME},{LONG_NAME}\n", encoding="utf-8")
        installation.manage("import_families", str(unreachable))
        installation.start_web(port)
        installation.start_background("--pool", "threads", "--concurrency", "2")
        installation.wait_for(f"{url}/healthz")
        yield url


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any) -> Iterator[None]:
    """What the processes said stands beside a test that failed."""
    report = yield
    if report.failed and (installation := item.config.stash.get(_INSTALLATION, None)):
        report.sections.append(("Processes", installation.logs()))
    return report


@pytest.fixture(scope="package")
def sessions(browser: Browser, address: str) -> Callable[[str], StorageState]:
    """The cookies of somebody who has logged in; each logs in once, as hashing is slow on purpose."""
    known: dict[str, StorageState] = {}

    def cookies(username: str) -> StorageState:
        if username not in known:
            context = browser.new_context(base_url=address)
            page, _complaints = watched(context)
            page.goto("/login/")
            log_in(page, username, PASSWORD)
            known[username] = context.storage_state()
            context.close()
        return known[username]

    return cookies


OpenContext = Callable[..., BrowserContext]


def window(browser: Browser, address: str, cookies: StorageState | None, *, theme: str, narrow: bool) -> BrowserContext:
    """A window of its own: cookies, theme and width."""
    context = browser.new_context(
        base_url=address,
        storage_state=cookies,
        viewport=PHONE if narrow else DESK,
        reduced_motion="reduce",
        locale="en-GB",
    )
    context.add_cookies([{"name": "theme", "value": theme, "url": address}])
    return context


@pytest.fixture
def open_context(browser: Browser, address: str, sessions: Any) -> Iterator[OpenContext]:
    """Opens a window for somebody, or for a stranger; all are closed afterwards."""
    opened: list[BrowserContext] = []

    def make(username: str | None = "nora", *, theme: str = "light", narrow: bool = False) -> BrowserContext:
        cookies = sessions(username) if username else None
        opened.append(window(browser, address, cookies, theme=theme, narrow=narrow))
        return opened[-1]

    yield make
    for context in opened:
        context.close()


@pytest.fixture(scope="package")
def shared_context(browser: Browser, address: str, sessions: Any) -> Iterator[OpenContext]:
    """Like open_context, but one window of each kind for all tests: the browser keeps files that it has read."""
    opened: dict[tuple[str | None, str, bool], BrowserContext] = {}

    def find(username: str | None = "nora", *, theme: str = "light", narrow: bool = False) -> BrowserContext:
        kind = (username, theme, narrow)
        if kind not in opened:
            cookies = sessions(username) if username else None
            opened[kind] = window(browser, address, cookies, theme=theme, narrow=narrow)
        return opened[kind]

    yield find
    for context in opened.values():
        context.close()


@pytest.fixture
def desk(open_context: OpenContext) -> Iterator[Page]:
    """Nora's window on a desk; nothing may go wrong in it."""
    page, complaints = watched(open_context())
    yield page
    assert complaints.heard == []


@pytest.fixture
def desk_with_refusals(open_context: OpenContext) -> Iterator[Page]:
    """Nora's window, where a form may be refused (422) but nothing else may go wrong."""
    page, complaints = watched(open_context(), 422)
    yield page
    assert complaints.heard == []


@pytest.fixture(scope="package")
def places(browser: Browser, address: str, sessions: Any) -> dict[str, str]:
    """The address of each page, found by clicking where people click."""
    context = browser.new_context(base_url=address, storage_state=sessions("priya"))
    page, _complaints = watched(context)
    found = find_places(page)
    context.close()
    return found


def find_places(page: Page) -> dict[str, str]:
    """Pages that need a family, an event, a message or a campaign of the demo."""
    family = first_link(page, "/families/?q=martinez", ".fam-row .fam-name a")
    event = first_link(page, "/events/", "main .rows a")
    template = first_link(page, "/templates/?q=harvest", "#template-list .rows a")
    draft = first_link(page, "/campaigns/", "main .rows a").removesuffix("edit/").removesuffix("preview/")
    return {
        "family": family,
        "event": event,
        "event people": f"{event}people/",
        "compose": f"{family}message/",
        "blocked compose": f"{first_link(page, '/families/?q=llanfair', '.fam-row .fam-name a')}message/",
        "message": send_a_message(page, family),
        "campaign preview": f"{draft}preview/",
        "template": template,
        "template versions": f"{template}versions/",
        "template version": f"{template}versions/1/",
    }


def first_link(page: Page, path: str, selector: str) -> str:
    """Where the first link of a list leads."""
    page.goto(path)
    return page.locator(selector).first.get_attribute("href") or ""


def send_a_message(page: Page, family: str) -> str:
    """Write to a family without script's help; answers the message's page."""
    page.goto(f"{family}message/")
    page.get_by_label("Subject").fill("The hall is closed on Tuesday")
    page.locator("#id_body").fill("Lessons move to the library.")
    page.locator("button[form=compose-form]").click()
    page.wait_for_url("**/messages/*/")
    return page.url.removeprefix(page.url.split("/messages/")[0])
