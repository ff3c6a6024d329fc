"""The page itself: nothing moves, URLs are renewed, the keyboard suffices, trouble is told in clear words."""

import json
import re
from pathlib import Path

from playwright.sync_api import Page, Response, Route, expect

from tests.browser.conftest import Opener, photo
from tests.e2e.client import API, Client
from tests.e2e.server import Server, eventually

ROOT = Path(__file__).resolve().parent.parent.parent
NOT_LOUD = 0.02
TOTAL = 60
SPOILT = "&spoilt"
BOXES = """tiles => tiles.map((tile) => {
  const { x, y, width, height } = tile.getBoundingClientRect();
  return [x, y, width, height];
})"""


def fill(account: Client, *names: str) -> list[str]:
    """Uploads photographs; their ids, in the order of the gallery."""
    return [account.upload(photo(name).read_bytes(), "image/jpeg")["id"] for name in names][::-1]


def test_every_module_is_fetched_ahead_and_none_is_missing(visit: Opener) -> None:
    page = visit(signed_in=False)
    expect(page.locator("#signin")).to_be_visible()
    ahead = page.eval_on_selector_all("link[rel=modulepreload]", "links => links.map((link) => link.href)")
    modules = {path.name for path in (ROOT / "static").rglob("*.js")}
    assert {url.rpartition("/")[2] for url in ahead} | {"app.js"} == modules


def test_the_page_sends_no_request_to_anybody_else(server: Server, account: Client, visit: Opener) -> None:
    hosts: set[str] = set()

    def note(page: Page) -> None:
        page.on("request", lambda request: hosts.add(request.url.split("/", 3)[2]))

    fill(account, "rocket", "coffee")
    page = visit(prepare=note)
    page.locator(".tile-open").first.click()
    expect(page.locator(".frame.loaded")).to_be_visible()
    assert hosts == {server.url.partition("//")[2], server.s3_origin.partition("//")[2]}


def test_nothing_moves_while_the_gallery_loads_and_an_image_opens(
    server: Server, account: Client, visit: Opener
) -> None:
    fill(account, "rocket", "coffee", "hubble", "astronaut", "chelsea")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page = visit(prepare=lambda page: page.route(f"{server.s3_origin}/*/variants/**", hold))
    expect(page.locator(".tile")).to_have_count(5)
    eventually(lambda: page.locator(".tile").count() == len(held), 10, "the thumbnails asked for")
    before = page.eval_on_selector_all(".tile", BOXES)
    for route in held:
        route.continue_()
    expect(page.locator(".tile.loaded")).to_have_count(5)
    assert page.eval_on_selector_all(".tile", BOXES) == before
    assert all(width > 50 and height > 50 for _, _, width, height in before)
    page.locator(".tile-open").first.click()
    expect(page.locator(".frame.loaded")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#lightbox")).to_be_hidden()
    assert page.evaluate("window.shifted") < NOT_LOUD


def test_older_images_come_as_the_end_comes_near(account: Client, visit: Opener) -> None:
    """One stored image, told to the page as sixty: what is under test is the page."""
    image = account.upload(photo("rocket").read_bytes(), "image/jpeg")

    def answer(route: Route) -> None:
        first = "cursor" not in route.request.url
        images = [image | {"id": f"{image['id'][:-2]}{n:02}"} for n in (range(50) if first else range(50, TOTAL))]
        body = {"images": images, "limit": 50, "page": 1, "total": TOTAL, "pages": 2}
        route.fulfill(json=body | {"next_cursor": "next" if first else None})

    def prepare(page: Page) -> None:
        page.route(re.compile("/me/images"), answer)

    page = visit(prepare=prepare, viewport={"width": 700, "height": 700})
    expect(page.locator("#count")).to_have_text(f"{TOTAL} images")
    expect(page.locator(".tile")).to_have_count(50)
    page.mouse.move(300, 300)
    page.mouse.wheel(0, 3_000)
    expect(page.locator(".tile")).to_have_count(TOTAL)
    expect(page.locator("#more-box")).to_be_hidden()


def test_a_thumbnail_whose_url_expired_is_asked_for_anew(server: Server, account: Client, visit: Opener) -> None:
    [iid] = fill(account, "rocket")
    refused: list[str] = []
    renewed: list[Response] = []

    def prepare(page: Page) -> None:
        def expire_once(route: Route) -> None:
            if refused:
                route.continue_()
                return
            refused.append(route.request.url)
            route.fulfill(status=403, body="")

        page.route(f"{server.s3_origin}/*/variants/**", expire_once)
        page.on("response", lambda response: renewed.append(response) if iid in response.url else None)

    page = visit(prepare=prepare)
    expect(page.locator(".tile.loaded")).to_have_count(1)
    assert [r.status for r in renewed if r.url.endswith(f"{iid}/meta")] == [200]


def test_a_thumbnail_that_always_fails_is_not_asked_for_for_ever(
    server: Server, account: Client, visit: Opener
) -> None:
    [iid] = fill(account, "rocket")
    renewals: list[str] = []

    def prepare(page: Page) -> None:
        page.route(f"{server.s3_origin}/*/variants/**", lambda route: route.fulfill(status=403, body=""))
        page.on("request", lambda request: renewals.append(request.url) if "/meta" in request.url else None)

    page = visit(prepare=prepare)
    expect(page.locator(f".tile.broken[data-id='{iid}']")).to_be_visible()
    assert len(renewals) == 2


def test_opening_renews_a_url_that_is_about_to_expire(account: Client, visit: Opener) -> None:
    fill(account, "rocket")

    def make_old(route: Route) -> None:
        answer = route.fetch()
        body = json.loads(answer.body())
        for image in body["images"]:
            image |= {"expires_at": "2020-01-01T00:00:00.000Z", "preview": image["preview"] + SPOILT}
        route.fulfill(response=answer, json=body)

    page = visit(prepare=lambda page: page.route(re.compile("/me/images"), make_old))
    spoilt: list[str] = []
    page.on("request", lambda request: spoilt.append(request.url) if SPOILT in request.url else None)
    page.locator(".tile-open").click()
    expect(page.locator(".frame.loaded")).to_be_visible()
    assert spoilt == []


def test_a_private_switch_that_fails_goes_back(account: Client, visit: Opener) -> None:
    [iid] = fill(account, "rocket")
    page = visit()
    problem = {"title": "Not available", "status": 503, "code": "unavailable", "detail": "Try again in a moment."}

    def refuse(route: Route) -> None:
        if route.request.method == "PATCH":
            route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(problem))
        else:
            route.continue_()

    page.route(f"**{API}/image/{iid}", refuse)
    page.locator(".tile-open").click()
    page.click("#lb-private")
    expect(page.locator(".toast")).to_have_text("Not changed. Try again in a moment.")
    expect(page.locator("#lb-private")).to_have_attribute("aria-checked", "false")


def test_without_the_server_the_page_says_so_and_tries_again(account: Client, visit: Opener) -> None:
    fill(account, "rocket")
    page = visit(prepare=lambda page: page.route("**/api/**", lambda route: route.abort()))
    expect(page.locator("#trouble-title")).to_be_visible()
    expect(page.locator("#trouble-title")).to_have_text("imagehost cannot be reached")
    page.unroute("**/api/**")
    page.click("#trouble-retry")
    expect(page.locator(".tile")).to_have_count(1)


def test_an_image_deleted_elsewhere_leaves_the_page_without_a_fuss(account: Client, visit: Opener) -> None:
    [iid] = fill(account, "rocket")
    page = visit()
    expect(page.locator(".tile")).to_have_count(1)
    assert account.delete(iid).status_code == 204
    page.locator(".tile").hover()
    page.get_by_label("Delete").first.click()
    page.click("#confirm-yes")
    expect(page.locator("#view-empty")).to_be_visible()


def test_the_keyboard_alone_reaches_everything_in_the_grid(account: Client, visit: Opener) -> None:
    newest, middle, oldest = fill(account, "rocket", "coffee", "hubble")
    page = visit()
    expect(page.locator(".tile.loaded")).to_have_count(3)
    page.locator(".tile-open").first.focus()
    where = "document.activeElement.closest('.tile').dataset.id"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(where) == middle
    page.keyboard.press("End")
    assert page.evaluate(where) == oldest
    page.keyboard.press("Home")
    assert page.evaluate(where) == newest
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_have_text("Link copied")


def test_a_dialog_gives_the_focus_back_to_the_tile_it_came_from(account: Client, visit: Opener) -> None:
    fill(account, "rocket", "coffee")
    page = visit()
    expect(page.locator(".tile.loaded")).to_have_count(2)
    delete = page.locator(".tile").first.get_by_label("Delete")
    page.locator(".tile-open").nth(1).focus()
    page.keyboard.press("Shift+Tab")
    expect(delete).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#confirm-no")).to_be_focused()
    page.keyboard.press("Escape")
    expect(delete).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#confirm-no")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.locator(".tile-open")).to_be_focused()
