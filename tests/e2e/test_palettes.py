"""Images in other colours, and the colours of images, over HTTP."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from tests.e2e.client import API, Client, assert_problem, fetch, pointers
from tests.e2e.conftest import QUOTA_BYTES
from tests.e2e.server import Server
from tests.e2e.test_keys import make_key
from tests.images import corner, encode, photo

SMALL = encode(corner(), "image/png")
PALETTE = ["#1D2B53", "#ff004d", "#fff1e8"]


def recolour(account: Client, iid: str, colors: Any = PALETTE, **fields: Any) -> Any:
    return account.post(f"{API}/image/{iid}/palette", {"colors": colors} | fields)


def colours(account: Client, iid: str) -> Any:
    return account.get(f"{API}/image/{iid}/colors")


@pytest.mark.parametrize("mode", ["nearest", "luminance"])
def test_a_photograph_becomes_a_new_image_in_three_colours(account: Client, anonymous: Client, mode: str) -> None:
    source = account.upload(photo("chelsea"), "image/jpeg", title="A cat", tags=["pet"], kind="user")
    answer = recolour(account, source["id"], mode=mode)
    assert (answer.status_code, answer.headers["ETag"]) == (201, '"1"')
    image = answer.json()
    palette = {"colors": [colour.lower() for colour in PALETTE], "mode": mode}
    expected = {
        "metadata": {"derived_from": source["id"], "palette": palette},
        "mime": "image/png",
        "filename": f"picture ({mode}).png",
        "title": "A cat",
        "tags": ["pet"],
        "kind": "user",
        "private": False,
        "width": 451,
        "height": 300,
        "rev": 1,
    }
    assert image | expected == image
    with Image.open(BytesIO(fetch("GET", image["src"]).content)) as made:
        data = made.convert("RGB").tobytes()
    assert {"#" + data[at : at + 3].hex() for at in range(0, len(data), 3)} == set(palette["colors"])
    assert account.meta(image["id"]).json() == image
    assert account.list_all() == [image["id"], source["id"]]
    usage = {"bytes": source["size"] + image["size"], "images": 2, "reserved_bytes": 0, "pending": 0}
    assert account.usage() == usage
    assert anonymous.meta(image["id"]).status_code == 200
    account.delete(source["id"])
    assert account.meta(image["id"]).json()["metadata"]["derived_from"] == source["id"]


def test_without_a_mode_colours_become_the_nearest(account: Client) -> None:
    image = account.upload(SMALL, "image/png")
    assert recolour(account, image["id"]).json()["metadata"]["palette"]["mode"] == "nearest"


def test_of_a_private_image_everything_stays_private(account: Client, stranger: Client, anonymous: Client) -> None:
    source = account.upload(SMALL, "image/png", private=True)
    image = recolour(account, source["id"]).json()
    assert image["private"] is True
    for other in (stranger, anonymous):
        assert_problem(other.meta(image["id"]), 404, "image-not-found")
    for iid in (source["id"], image["id"]):
        assert_problem(recolour(stranger, iid), 404, "image-not-found")
        assert_problem(colours(stranger, iid), 404, "image-not-found")
    assert stranger.list_all() == []


def test_only_its_owner_may_ask_for_an_images_colours_or_have_it_in_others(
    account: Client, stranger: Client, anonymous: Client
) -> None:
    iid = account.upload(SMALL, "image/png")["id"]
    for ask in (recolour, colours):
        assert_problem(ask(stranger, iid), 404, "image-not-found")
        assert_problem(ask(anonymous, iid), 401, "token-missing")
        assert_problem(ask(account, account.uid[:2] + "0" * 22), 404, "image-not-found")
        assert_problem(ask(account, "none"), 404, "image-not-found")
    assert stranger.list_all() == []


def test_a_key_needs_read_and_upload(account: Client) -> None:
    iid = account.upload(SMALL, "image/png")["id"]
    for scopes, missing in ((["read", "write", "delete"], "upload"), (["upload", "write", "delete"], "read")):
        answer = recolour(make_key(account, scopes=scopes)[1], iid)
        assert assert_problem(answer, 403, "insufficient-scope")["scope"] == missing
    assert colours(make_key(account, scopes=["read"])[1], iid).status_code == 200
    assert recolour(make_key(account, scopes=["read", "upload"])[1], iid).status_code == 201


def test_a_deleted_image_has_no_colours_any_more(account: Client) -> None:
    iid = account.upload(SMALL, "image/png")["id"]
    assert colours(account, iid).status_code == 200
    account.delete(iid)
    assert_problem(recolour(account, iid), 410, "image-deleted")
    assert_problem(colours(account, iid), 410, "image-deleted")


def test_what_does_not_fit_into_the_quota_leaves_nothing(server: Server, account: Client) -> None:
    image = account.upload(SMALL, "image/png")
    for size in (25 * 2**20, QUOTA_BYTES - 25 * 2**20 - len(SMALL)):
        assert account.ask(filename="a", mime="image/png", size=size).status_code == 201
    before = account.usage()
    problem = assert_problem(recolour(account, image["id"]), 413, "quota-exceeded")
    assert problem["used"]["bytes"] == problem["allowed"]["bytes"] == QUOTA_BYTES
    assert account.usage() == before
    assert account.list_all() == [image["id"]]
    assert {object_key.split("/")[2] for object_key in server.objects_of(account.uid)} == {image["id"]}


def test_colours_that_are_none_are_refused_each_by_its_place(account: Client) -> None:
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["/colors"]),
        ({"colors": []}, ["/colors"]),
        ({"colors": ["#000000"] * 17}, ["/colors"]),
        ({"colors": "#000000"}, ["/colors"]),
        ({"colors": ["#000000", "red", "#fff", "#00000g", 5, None]}, [f"/colors/{n}" for n in range(1, 6)]),
        ({"colors": ["#000000\n"]}, ["/colors/0"]),
        ({"colors": ["#000000"], "mode": "darkest"}, ["/mode"]),
        ({"colors": ["#000000"], "dither": True}, ["/dither"]),
    ]
    for body, wrong in cases:
        assert pointers(account.post(f"{API}/image/{account.uid[:2]}{'0' * 22}/palette", body)) == wrong


def test_an_image_says_which_colours_it_has(account: Client) -> None:
    image = account.upload(encode(corner(), "image/png"), "image/png")
    answer = colours(account, image["id"])
    assert (answer.status_code, answer.headers["ETag"], answer.headers["Cache-Control"]) == (200, '"1"', "no-store")
    assert answer.json() == {"colors": [{"hex": "#ffffff", "share": 0.75}, {"hex": "#ff0000", "share": 0.25}]}
