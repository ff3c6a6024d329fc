"""Where the app sends the bytes itself: whole or a range of them, for how long they may be kept, and who gets them."""

import re
from typing import Any

import pytest
import requests

from tests.e2e.client import API, Client, assert_problem, fetch
from tests.e2e.server import Server
from tests.images import corner, encode, large_photo, photo

SMALL = encode(corner(), "image/png")
DATA = photo()
SIZE = len(DATA)
WINDOW_S = 86_400
BOTH = "GET", "HEAD"
RANGES = [
    ("bytes=0-0", 0, 1),
    ("bytes=0-99", 0, 100),
    ("bytes=1000-70000", 1000, 70_001),
    (f"bytes={SIZE - 1}-", SIZE - 1, SIZE),
    ("bytes=5-99999999", 5, SIZE),
    ("bytes=-500", SIZE - 500, SIZE),
    ("bytes=-99999999", 0, SIZE),
    ("Bytes = 7-8", 7, 9),
]


@pytest.fixture(scope="module")
def server(proxy_server: Server) -> Server:
    return proxy_server


@pytest.fixture
def image(account: Client) -> dict[str, Any]:
    """A photograph that anybody may see: DATA."""
    return account.upload(DATA, "image/jpeg", filename="Kaffee für zwei.png")


def max_age_s(answer: requests.Response, form: str) -> int:
    found = re.fullmatch(form.replace("*", r"(\d+)"), answer.headers["Cache-Control"])
    assert found, answer.headers["Cache-Control"]
    return int(found[1])


def test_the_public_address_answers_with_the_bytes(image: dict[str, Any], anonymous: Client) -> None:
    for path in (image["url"], f"/i/{image['id']}", f"{API}/image/{image['id']}"):
        answer = anonymous.get(path)
        assert (answer.status_code, answer.content) == (200, DATA)
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert answer.headers["Content-Length"] == str(SIZE)
        assert answer.headers["Content-Disposition"] == (
            "inline; filename=\"Kaffee-f-r-zwei.png.jpg\"; filename*=UTF-8''Kaffee%20f%C3%BCr%20zwei.png.jpg"
        )
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
        assert 0 <= max_age_s(answer, r"public, max-age=*") <= WINDOW_S
        assert "Vary" not in answer.headers


def test_a_head_says_the_same_without_a_body_and_counts_no_view(account: Client, image: dict[str, Any]) -> None:
    for url in (image["url"], image["src"], image["thumb"], image["url"] + "?variant=thumb"):
        got, head = fetch("GET", url), fetch("HEAD", url)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("Content-Type", "Content-Length", "Content-Disposition", "ETag", "Accept-Ranges"):
            assert head.headers[name] == got.headers[name], (url, name)
    assert fetch("HEAD", image["url"], headers={"Range": "bytes=0-9"}).headers["Content-Length"] == str(SIZE)
    account.assert_views(image["id"], 1)  # of the public address


def test_one_range_is_answered_alone(image: dict[str, Any]) -> None:
    for wanted, start, stop in RANGES:
        answer = fetch("GET", image["url"], headers={"Range": wanted})
        assert (answer.status_code, answer.content) == (206, DATA[start:stop]), wanted
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{SIZE}"
        assert answer.headers["Content-Length"] == str(stop - start)
        assert answer.headers["Content-Type"] == "image/jpeg"


def test_a_range_of_nothing_is_refused_with_the_size_of_all(image: dict[str, Any]) -> None:
    for wanted in (f"bytes={SIZE}-", f"bytes={SIZE + 5}-{SIZE + 9}", "bytes=99999999999999999999-"):
        answer = fetch("GET", image["url"], headers={"Range": wanted})
        assert_problem(answer, 416, "range-not-satisfiable")
        assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


def test_several_ranges_and_what_is_none_are_ignored(image: dict[str, Any]) -> None:
    for wanted in ("bytes=0-1,5-6", "bytes=9-2", "bytes=x-", "bytes", "items=0-5", "bytes=--1", "=0-"):
        answer = fetch("GET", image["url"], headers={"Range": wanted})
        assert (answer.status_code, answer.content) == (200, DATA), wanted
        assert "Content-Range" not in answer.headers


def test_a_range_with_if_range_is_of_the_same_bytes_or_all_are_sent(image: dict[str, Any]) -> None:
    etag = fetch("HEAD", image["url"]).headers["ETag"]
    part = fetch("GET", image["url"], headers={"Range": "bytes=3-5", "If-Range": etag})
    assert (part.status_code, part.content) == (206, DATA[3:6])
    for other in ('"other"', f"W/{etag}", etag.strip('"'), "Fri, 01 Jan 2100 00:00:00 GMT", ""):
        whole = fetch("GET", image["url"], headers={"Range": "bytes=3-5", "If-Range": other})
        assert (whole.status_code, whole.content) == (200, DATA), other
        beyond = fetch("GET", image["url"], headers={"Range": f"bytes={SIZE}-", "If-Range": other})
        assert beyond.status_code == 200, other


def test_who_has_the_bytes_already_is_told_so(account: Client, image: dict[str, Any]) -> None:
    tags = set()
    for url in (image["url"], image["src"], image["thumb"]):
        got = fetch("GET", url)
        tags.add(got.headers["ETag"])
        for known in (got.headers["ETag"], f'"x", W/{got.headers["ETag"]}', "*"):
            for method in BOTH:
                answer = fetch(method, url, headers={"If-None-Match": known, "Range": "bytes=0-1"})
                assert (answer.status_code, answer.content) == (304, b"")
                assert answer.headers["ETag"] == got.headers["ETag"]
                assert answer.headers["Cache-Control"].split("=")[0] == got.headers["Cache-Control"].split("=")[0]
        assert fetch("GET", url, headers={"If-None-Match": '"other"'}).content == got.content
        assert fetch("GET", url, headers={"If-Match": f'"x", {got.headers["ETag"]}'}).content == got.content
        for method in BOTH:
            answer = fetch(method, url, headers={"If-Match": '"other"'})
            assert answer.status_code == 412
    assert_problem(fetch("GET", image["url"], headers={"If-Match": '"1"'}), 412, "precondition-failed")
    assert len(tags) == 2, "the original has one, the thumbnail another"
    assert account.patch(image["id"], {"title": "new"}).status_code == 200
    assert fetch("HEAD", image["url"]).headers["ETag"] in tags, "an edit changes no bytes"


def test_a_view_is_a_get_of_the_original_from_its_start(account: Client, image: dict[str, Any]) -> None:
    etag = fetch("GET", image["url"]).headers["ETag"]
    fetch("GET", image["url"], headers={"Range": "bytes=0-10"})
    fetch("GET", image["url"], headers={"If-None-Match": etag})
    account.assert_views(image["id"], 3)
    fetch("GET", image["url"], headers={"Range": "bytes=11-"})
    fetch("GET", image["url"], headers={"Range": f"bytes={SIZE}-"})
    for url in (image["src"], image["thumb"], image["preview"], image["url"] + "?variant=thumb"):
        fetch("GET", url)
    account.assert_views(image["id"], 4)


def test_a_thumbnail_and_a_preview_are_sent_as_what_they_are(account: Client) -> None:
    image = account.upload(large_photo(), "image/jpeg")
    for variant, url in (("thumb", image["thumb"]), ("preview", image["preview"])):
        answer = fetch("GET", url)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/webp")
        assert answer.headers["Content-Disposition"] == "inline"
        assert answer.headers["Content-Length"] == str(len(answer.content))
        assert answer.content[8:12] == b"WEBP"
        same = fetch("GET", image["url"], params={"variant": variant}, headers={"Range": "bytes=8-11"})
        assert (same.status_code, same.content) == (206, b"WEBP")
        assert same.headers["Content-Range"] == f"bytes 8-11/{len(answer.content)}"
        assert same.headers["ETag"] == answer.headers["ETag"]


def test_an_image_that_fits_is_its_own_preview(account: Client) -> None:
    image = account.upload(SMALL, "image/png")
    assert image["preview"] == image["src"]
    answer = fetch("GET", image["url"], params={"variant": "preview"})
    assert (answer.content, answer.headers["Content-Type"]) == (SMALL, "image/png")


def test_a_private_image_is_sent_to_its_owner_only(account: Client, stranger: Client, anonymous: Client) -> None:
    image = account.upload(SMALL, "image/png", private=True)
    for who in (stranger, anonymous):
        for query in ("", "?variant=thumb", "?variant=preview"):
            for headers in ({}, {"Range": "bytes=0-1"}, {"If-None-Match": "*"}, {"If-Match": '"x"'}):
                assert_problem(who.get(image["url"] + query, headers=headers), 404, "image-not-found")
    answer = account.get(image["url"])
    assert answer.content == SMALL
    assert 0 <= max_age_s(answer, r"private, max-age=*") <= WINDOW_S
    known = account.get(image["url"], headers={"If-None-Match": answer.headers["ETag"]})
    for said in (answer, known):
        assert said.headers["Vary"] == "Cookie, Authorization, X-API-Key"


def test_a_deleted_image_is_gone_at_every_address(server: Server, account: Client, anonymous: Client) -> None:
    image = account.upload(SMALL, "image/png")
    signed = account.post(f"{API}/image/{image['id']}/presign", {}).json()["url"]
    etag = fetch("GET", image["src"]).headers["ETag"]
    assert account.delete(image["id"]).status_code == 204
    for url in (image["url"], image["src"], image["thumb"], image["preview"], signed):
        for headers in ({}, {"Range": "bytes=0-1"}, {"If-None-Match": etag}):
            assert_problem(anonymous.get(url, headers=headers), 404, "image-not-found")
        assert_problem(account.get(url), 410, "image-deleted")
    server.assert_nothing_left(account)


def test_the_page_may_show_what_the_app_sends_and_upload_to_the_bucket(server: Server, anonymous: Client) -> None:
    page = anonymous.get("/")
    policy = dict(part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; "))
    assert server.url in policy["img-src"].split()
    assert policy["connect-src"] == f"'self' {server.s3_origin}"
    assert "preconnect" not in page.text
