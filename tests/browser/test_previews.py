"""The large view shows the preview that the server makes, of public and of private images."""

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Opener
from tests.e2e.client import Client
from tests.e2e.server import Server
from tests.images import large_photo

WIDTH = "element => element.naturalWidth"


@pytest.mark.parametrize("private", [False, True])
def test_a_large_image_opens_as_its_preview(account: Client, visit: Opener, private: bool) -> None:
    account.upload(large_photo(), "image/jpeg", private=private)
    page = visit()
    page.locator(".tile-open").click()
    expect(page.locator(".frame.loaded")).to_be_visible()
    assert page.locator("#lb-large").evaluate(WIDTH) == 1600


def test_the_original_is_shown_while_there_is_no_preview(server: Server, account: Client, visit: Opener) -> None:
    image = account.upload(large_photo(), "image/jpeg")
    refused: list[str] = []

    def refuse(route: Route) -> None:
        refused.append(route.request.url)
        route.fulfill(status=503, body="")

    page = visit(prepare=lambda page: page.route(f"{server.url}/i/{image['id']}?**", refuse))
    page.locator(".tile-open").click()
    expect(page.locator(".frame.loaded")).to_be_visible()
    assert page.locator("#lb-large").evaluate(WIDTH) == 1700
    assert refused == [image["preview"]] * 2
