"""The gallery's whole story with photographs: dropped, uploaded straight to S3, shown, opened, changed, deleted."""

import base64
import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener, photo, upload
from tests.e2e.client import API, Client, fetch
from tests.e2e.server import Server

DROP = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    document.body.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
  }
}"""
PASTE = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([bytes], name, { type: "image/jpeg" }));
  document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}"""


def open_first(page: Page) -> None:
    page.locator(".tile-open").first.click()
    expect(page.locator(".frame.loaded")).to_be_visible()


def test_a_dropped_photograph_goes_straight_to_s3_and_appears_in_the_gallery(
    server: Server, account: Client, visit: Opener
) -> None:
    page = visit()
    puts: list[str] = []
    page.on("request", lambda request: puts.append(request.url) if request.method == "PUT" else None)
    expect(page.locator("#view-empty")).to_be_visible()
    page.evaluate(DROP, ["rocket.jpg", base64.b64encode(photo("rocket").read_bytes()).decode()])
    expect(page.locator("#uploads-title")).to_have_text("1 image uploaded")
    expect(page.locator(".tile.loaded")).to_have_count(1)
    assert [url.startswith(f"{server.s3_origin}/") for url in puts] == [True]
    [image] = account.get(f"{API}/me/images").json()["images"]
    assert (image["filename"], image["width"], image["height"]) == ("rocket.jpg", 640, 427)


def test_a_pasted_photograph_is_named_after_the_time(account: Client, visit: Opener) -> None:
    page = visit()
    expect(page.locator("#view-empty")).to_be_visible()
    page.evaluate(PASTE, ["image.jpg", base64.b64encode(photo("chelsea").read_bytes()).decode()])
    expect(page.locator("#uploads-title")).to_have_text("1 image uploaded")
    [image] = account.get(f"{API}/me/images").json()["images"]
    assert re.fullmatch(r"Pasted \d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d\.jpg", image["filename"])


def test_many_photographs_at_once_all_arrive(account: Client, visit: Opener) -> None:
    page = visit()
    upload(page, *(photo(name) for name in ("rocket", "chelsea", "coffee", "hubble", "astronaut")))
    expect(page.locator("#uploads-title")).to_have_text("5 images uploaded")
    expect(page.locator(".tile")).to_have_count(5)
    expect(page.locator("#count")).to_have_text("5 images")
    page.reload()
    expect(page.locator(".tile.loaded")).to_have_count(5)
    assert account.get(f"{API}/me").json()["usage"]["images"] == 5


def test_a_photograph_opens_large_and_its_link_is_copied(account: Client, visit: Opener) -> None:
    image = account.upload(photo("coffee").read_bytes(), "image/jpeg", filename="coffee.jpg")
    page = visit()
    open_first(page)
    assert page.locator("#lb-large").evaluate("element => element.naturalWidth") == 1000
    page.click("#lb-copy")
    expect(page.locator(".toast")).to_have_text("Link copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == image["url"]
    assert fetch("GET", copied).headers["Content-Type"] == "image/jpeg"


def test_a_private_photograph_is_hidden_from_others_but_opens_for_its_owner(account: Client, visit: Opener) -> None:
    image = account.upload(photo("coffee").read_bytes(), "image/jpeg")
    page = visit()
    open_first(page)
    page.click("#lb-private")
    expect(page.locator(".toast")).to_contain_text("Private.")
    assert fetch("GET", image["url"]).status_code == 404
    page.keyboard.press("Escape")
    expect(page.locator(".tile .mark-sign")).to_be_visible()
    page.reload()
    open_first(page)
    expect(page.locator("#lb-private")).to_have_attribute("aria-checked", "true")


def test_a_title_is_set_and_removed(account: Client, visit: Opener) -> None:
    image = account.upload(photo("coffee").read_bytes(), "image/jpeg")
    page = visit()
    open_first(page)
    page.fill("#lb-title", "Morning <b>coffee</b>")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_have_text("Title saved")
    assert account.meta(image["id"]).json()["title"] == "Morning <b>coffee</b>"
    page.fill("#lb-title", "")
    page.keyboard.press("Enter")
    expect(page.locator(".toast").last).to_have_text("Title removed")
    assert account.meta(image["id"]).json()["title"] is None


def test_the_original_is_downloaded_under_its_name(account: Client, visit: Opener) -> None:
    account.upload(photo("rocket").read_bytes(), "image/jpeg", filename="Rakete über Meer.jpg")
    page = visit()
    open_first(page)
    with page.expect_download() as download:
        page.click("#lb-download")
    assert download.value.suggested_filename == "Rakete über Meer.jpg"
    assert download.value.path().read_bytes() == photo("rocket").read_bytes()


def test_deleting_asks_first_and_then_is_final(server: Server, account: Client, visit: Opener) -> None:
    image = account.upload(photo("rocket").read_bytes(), "image/jpeg")
    account.upload(photo("coffee").read_bytes(), "image/jpeg")
    page = visit()
    page.locator(f".tile[data-id='{image['id']}'] .tile-open").click()
    page.click("#lb-delete")
    page.keyboard.press("Escape")
    expect(page.locator("#confirm")).to_be_hidden()
    assert account.meta(image["id"]).status_code == 200
    page.click("#lb-delete")
    page.click("#confirm-yes")
    expect(page.locator("#lb-place")).to_have_text("1 of 1")
    assert account.meta(image["id"]).status_code == 410
    page.click("#lb-delete")
    page.click("#confirm-yes")
    expect(page.locator("#view-empty")).to_be_visible()
    assert server.objects_of(account.uid) == []


def test_the_next_and_previous_are_a_key_away_and_the_focus_comes_back(account: Client, visit: Opener) -> None:
    ids = [account.upload(photo(name).read_bytes(), "image/jpeg")["id"] for name in ("rocket", "coffee", "hubble")]
    page = visit()
    open_first(page)
    page.keyboard.press("ArrowRight")
    expect(page.locator("#lb-place")).to_have_text("2 of 3")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#lb-place")).to_have_text("1 of 3")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(page.locator(f".tile[data-id='{ids[1]}'] .tile-open")).to_be_focused()


def test_a_finger_turns_the_page(account: Client, visit: Opener) -> None:
    for name in ("rocket", "coffee"):
        account.upload(photo(name).read_bytes(), "image/jpeg")
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.locator(".tile-open").first.tap()
    expect(page.locator(".frame.loaded")).to_be_visible()
    finger = page.context.new_cdp_session(page)
    for kind, x in [("touchStart", 320), *(("touchMove", x) for x in range(300, 80, -20))]:
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": 400}]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.locator("#lb-place")).to_have_text("2 of 2")
