"""The whole life of an image, for every format: requested, sent to S3, completed, seen, changed, hidden, deleted."""

import re
from io import BytesIO
from typing import Any

import pytest
import requests
from PIL import Image

from tests.e2e.client import API, Client, assert_problem, fetch, put, sha256
from tests.e2e.server import Server
from tests.images import PILLOW_NAMES, photo, photo_as

EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp", "image/avif": "avif"}
OWNERS_ONLY = {"sha256", "status", "tags", "metadata", "rev"}
SIZE = (451, 300)
THUMBHASH = re.compile("[A-Za-z0-9+/]{28}")  # of a photograph of three to two


def without_request_id(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if name != "request_id"}


@pytest.mark.parametrize("mime", PILLOW_NAMES)
def test_the_whole_story_of_an_image(
    mime: str, server: Server, account: Client, stranger: Client, anonymous: Client
) -> None:
    data = photo_as(mime)
    image = upload_and_complete(account, data, mime)
    iid = image["id"]
    assert account.list_all() == [iid]
    assert account.usage() == {"bytes": len(data), "images": 1, "reserved_bytes": 0, "pending": 0}
    assert_served(account, image, data, mime)
    assert_public_part(image, anonymous, stranger)
    edit(account, iid)
    hide(account, image, stranger, anonymous)
    delete(server, account, image, stranger)


def upload_and_complete(account: Client, data: bytes, mime: str) -> dict[str, Any]:
    name = f"Chelsea – “die Katze” №1.{EXTENSIONS[mime]}"
    fields = {"title": "A cat", "tags": ["cat", "pet", "cat"], "metadata": {"prompt": "ein Kätzchen"}, "kind": "user"}
    ticket = account.reserve(data, mime, signed=True, filename=name, **fields)
    iid = ticket["id"]
    assert ticket["upload"]["method"] == "PUT"
    assert ticket["complete_url"] == f"{account.url}{API}/upload/complete"
    assert account.usage() == {"bytes": 0, "images": 0, "reserved_bytes": len(data), "pending": 1}
    assert_problem(account.complete(iid), 409, "upload-not-received")
    assert put(ticket, data).status_code == 200
    created = account.complete(iid)
    assert (created.status_code, created.headers["ETag"]) == (201, '"1"')
    repeated = account.complete(iid)
    assert (repeated.status_code, repeated.headers["ETag"]) == (200, '"1"')
    image: dict[str, Any] = created.json()
    assert repeated.json() == image
    assert image | fields == image | {"tags": ["cat", "pet", "cat"]}
    assert image["tags"] == ["cat", "pet"]
    expected = {
        "id": iid,
        "url": f"{account.url}/i/{iid}.{EXTENSIONS[mime]}",
        "filename": name,
        "mime": mime,
        "size": len(data),
        "sha256": sha256(data),
        "width": SIZE[0],
        "height": SIZE[1],
        "frames": 1,
        "private": False,
        "status": "generated",
        "views": 0,
        "rev": 1,
    }
    assert image | expected == image
    assert THUMBHASH.fullmatch(image["placeholder"])
    return image


def assert_served(account: Client, image: dict[str, Any], data: bytes, mime: str) -> None:
    for address in (image["url"], f"{account.url}{API}/image/{image['id']}", image["src"]):
        got = fetch("GET", address)
        assert (got.status_code, sha256(got.content), got.headers["Content-Type"]) == (200, sha256(data), mime), address
        assert got.headers["Content-Disposition"].startswith("inline; filename=")
        assert "filename*=UTF-8''Chelsea%20%E2%80%93" in got.headers["Content-Disposition"]
    for address in (image["url"], f"{account.url}{API}/image/{image['id']}"):
        head = fetch("HEAD", address)
        assert (head.status_code, head.content, head.headers["Content-Type"]) == (200, b"", mime)
        assert head.headers["Content-Length"] == str(len(data))
    for address in (image["thumb"], image["url"] + "?variant=thumb"):
        thumb = fetch("GET", address)
        assert (thumb.status_code, thumb.headers["Content-Type"]) == (200, "image/webp")
        with Image.open(BytesIO(thumb.content)) as opened:
            assert opened.format == "WEBP"
            assert max(opened.size) == 400
            assert abs(opened.width / opened.height - SIZE[0] / SIZE[1]) < 0.01
    assert fetch("GET", image["preview"]).status_code == 200


def assert_public_part(image: dict[str, Any], anonymous: Client, stranger: Client) -> None:
    for viewer in (anonymous, stranger):
        seen = viewer.meta(image["id"])
        assert seen.status_code == 200
        assert set(image) - set(seen.json()) == OWNERS_ONLY
        same = {name: value for name, value in image.items() if name not in OWNERS_ONLY | {"views"}}
        assert seen.json() | same == seen.json()


def edit(account: Client, iid: str) -> None:
    before = account.meta(iid)
    assert before.headers["ETag"] == '"1"'
    change = {"title": "Cat №2", "tags": ["b", "a"], "metadata": {"steps": [1, {"ü": None}]}, "kind": "room"}
    edited = account.patch(iid, change, headers={"If-Match": '"1"'})
    assert (edited.status_code, edited.headers["ETag"]) == (200, '"2"')
    assert but_views(edited) == but_views(before) | change | {"rev": 2}
    assert_problem(account.patch(iid, {"title": "lost"}, headers={"If-Match": '"1"'}), 412, "rev-mismatch")
    assert_problem(account.patch(iid, {"title": "lost"}, headers={"If-Match": 'W/"2"'}), 412, "rev-mismatch")
    assert account.patch(iid, {"title": None, "kind": None}, headers={"If-Match": "*"}).status_code == 200
    read = account.meta(iid)
    assert read.headers["ETag"] == '"3"'
    assert but_views(read) == but_views(before) | change | {"title": None, "kind": None, "rev": 3}


def but_views(answer: requests.Response) -> dict[str, Any]:
    """An image without its views, which may be counted at this moment."""
    return {name: value for name, value in answer.json().items() if name != "views"}


def hide(account: Client, image: dict[str, Any], stranger: Client, anonymous: Client) -> None:
    iid = image["id"]
    assert account.patch(iid, {"private": True}).json()["private"] is True
    unknown = iid[:2] + "0" * 22
    for viewer in (stranger, anonymous):
        for path in ("/i/{}", "/i/{}.png", API + "/image/{}", API + "/image/{}/meta"):
            hidden = assert_problem(viewer.get(path.format(iid)), 404, "image-not-found")
            absent = assert_problem(viewer.get(path.format(unknown)), 404, "image-not-found")
            assert without_request_id(hidden) == without_request_id(absent)
    seen = account.get(image["url"])
    assert seen.status_code == 302
    assert fetch("GET", seen.headers["Location"]).status_code == 200


def delete(server: Server, account: Client, image: dict[str, Any], stranger: Client) -> None:
    iid = image["id"]
    addresses = [account.get(image["url"]).headers["Location"], image["src"], image["thumb"]]
    for purpose, kind in (("view", "inline"), ("download", "attachment"), ("embed", "inline")):
        signed = account.post(f"{API}/image/{iid}/presign", {"purpose": purpose, "url_expires_in_s": 60})
        assert signed.status_code == 200
        assert fetch("GET", signed.json()["url"]).headers["Content-Disposition"].startswith(kind)
        addresses.append(signed.json()["url"])
    deleted = account.delete(iid)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert [fetch("GET", address).status_code for address in addresses] == [404] * 6
    assert_problem(account.delete(iid), 410, "image-deleted")
    for path in (f"{API}/image/{iid}/meta", f"{API}/image/{iid}", f"/i/{iid}"):
        assert_problem(account.get(path), 410, "image-deleted")
        assert_problem(stranger.get(path), 404, "image-not-found")
        assert_problem(Client(account.url).get(path), 404, "image-not-found")
    assert_problem(account.patch(iid, {"title": "x"}), 410, "image-deleted")
    assert_problem(account.complete(iid), 410, "image-deleted")
    assert_problem(account.post(f"{API}/image/{iid}/presign", {}), 410, "image-deleted")
    assert_problem(stranger.delete(iid), 404, "image-not-found")
    assert account.list_all() == []
    assert account.usage() == {"bytes": 0, "images": 0, "reserved_bytes": 0, "pending": 0}
    assert server.objects_of(account.uid) == []


@pytest.mark.parametrize("name", ["astronaut", "coffee", "hubble", "rocket"])
def test_a_photograph_comes_back_as_it_was_sent(name: str, account: Client) -> None:
    image = account.upload(photo(name), "image/jpeg", signed=True, private=True, filename=f"{name}.jpg")
    assert fetch("GET", image["src"]).content == photo(name)
    assert image["private"] is True


def test_an_edit_that_changes_nothing_keeps_the_revision(account: Client) -> None:
    image = account.upload(photo_as("image/png"), "image/png", title="same")
    again = account.patch(image["id"], {"title": "same", "private": False})
    assert (again.status_code, again.json()) == (200, image)
