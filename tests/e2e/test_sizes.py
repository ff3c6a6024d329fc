"""Sizes of an image: for its owner, and for whoever was given an address that its owner had signed."""

import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest

from tests.e2e.client import API, Client, assert_problem, fetch, pointers
from tests.e2e.server import Server
from tests.e2e.test_previews import derivatives_of, opened
from tests.images import animated, described, large_photo, photo

AVIF = {"Accept": "image/avif,image/webp,*/*"}
WEBP = {"Accept": "image/webp,*/*"}


def presigned(account: Client, iid: str, **body: Any) -> str:
    answer = account.post(f"{API}/image/{iid}/presign", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["url"])


def test_an_owner_gets_every_size_in_the_format_that_is_accepted(server: Server, account: Client) -> None:
    image = account.upload(large_photo(), "image/jpeg")
    for query, headers, mime, size in (
        ({"w": 320}, AVIF, "image/avif", (320, 240)),
        ({"w": 320}, WEBP, "image/webp", (320, 240)),
        ({"w": 320}, {"Accept": "*/*"}, "image/jpeg", (320, 240)),
        ({"h": 64, "format": "PNG"}, AVIF, "image/png", (85, 64)),
        ({"w": 160, "h": 160, "fit": "cover", "format": "webp"}, AVIF, "image/webp", (160, 160)),
        ({"w": 2560}, {"Accept": "*/*"}, "image/jpeg", (1700, 1275)),
    ):
        view = account.get(f"/i/{image['id']}", params=query, headers=headers)
        assert view.status_code == 302, view.text
        assert ("Accept" in view.headers["Vary"]) == ("format" not in query)
        answer = fetch("GET", view.headers["Location"])
        assert answer.headers["Content-Type"] == mime
        assert "immutable" in answer.headers["Cache-Control"]
        assert opened(answer.content).size == size
    made = ["h64.png", "thumb.webp", "w160h160-cover.webp", "w2560.jpg", "w320.avif", "w320.jpg", "w320.webp"]
    assert sorted(derivatives_of(server, account)) == made
    account.assert_views(image["id"], 0)


def test_strangers_need_a_signed_address_for_a_size_and_none_for_a_thumb(account: Client, anonymous: Client) -> None:
    image = account.upload(photo(), "image/jpeg")
    address = f"/i/{image['id']}"
    assert_problem(anonymous.get(address, params={"w": 320}), 403, "not-owner")
    assert anonymous.get(address, params={"variant": "thumb"}).status_code == 302
    signed = presigned(account, image["id"], w=320)
    view = fetch("GET", signed, headers=WEBP, allow_redirects=False)
    assert (view.status_code, view.headers["Vary"]) == (302, "Accept")
    assert opened(fetch("GET", signed, headers=WEBP).content).size == (320, 213)
    parts = urlsplit(signed)
    for change in ({"w": "640"}, {"h": "640"}, {"format": "png"}, {"sig": "1.x"}):
        query = dict(parse_qsl(parts.query)) | change
        assert_problem(anonymous.get(f"{address}?{urlencode(query)}"), 403, "not-owner")


def test_a_key_that_may_not_read_has_no_size_made(account: Client) -> None:
    image = account.upload(photo("chelsea"), "image/jpeg")
    writer = account.post(f"{API}/me/keys", {"name": "writer", "scopes": ["upload"]}).json()["token"]
    assert_problem(Client(account.url, writer).get(f"/i/{image['id']}", params={"w": 64}), 403, "insufficient-scope")


def test_a_size_has_nothing_of_what_its_owner_keeps_in_the_image(account: Client) -> None:
    sent = described("image/jpeg")
    image = account.upload(sent, "image/jpeg", keep_metadata=True)
    assert b"the secret camera" in fetch("GET", image["src"]).content
    shown = opened(fetch("GET", presigned(account, image["id"], w=2560, format="jpeg")).content)
    assert not {"exif", "xmp", "comment"} & set(shown.info)


def test_a_signed_size_ends_when_it_was_to_end(account: Client) -> None:
    image = account.upload(photo("chelsea"), "image/jpeg", private=True)
    answer = account.post(f"{API}/image/{image['id']}/presign", json={"w": 64, "url_expires_in_s": 20}).json()
    views = [fetch("GET", answer["url"], headers=WEBP, allow_redirects=False) for _ in range(2)]
    (location,) = {view.headers["Location"] for view in views}  # for caches the same, though each is asked later
    (kept_s,) = re.findall(r"max-age=(\d+)", views[0].headers["Cache-Control"])
    assert int(kept_s) <= 20
    signed = parse_qs(urlsplit(location).query)
    began_at = datetime.strptime(signed["X-Amz-Date"][0] + "+0000", "%Y%m%dT%H%M%SZ%z")
    ends_at = began_at + timedelta(seconds=int(signed["X-Amz-Expires"][0]))
    assert ends_at == datetime.fromisoformat(answer["expires_at"])
    assert fetch("GET", location).status_code == 200


def test_a_size_of_a_private_image_is_for_its_owner_and_who_has_the_address(account: Client, anonymous: Client) -> None:
    image = account.upload(photo(), "image/jpeg", private=True)
    query = {"w": 64, "h": 64, "fit": "cover", "format": "jpeg"}
    assert_problem(anonymous.get(f"/i/{image['id']}", params=query), 404, "image-not-found")
    view = account.get(f"/i/{image['id']}", params=query)
    assert view.headers["Cache-Control"].startswith("private")
    signed = presigned(account, image["id"], **query)
    assert urlsplit(signed).path.endswith(".jpg")
    answer = fetch("GET", signed)
    assert (answer.status_code, opened(answer.content).size) == (200, (64, 64))


def test_an_animation_moves_in_a_size_of_webp(account: Client) -> None:
    image = account.upload(animated("image/gif", 4, (170, 20)), "image/gif")
    shown = opened(fetch("GET", presigned(account, image["id"], w=64), headers=AVIF).content)
    assert (shown.format, getattr(shown, "n_frames", 1)) == ("WEBP", 4)


@pytest.mark.parametrize(
    "query, pointer",
    [
        ({"w": "641"}, "w"),
        ({"w": "-64"}, "w"),
        ({"h": "tall"}, "h"),
        ({"w": "64", "fit": "stretch"}, "fit"),
        ({"w": "64", "format": "gif"}, "format"),
        ({"w": "64", "fit": "cover"}, ""),
        ({"format": "webp"}, ""),
        ({"w": "64", "variant": "thumb"}, ""),
    ],
)
def test_what_is_no_size_is_told(account: Client, query: dict[str, str], pointer: str) -> None:
    image = account.upload(photo("chelsea"), "image/jpeg")
    answer = account.get(f"/i/{image['id']}", params=query)
    assert_problem(answer, 422, "invalid-request")
    assert pointers(answer) == [pointer]


def test_a_size_cannot_be_asked_of_presign_as_a_download(account: Client) -> None:
    image = account.upload(photo("chelsea"), "image/jpeg")
    for body in ({"w": 64, "purpose": "download"}, {"w": 65}, {"w": "64"}, {"fit": "cover"}):
        answer = account.post(f"{API}/image/{image['id']}/presign", json=body)
        assert_problem(answer, 422, "invalid-request")
