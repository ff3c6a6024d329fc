"""Previews: made when first asked for, for whoever may see the image; of a private one also for whoever was given its
signed address."""

import io
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image

from tests.e2e.client import API, Client, assert_problem, fetch, pointers
from tests.e2e.server import Server, eventually
from tests.images import animated, large_photo, oriented, photo

WEBP = "image/webp"
PREVIEW = {"variant": "preview"}


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def derivatives_of(server: Server, account: Client) -> list[str]:
    return [key.rsplit("/", 1)[1] for key in server.objects_of(account.uid) if key.startswith("variants/")]


def test_a_preview_is_made_when_first_asked_for_and_fits_1600_px(server: Server, account: Client) -> None:
    image = account.upload(large_photo(), "image/jpeg")
    assert image["preview"] == f"{server.url}/i/{image['id']}?variant=preview"
    assert derivatives_of(server, account) == ["thumb.webp"]
    for _ in range(2):
        answer = fetch("GET", image["preview"])
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, WEBP)
        assert opened(answer.content).size == (1600, 1200)
    assert sorted(derivatives_of(server, account)) == ["preview.webp", "thumb.webp"]


def test_a_preview_stands_upright_and_its_address_is_the_same_for_everyone(account: Client, anonymous: Client) -> None:
    picture = Image.new("RGB", (1800, 900), "white")
    picture.paste("red", (0, 0, 900, 450))
    image = account.upload(oriented(6, image=picture), "image/jpeg")
    views = [who.get(path, params=PREVIEW) for who in (account, anonymous) for path in
             (f"/i/{image['id']}.jpg", f"{API}/image/{image['id']}")]  # fmt: skip
    assert {view.status_code for view in views} == {302}
    assert all(view.headers["Cache-Control"].startswith("public, max-age=") for view in views)
    (location,) = {view.headers["Location"] for view in views}
    shown = opened(fetch("GET", location).content).convert("RGB")
    assert shown.size == (800, 1600)
    red, green, _ = shown.crop((700, 100, 701, 101)).tobytes()
    assert red > 200 > 100 > green


def test_a_head_of_a_preview_makes_it_and_is_signed_as_a_head(account: Client, anonymous: Client) -> None:
    image = account.upload(large_photo(), "image/jpeg")
    view = anonymous.send("HEAD", image["preview"])
    assert (view.status_code, view.content) == (302, b"")
    answer = fetch("HEAD", view.headers["Location"])
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, WEBP)


def test_an_animation_goes_on_moving_in_its_preview(account: Client) -> None:
    data = animated("image/gif", 4, (1700, 20), duration=(50, 100, 150, 200), loop=2)
    image = account.upload(data, "image/gif")
    preview = opened(fetch("GET", image["preview"]).content)
    assert (preview.size, getattr(preview, "n_frames", 1)) == ((1600, 19), 4)


@pytest.mark.parametrize("data, mime", [(photo(), "image/jpeg"), (animated("image/gif"), "image/gif")])
def test_an_image_that_fits_is_its_own_preview(server: Server, account: Client, data: bytes, mime: str) -> None:
    image = account.upload(data, mime)
    assert image["preview"] == image["src"]
    assert account.get(image["url"], params=PREVIEW).headers["Location"] == image["src"]
    assert derivatives_of(server, account) == ["thumb.webp"]


def test_looking_at_a_preview_counts_no_view(account: Client) -> None:
    image = account.upload(large_photo(), "image/jpeg")
    fetch("GET", image["preview"])
    account.assert_views(image["id"], 0)


def test_the_address_of_a_private_preview_opens_it_and_nothing_else(
    server: Server, account: Client, stranger: Client, anonymous: Client
) -> None:
    image, other = (account.upload(large_photo(), "image/jpeg", private=True) for _ in range(2))
    url = image["preview"]
    for who in (anonymous, stranger, account):
        view = who.get(url)
        assert view.status_code == 302
        assert view.headers["Cache-Control"].startswith("private, max-age=")
        assert view.headers["Vary"] == "Cookie, Authorization, X-API-Key"
    assert opened(fetch("GET", url).content).size == (1600, 1200)
    (signature,) = parse_qs(urlsplit(url).query)["sig"]
    assert anonymous.get(f"{API}/image/{image['id']}", params=PREVIEW | {"sig": signature}).status_code == 302
    moment, _, signed = signature.partition(".")
    wrong = [
        (image["id"], PREVIEW),
        (image["id"], {"sig": signature}),
        (image["id"], {"variant": "thumb", "sig": signature}),
        (image["id"], PREVIEW | {"sig": f"{int(moment) + 1}.{signed}"}),
        (image["id"], PREVIEW | {"sig": "1." + signed}),
        (image["id"], PREVIEW | {"sig": ""}),
        (image["id"], PREVIEW | {"sig": signature[:-1] + ("A" if signature[-1] != "A" else "E")}),
        (other["id"], PREVIEW | {"sig": signature}),
    ]
    for iid, query in wrong:
        assert_problem(anonymous.get(f"/i/{iid}", params=query), 404, "image-not-found")
        assert_problem(stranger.get(f"/i/{iid}", params=query), 404, "image-not-found")
    assert_problem(anonymous.get(f"{API}/image/{image['id']}/meta"), 404, "image-not-found")
    assert pointers(anonymous.get(f"/i/{image['id']}", params=PREVIEW | {"sig": "x" * 201})) == ["sig"]
    assert account.meta(image["id"]).json()["preview"] == url, "the same all window long"


def test_a_private_image_made_public_has_a_preview_without_signature_and_back(
    account: Client, anonymous: Client
) -> None:
    image = account.upload(large_photo(), "image/jpeg")
    private = account.patch(image["id"], {"private": True}).json()
    assert_problem(anonymous.get(image["preview"]), 404, "image-not-found")
    assert anonymous.get(private["preview"]).status_code == 302
    public = account.patch(image["id"], {"private": False}).json()
    assert public["preview"] == image["preview"]
    assert anonymous.get(private["preview"]).status_code == 302


def test_a_signature_ends_with_its_time(hasty_server: Server) -> None:
    account = hasty_server.new_account()
    image = account.upload(large_photo(), "image/jpeg", private=True)
    anonymous = Client(hasty_server.url)
    (signature,) = parse_qs(urlsplit(image["preview"]).query)["sig"]
    ended = []

    def is_over() -> bool:
        ended.append(anonymous.get(image["preview"]).status_code)
        return ended[-1] == 404

    eventually(is_over, 15, "the signature ends")
    assert ended[0] == 302
    assert account.meta(image["id"]).json()["preview"] != image["preview"]
    assert account.get(f"/i/{image['id']}", params=PREVIEW | {"sig": signature}).status_code == 302
    account.delete(image["id"])


def test_a_deleted_image_has_no_preview_whoever_asks(server: Server, account: Client, anonymous: Client) -> None:
    image = account.upload(large_photo(), "image/jpeg", private=True)
    assert anonymous.get(image["preview"]).status_code == 302
    assert account.delete(image["id"]).status_code == 204
    assert_problem(anonymous.get(image["preview"]), 404, "image-not-found")
    assert_problem(account.get(image["preview"]), 410, "image-deleted")
    server.assert_nothing_left(account)


def test_many_first_views_at_once_are_all_answered(server: Server, account: Client) -> None:
    image = account.upload(large_photo(), "image/jpeg")
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: fetch("GET", image["preview"], allow_redirects=False), range(24)))
    assert {answer.status_code for answer in answers} == {302}
    assert len({answer.headers["Location"] for answer in answers}) == 1
