"""A page left open: others upload and delete meanwhile, and its URLs expire."""

import json
import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Opener, photo
from tests.e2e.client import Client

LOOKED_AT_AGAIN = "document.dispatchEvent(new Event('visibilitychange'))"
IDS = "tiles => tiles.map((tile) => tile.dataset.id)"
PAGE = 50


def add(account: Client, *names: str) -> list[str]:
    """Uploads photographs; their ids, oldest first."""
    return [account.upload(photo(name).read_bytes(), "image/jpeg")["id"] for name in names]


def test_the_page_learns_what_others_uploaded_and_deleted_when_it_is_looked_at_again(
    account: Client, visit: Opener
) -> None:
    page = visit()
    expect(page.locator("#view-empty")).to_be_visible()
    first, second = add(account, "rocket", "coffee")
    page.evaluate(LOOKED_AT_AGAIN)
    expect(page.locator("#count")).to_have_text("2 images")
    assert page.eval_on_selector_all(".tile", IDS) == [second, first]
    [third] = add(account, "hubble")
    account.delete(second)
    page.evaluate(LOOKED_AT_AGAIN)
    expect(page.locator(f".tile[data-id='{third}']")).to_be_visible()
    assert page.eval_on_selector_all(".tile", IDS) == [third, first]
    expect(page.locator("#count")).to_have_text("2 images")


def test_what_is_seen_stays_where_it_is_when_newer_images_come(account: Client, visit: Opener) -> None:
    add(account, *("rocket", "coffee", "hubble", "chelsea", "astronaut") * 2)
    page = visit(viewport={"width": 700, "height": 400})
    expect(page.locator(".tile")).to_have_count(10)
    page.evaluate("window.scrollTo(0, 300)")
    page.evaluate(
        """() => {
          window.seen = [...document.querySelectorAll(".tile")].find((tile) => tile.getBoundingClientRect().top > 0);
          window.top_px = window.seen.getBoundingClientRect().top;
        }"""
    )
    add(account, "rocket", "coffee", "hubble")
    page.evaluate(LOOKED_AT_AGAIN)
    expect(page.locator(".tile")).to_have_count(13)
    assert abs(page.evaluate("window.seen.getBoundingClientRect().top - window.top_px")) < 1


@pytest.mark.parametrize("new", [1, 49, 50, 70])
def test_what_was_missed_leaves_no_gap_and_nothing_twice(account: Client, visit: Opener, new: int) -> None:
    """One stored image, told to the page as many: first the `old` ones, of which one page is loaded, later all."""
    image = account.upload(photo("rocket").read_bytes(), "image/jpeg")
    old = [image | {"id": f"{n:024}", "created_at": f"2026-01-01T00:{n // 60:02}:{n % 60:02}.000Z"} for n in range(130)]
    told = [old[: 130 - new][::-1]]

    def answer(route: Route) -> None:
        images = told[0]
        cursor = re.search(r"cursor=(\d+)", route.request.url)
        rest = [one for one in images if cursor is None or one["id"] < cursor[1]]
        last = rest[PAGE - 1]["id"] if len(rest) > PAGE else None
        route.fulfill(json={"images": rest[:PAGE], "total": len(images), "next_cursor": last})

    page = visit(prepare=lambda page: page.route(re.compile("/me/images"), answer))
    expect(page.locator(".tile").first).to_be_visible()
    told[0] = old[::-1]
    page.evaluate(LOOKED_AT_AGAIN)
    expect(page.locator("#count")).to_have_text("130 images")
    _read_to_the_end(page)
    assert page.eval_on_selector_all(".tile", IDS) == [one["id"] for one in told[0]]


def _read_to_the_end(page: Page) -> None:
    page.evaluate(
        """async () => {
          while (!document.querySelector("#more-box").hidden) {
            window.scrollTo(0, document.body.scrollHeight);
            await new Promise((resolve) => requestAnimationFrame(resolve));
          }
        }"""
    )


def test_the_original_opens_also_when_its_url_has_expired(account: Client, visit: Opener) -> None:
    [iid] = add(account, "rocket")
    expired = [""]

    def make_old(route: Route) -> None:
        answer = route.fetch()
        image = json.loads(answer.body())
        image["expires_at"] = "2020-01-01T00:00:00.000Z"
        expired[0] = image["src"] = re.sub(r"X-Amz-Signature=\w+", "X-Amz-Signature=0", image["src"])
        route.fulfill(response=answer, json=image)

    page = visit()
    page.locator(".tile-open").click()
    expect(page.locator(".frame.loaded")).to_be_visible()
    page.route(f"**/image/{iid}", make_old)
    page.fill("#lb-title", "Old")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_have_text("Title saved")
    assert page.get_attribute("#lb-original", "href") == expired[0]
    with page.context.expect_page() as tab:
        page.click("#lb-original")
    tab.value.wait_for_url(re.compile("X-Amz-Signature=(?!0)"))
    assert tab.value.evaluate("document.images[0].naturalWidth") == 640
    assert tab.value.evaluate("window.opener") is None


@pytest.mark.parametrize("label, words", [("Make private", "Not changed."), ("Open", "Not downloaded.")])
def test_what_was_deleted_elsewhere_leaves_the_page_when_it_is_used(
    account: Client, visit: Opener, label: str, words: str
) -> None:
    gone, left = add(account, "rocket", "coffee")
    page = visit()
    tile = page.locator(f".tile[data-id='{gone}']")
    expect(tile).to_be_visible()
    tile.hover()
    if label == "Open":
        tile.locator(".tile-open").click()
        expect(page.locator(".frame.loaded")).to_be_visible()
        account.delete(gone)
        page.click("#lb-download")
    else:
        account.delete(gone)
        tile.get_by_label(label).click()
    expect(page.locator(".toast")).to_contain_text(words)
    expect(page.locator("#count")).to_have_text("1 image")
    assert page.eval_on_selector_all(".tile", IDS) == [left]
