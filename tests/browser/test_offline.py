"""The network goes and comes back: what failed meanwhile mends itself, and what is seen stays to be seen."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener, photo, upload
from tests.e2e.client import API, Client
from tests.e2e.server import Server, eventually


def test_thumbnails_that_failed_without_network_come_with_it(server: Server, account: Client, visit: Opener) -> None:
    account.upload(photo("rocket").read_bytes(), "image/jpeg")
    thumbnails = f"{server.s3_origin}/*/variants/**"
    page = visit(prepare=lambda page: page.route(thumbnails, lambda route: route.abort()))
    expect(page.locator(".tile.broken")).to_be_visible()
    page.unroute(thumbnails)
    page.context.set_offline(True)
    page.context.set_offline(False)
    expect(page.locator(".tile.loaded")).to_have_count(1)
    expect(page.locator(".tile.broken")).to_have_count(0)


def test_without_network_the_large_view_keeps_the_thumbnail(account: Client, visit: Opener) -> None:
    account.upload(photo("rocket").read_bytes(), "image/jpeg")
    page = visit()
    expect(page.locator(".tile.loaded")).to_have_count(1)
    page.context.set_offline(True)
    page.locator(".tile-open").click()
    expect(page.locator("#lb-trouble-words")).to_have_text("The server cannot be reached.")
    expect(page.locator("#lb-thumb")).to_be_visible()
    page.context.set_offline(False)
    expect(page.locator(".frame.loaded")).to_be_visible()
    expect(page.locator("#lb-trouble")).to_be_hidden()


def test_an_upload_outlasts_a_long_time_without_network(account: Client, visit: Opener) -> None:
    page = visit()
    expect(page.locator("#view-empty")).to_be_visible()
    page.clock.install()
    page.context.set_offline(True)
    upload(page, photo("coffee"))
    expect(page.locator(".upload-words")).to_have_text("Waiting for the network")
    tried: list[str] = []
    page.on("requestfailed", lambda request: tried.append(request.url))
    eventually(lambda: _tried_often(page, tried), 30, "more tries than it has with a network")
    expect(page.locator(".upload-words")).to_have_text("Waiting for the network")
    # The clock stands still from here on: only the network's coming back can end the pause.
    page.clock.pause_at(page.evaluate("Date.now()") + 1)
    page.context.set_offline(False)
    eventually(lambda: account.get(f"{API}/me/images").json()["total"] == 1, 10, "the image")


def _tried_often(page: Page, tried: list[str]) -> bool:
    page.clock.run_for(20_000)
    return len(tried) > 10
