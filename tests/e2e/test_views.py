"""Viewing: where the redirect goes, who may keep it and for how long, and what counts as a view."""

import re

from tests.e2e.client import API, Client, assert_problem, fetch, pointers
from tests.e2e.server import Server
from tests.images import corner, encode, photo_as

SMALL = encode(corner(), "image/png")
WINDOW_S = 86_400


def max_age_s(cache_control: str, scope: str) -> int:
    found = re.fullmatch(scope + r", max-age=(\d+)", cache_control)
    assert found, cache_control
    return int(found[1])


def test_a_public_image_redirects_everyone_to_the_same_address_all_window_long(
    server: Server, account: Client, stranger: Client, anonymous: Client
) -> None:
    image = account.upload(SMALL, "image/png")
    views = [viewer.get(f"/i/{image['id']}") for viewer in (account, stranger, anonymous) for _ in range(3)]
    views.append(anonymous.get(f"{API}/image/{image['id']}"))
    assert {view.status_code for view in views} == {302}
    assert {view.headers["Location"] for view in views} == {image["src"]}
    assert image["src"].startswith(f"{server.s3_origin}/imagehost/uploads/{account.uid}/{image['id']}/")
    for view in views:
        assert 0 <= max_age_s(view.headers["Cache-Control"], "public") <= WINDOW_S
        assert "Vary" not in view.headers
    assert fetch("GET", image["src"]).headers["Cache-Control"] == f"public, max-age={2 * WINDOW_S}, immutable"


def test_a_private_image_may_be_kept_by_its_owners_browser_only(account: Client) -> None:
    image = account.upload(SMALL, "image/png", private=True)
    view = account.get(image["url"])
    assert 0 <= max_age_s(view.headers["Cache-Control"], "private") <= WINDOW_S
    assert view.headers["Vary"] == "Cookie, Authorization, X-API-Key"
    assert fetch("GET", view.headers["Location"]).headers["Cache-Control"].startswith("private, ")


def test_an_image_made_public_again_is_seen_by_everybody(account: Client, anonymous: Client) -> None:
    image = account.upload(SMALL, "image/png", private=True)
    assert_problem(anonymous.get(image["url"]), 404, "image-not-found")
    account.patch(image["id"], {"private": False})
    assert anonymous.get(image["url"]).status_code == 302


def test_a_view_is_counted_by_get_and_not_by_head_or_for_a_thumbnail(account: Client, anonymous: Client) -> None:
    image = account.upload(photo_as("image/png"), "image/png")
    for _ in range(3):
        assert anonymous.get(image["url"]).status_code == 302
        assert anonymous.send("HEAD", image["url"]).status_code == 302
        assert anonymous.get(image["url"], params={"variant": "thumb"}).status_code == 302
    anonymous.get(f"{API}/image/{image['id']}")
    account.assert_views(image["id"], 4)
    assert account.patch(image["id"], {"title": "edited"}).json()["views"] == 5


def test_the_extension_of_a_public_address_is_ignored(account: Client, anonymous: Client) -> None:
    image = account.upload(SMALL, "image/png")
    for name in (image["id"], image["id"] + ".jpg", image["id"] + ".tar.gz"):
        assert anonymous.get(f"/i/{name}").headers["Location"] == image["src"]


def test_a_signature_for_get_does_not_serve_another_request(account: Client) -> None:
    image = account.upload(SMALL, "image/png")
    for method in ("PUT", "DELETE"):
        assert fetch(method, image["src"], data=b"x" if method == "PUT" else None).status_code == 403
    assert fetch("GET", image["src"].replace("/uploads/", "/records/")).status_code == 403
    assert fetch("GET", image["src"].split("?")[0]).status_code == 403
    assert fetch("GET", image["src"]).content == SMALL


def test_an_unknown_variant_or_parameter_of_a_view_is_refused(account: Client, anonymous: Client) -> None:
    image = account.upload(SMALL, "image/png")
    assert pointers(anonymous.get(image["url"], params={"variant": "huge"})) == ["variant"]
    assert pointers(anonymous.get(image["url"], params={"w": "10"})) == ["w"]


def test_a_presigned_url_lasts_from_a_second_to_a_week(account: Client) -> None:
    image = account.upload(SMALL, "image/png", filename='a "quoted" näme.png')
    path = f"{API}/image/{image['id']}/presign"
    for seconds in (1, 604_800):
        signed = account.post(path, {"purpose": "download", "url_expires_in_s": seconds}).json()
        assert f"X-Amz-Expires={seconds}&" in signed["url"]
        assert signed["expires_at"].endswith("Z")
    got = fetch("GET", signed["url"])
    assert got.headers["Content-Disposition"].startswith('attachment; filename="a-quoted')
    assert got.headers["Content-Disposition"].endswith("filename*=UTF-8''a%20%22quoted%22%20n%C3%A4me.png")
    for wrong in (0, -1, 604_801, "60", 1.5):
        assert pointers(account.post(path, {"url_expires_in_s": wrong})) == ["/url_expires_in_s"]
    assert pointers(account.post(path, {"purpose": "steal"})) == ["/purpose"]
