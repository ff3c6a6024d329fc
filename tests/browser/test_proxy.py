"""The gallery where the app sends the bytes itself: everything is shown, and nothing comes from the bucket's origin."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opener, photo, upload
from tests.e2e.client import Client
from tests.e2e.server import Server
from tests.images import large_photo


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("browser-proxy") / "data", IMAGEHOST_DELIVERY="proxy")
    yield server
    server.end()


def test_photographs_are_uploaded_shown_opened_made_private_and_downloaded(
    server: Server, account: Client, visit: Opener
) -> None:
    account.upload(large_photo(), "image/jpeg", private=True)
    page = visit()
    asked: list[tuple[str, str]] = []
    page.on("request", lambda request: asked.append((request.method, request.url)))
    upload(page, photo("rocket"))
    expect(page.locator("#uploads-title")).to_have_text("1 image uploaded")
    page.reload()
    expect(page.locator(".tile.loaded")).to_have_count(2)
    page.locator(".tile-open").last.click()
    expect(page.locator(".frame.loaded")).to_be_visible()
    assert page.locator("#lb-large").evaluate("element => element.naturalWidth") == 1600
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#lb-place")).to_have_text("1 of 2")
    expect(page.locator(".frame.loaded")).to_be_visible()
    with page.expect_download() as download:
        page.click("#lb-download")
    assert download.value.suggested_filename == "rocket.jpg"
    assert download.value.path().read_bytes() == photo("rocket").read_bytes()
    assert {method for method, url in asked if url.startswith(server.s3_origin)} <= {"PUT", "OPTIONS"}


def test_an_image_in_a_tab_of_its_own_is_shown_and_may_do_nothing(account: Client, visit: Opener) -> None:
    image = account.upload(large_photo(), "image/jpeg", private=True)
    page = visit()
    for address, width in ((image["src"], 1700), (image["preview"], 1600), (image["thumb"], 400)):
        page.goto(address)
        assert page.locator("img").evaluate("element => element.naturalWidth") == width
        assert page.evaluate("self.origin") == "null", "sandboxed: it is not of the page's origin"
    account.assert_views(image["id"], 0)
