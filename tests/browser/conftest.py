"""A real Chromium on a real imagehost: one browser a session, one context (so one storage) a test.

Whatever a test does, the page must not break its Content-Security-Policy or throw, and bucket and index must agree.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.e2e.client import Client
from tests.e2e.server import Server
from tests.served import account, leaves_all_consistent
from tools.browser import find_browser

__all__ = ["account", "leaves_all_consistent"]

PHOTOS = Path(__file__).resolve().parent.parent / "photos"
SWITCHES = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
# Every pixel that moved without having been asked to, summed up as browsers do it.
WATCH_SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""

PATIENCE_MS = 15_000  # no test is about speed, and the machine may be busy

Opener = Callable[..., Page]
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("browser") / "data")
    yield server
    server.end()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, server: Server, account: Client) -> Iterator[Opener]:
    """Opens the page, signed in as `account` by the address unless told otherwise; more arguments are the context's."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            faults.append(message.text)

    def visit(*, signed_in: bool = True, prepare: Callable[[Page], None] | None = None, **options: Any) -> Page:
        options.setdefault("viewport", {"width": 1280, "height": 800})
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"], **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.add_init_script(WATCH_SHIFTS)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", note)
        if prepare:
            prepare(page)
        page.goto(f"{server.url}/#token={account.token}" if signed_in else server.url)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert faults == []


def photo(name: str) -> Path:
    """A photograph by its name without extension."""
    return PHOTOS / f"{name}.jpg"


def upload(page: Page, *paths: Path) -> None:
    """Picks the files, as the button's dialog would."""
    page.set_input_files("#files", list(paths))
