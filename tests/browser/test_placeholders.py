"""While a thumbnail is on its way, its place shows what the image will be like; then nothing of that is left."""

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Opener, photo
from tests.e2e.client import Client
from tests.e2e.server import Server, eventually
from tests.images import transparent_palette_png

# What is painted below the picture, opaque or not at all.
BEFORE = """tile => {
  const { backgroundImage, opacity } = getComputedStyle(tile.querySelector(".tile-open"), "::before");
  return [backgroundImage.slice(0, 27), opacity];
}"""
# The mean of what the placeholder paints, 0–255.
MEAN = """async (tile) => {
  const { backgroundImage } = getComputedStyle(tile.querySelector(".tile-open"), "::before");
  const picture = new Image();
  picture.src = backgroundImage.slice(5, -2);
  await picture.decode();
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data];
}"""
PAINTED = ['url("data:image/png;base64,', "1"]


def test_a_placeholder_is_there_before_its_thumbnail_and_gone_after(
    server: Server, account: Client, visit: Opener
) -> None:
    account.upload(photo("coffee").read_bytes(), "image/jpeg")
    account.upload(transparent_palette_png(), "image/png")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page = visit(prepare=lambda page: page.route(f"{server.s3_origin}/*/variants/**", hold))
    expect(page.locator(".tile")).to_have_count(2)
    eventually(lambda: page.locator(".tile").count() == len(held), 10, "the thumbnails asked for")
    for tile in page.locator(".tile").all():
        assert tile.evaluate(BEFORE) == PAINTED
    green, coffee = (tile.evaluate(MEAN) for tile in page.locator(".tile").all())
    assert green[1] > 200 > 60 > max(green[0], green[2])
    assert 100 < green[3] < 160
    assert coffee[0] > coffee[1] > coffee[2]
    assert coffee[3] == 255
    for route in held:
        route.continue_()
    expect(page.locator(".tile.loaded")).to_have_count(2)
    eventually(lambda: {tile.evaluate(BEFORE)[1] for tile in page.locator(".tile").all()} == {"0"}, 10, "none left")


def test_an_image_without_a_placeholder_or_with_a_spoilt_one_waits_as_before(
    server: Server, account: Client, visit: Opener
) -> None:
    image = account.upload(photo("rocket").read_bytes(), "image/jpeg")
    images = [image | {"id": f"{image['id'][:-1]}{n}", "placeholder": spoilt} for n, spoilt in enumerate((None, "?"))]
    body = {"images": images, "limit": 50, "page": 1, "total": 2, "pages": 1, "next_cursor": None}

    def prepare(page: Page) -> None:
        page.route("**/me/images?**", lambda route: route.fulfill(json=body))
        page.route(f"{server.s3_origin}/*/variants/**", lambda _: None)

    page = visit(prepare=prepare)
    expect(page.locator(".tile")).to_have_count(2)
    for tile in page.locator(".tile").all():
        assert tile.evaluate(BEFORE)[0] == "none"
