"""Uploads on the page when things go wrong: refused in clear words, sent again, cancelled, never lost."""

from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, Request, Route, expect

from tests.browser.conftest import Opener, photo, upload
from tests.e2e.client import API, Client
from tests.e2e.server import Server, eventually

TITLE = "#uploads-title"
SLOW = {"offline": False, "latency": 20, "downloadThroughput": -1, "uploadThroughput": 100_000}


INSECURE = """
Object.defineProperty(window, "isSecureContext", { value: false });
Object.defineProperty(Crypto.prototype, "subtle", { value: undefined });
Object.defineProperty(Navigator.prototype, "clipboard", { value: undefined });
"""


def insecure(page: Page) -> None:
    """As browsers are on a page that came by plain HTTP from another machine."""
    page.add_init_script(INSECURE)


def slow_down(page: Page) -> None:
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW)


def asked(page: Page) -> list[str]:
    """The paths of all requests to the API from now on."""
    paths: list[str] = []

    def note(request: Request) -> None:
        if "/api/" in request.url:
            paths.append(request.url.partition("/api/v1")[2])

    page.on("request", note)
    return paths


def pending(account: Client) -> int:
    return int(account.get(f"{API}/me").json()["usage"]["pending"])


def failing(page: Page, address: str, times: int, **answer: object) -> None:
    """The first requests to `address` are answered so; without an answer the connection breaks."""
    left = [times]

    def handle(route: Route) -> None:
        if left[0] <= 0:
            route.continue_()
            return
        left[0] -= 1
        if answer:
            route.fulfill(status=int(str(answer["status"])), headers={"Access-Control-Allow-Origin": "*"}, body="")
        else:
            route.abort()

    page.route(address, handle)


def test_progress_is_shown_while_the_bytes_are_on_their_way(visit: Opener) -> None:
    page = visit()
    expect(page.locator("#view-empty")).to_be_visible()
    slow_down(page)
    page.evaluate(
        """() => {
          window.said = [];
          new MutationObserver(() => {
            const words = document.querySelector(".upload-words")?.textContent;
            if (words && window.said.at(-1) !== words) window.said.push(words);
          }).observe(document.body, { subtree: true, childList: true, characterData: true });
        }"""
    )
    upload(page, photo("coffee"))
    expect(page.locator(TITLE)).to_have_text("1 image uploaded")
    said = page.evaluate("window.said")
    assert sum(words.startswith("Uploading ") for words in said) >= 3, said
    assert said[-1] == "Done"


def test_what_is_hopeless_is_refused_in_words_without_asking_the_server(visit: Opener, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "empty.png").touch()
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(25 * 2**20 + 1)
    page = visit()
    expect(page.locator("#view-empty")).to_be_visible()
    paths = asked(page)
    upload(page, tmp_path / "notes.txt", tmp_path / "empty.png", tmp_path / "huge.jpg")
    expect(page.locator(TITLE)).to_have_text("3 files not uploaded")
    assert page.locator(".upload-words").all_inner_texts() == [
        "Not an accepted type. Send PNG, JPEG, GIF, WebP or AVIF.",
        "The file is empty.",
        "Too large: 25.0 MB, and at most 25 MB are accepted.",
    ]
    assert paths == []
    page.click("#uploads-close")
    expect(page.locator("#uploads")).to_be_hidden()


def test_a_file_that_is_no_image_is_refused_by_the_gate_and_leaves_nothing(
    server: Server, account: Client, visit: Opener, tmp_path: Path
) -> None:
    (tmp_path / "cut.jpg").write_bytes(photo("rocket").read_bytes()[:20_000])
    page = visit()
    upload(page, tmp_path / "cut.jpg", photo("coffee"))
    expect(page.locator(TITLE)).to_have_text("1 image uploaded, 1 not")
    expect(page.locator(".upload[data-state=refused] .upload-name")).to_have_text("cut.jpg")
    assert len(page.locator(".upload[data-state=refused] .upload-words").inner_text()) > 20
    assert (pending(account), len(server.objects_of(account.uid))) == (0, 2)


def test_cancelling_gives_the_reservation_back(server: Server, account: Client, visit: Opener) -> None:
    page = visit()
    expect(page.locator("#view-empty")).to_be_visible()
    slow_down(page)
    upload(page, photo("coffee"))
    expect(page.locator(".upload[data-state=uploading]")).to_be_visible()
    page.get_by_label("Cancel coffee.jpg").click()
    expect(page.locator("#uploads")).to_be_hidden()
    eventually(lambda: pending(account) == 0, 10, "the reservation given back")
    assert server.objects_of(account.uid) == []


@pytest.mark.parametrize("status, asks", [(403, 2), (503, 1)])
def test_a_put_that_s3_refuses_for_now_is_sent_again(
    server: Server, account: Client, visit: Opener, status: int, asks: int
) -> None:
    """An expired signature is signed anew; a store that is busy gets the same URL again."""
    page = visit()
    failing(page, f"{server.s3_origin}/*/incoming/**", 1, status=status)
    paths = asked(page)
    upload(page, photo("coffee"))
    expect(page.locator(TITLE)).to_have_text("1 image uploaded")
    assert paths.count("/upload/request") == asks
    assert account.get(f"{API}/me/images").json()["total"] == 1


def test_a_lost_answer_to_complete_is_asked_for_again(account: Client, visit: Opener) -> None:
    lost: list[Route] = []

    def lose(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route)
        route.fetch()
        route.abort()

    page = visit()
    page.route("**/api/v1/upload/complete", lose)
    paths = asked(page)
    upload(page, photo("coffee"))
    expect(page.locator(TITLE)).to_have_text("1 image uploaded")
    assert paths.count("/upload/complete") == 2
    assert account.get(f"{API}/me/images").json()["total"] == 1


def test_when_all_tries_fail_a_button_goes_on_where_it_stopped(account: Client, visit: Opener) -> None:
    page = visit()
    page.clock.install()
    page.route("**/api/v1/upload/complete", lambda route: route.abort())
    paths = asked(page)
    upload(page, photo("coffee"))
    expect(page.locator(".upload[data-state=checking]")).to_be_visible()
    eventually(lambda: _failed_later(page), 20, "giving up")
    page.unroute("**/api/v1/upload/complete")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator(".upload[data-state=done]")).to_be_visible()
    assert paths.count("/upload/request") == 1
    assert account.get(f"{API}/me/images").json()["total"] == 1


def _failed_later(page: Page) -> bool:
    page.clock.run_for(5_000)
    return page.locator(".upload[data-state=failed]").count() == 1


def test_leaving_the_page_during_an_upload_is_asked_about(visit: Opener) -> None:
    page = visit()
    expect(page.locator("#view-empty")).to_be_visible()
    slow_down(page)
    kinds: list[str] = []

    def stay(dialog: Dialog) -> None:
        kinds.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    upload(page, photo("coffee"))
    page.click("#empty-title")
    expect(page.locator(".upload[data-state=uploading]")).to_be_visible()
    page.evaluate("window.location.reload()")
    expect(page.locator(TITLE)).to_have_text("1 image uploaded")
    assert kinds == ["beforeunload"]


def test_without_a_secure_context_it_works_without_a_hash(account: Client, visit: Opener) -> None:
    page = visit(prepare=insecure)
    bodies: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("upload/request"):
            bodies.append(request.post_data or "")

    page.on("request", note)
    upload(page, photo("coffee"))
    expect(page.locator(TITLE)).to_have_text("1 image uploaded")
    assert [("size" in body, "sha256" in body) for body in bodies] == [(True, False)]
    page.locator(".tile").hover()
    page.get_by_label("Copy link").first.click()
    expect(page.locator(".toast")).to_have_text("Link copied")
    expect(page.locator("#link-box")).to_be_hidden()
    [image] = account.get(f"{API}/me/images").json()["images"]
    page.locator("#files").evaluate("field => { field.type = 'text'; field.hidden = false; field.focus(); }")
    page.keyboard.press("Control+V")
    expect(page.locator("#files")).to_have_value(image["url"])


def test_where_the_browser_refuses_to_copy_the_link_is_there_to_be_copied(account: Client, visit: Opener) -> None:
    image = account.upload(photo("coffee").read_bytes(), "image/jpeg")
    page = visit(prepare=insecure)
    page.evaluate("document.execCommand = () => false")
    page.locator(".tile").hover()
    page.get_by_label("Copy link").first.click()
    expect(page.locator("#link-words")).to_contain_text("no HTTPS")
    expect(page.locator("#link-field")).to_be_focused()
    expect(page.locator("#link-field")).to_have_value(image["url"])
