"""What somebody else, or nobody, can do with an image: look at a public one, and nothing else."""

from tests.e2e.client import API, Client, assert_problem, put
from tests.images import corner, encode

SMALL = encode(corner(), "image/png")


def test_a_private_image_does_not_exist_for_others(account: Client, stranger: Client) -> None:
    image = account.upload(SMALL, "image/png", private=True)
    assert_hidden(stranger, image["id"])
    assert account.meta(image["id"]).json() == image


def test_a_pending_upload_does_not_exist_for_others(account: Client, stranger: Client) -> None:
    ticket = account.reserve(SMALL, "image/png")
    assert_hidden(stranger, ticket["id"])
    put(ticket, SMALL)
    assert_hidden(stranger, ticket["id"])
    assert account.complete(ticket["id"]).status_code == 201


def test_a_deleted_image_does_not_exist_for_others(account: Client, stranger: Client) -> None:
    image = account.upload(SMALL, "image/png")
    account.delete(image["id"])
    assert_hidden(stranger, image["id"])


def test_an_unknown_id_is_not_found(account: Client) -> None:
    for unknown in (account.uid[:2] + "0" * 22, "zz" + "A" * 22, account.uid):
        assert_hidden(account, unknown)


def assert_hidden(caller: Client, iid: str) -> None:
    path = f"{API}/image/{iid}"
    for answer in (
        caller.complete(iid),
        caller.post(f"{API}/upload/request", {"id": iid}),
        caller.meta(iid),
        caller.get(path),
        caller.get(f"/i/{iid}"),
        caller.patch(iid, {"title": "mine"}),
        caller.delete(iid),
        caller.post(f"{path}/presign", {}),
        caller.post(f"{path}/palette", {"colors": ["#ff5733"]}),
        caller.get(f"{path}/colors"),
    ):
        assert_problem(answer, 404, "image-not-found")


def test_a_public_image_can_be_seen_but_not_changed_by_others(account: Client, stranger: Client) -> None:
    image = account.upload(SMALL, "image/png")
    iid = image["id"]
    assert stranger.meta(iid).status_code == 200
    assert stranger.get(f"/i/{iid}").status_code == 302
    assert_problem(stranger.patch(iid, {"private": True}), 403, "not-owner")
    assert_problem(stranger.delete(iid), 403, "not-owner")
    assert_problem(stranger.complete(iid), 404, "image-not-found")
    assert_problem(stranger.post(f"{API}/image/{iid}/presign", {}), 404, "image-not-found")
    assert account.wait_for_views(iid, 1) == image | {"views": 1}
    assert stranger.list_all() == []


def test_the_revision_of_an_image_is_its_owners_business(account: Client, stranger: Client) -> None:
    image = account.upload(SMALL, "image/png")
    assert account.meta(image["id"]).headers["ETag"] == '"1"'
    seen = stranger.meta(image["id"])
    assert "ETag" not in seen.headers
    assert "rev" not in seen.json()


def test_who_follows_a_link_to_nothing_in_a_browser_gets_a_page(anonymous: Client) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    answer = anonymous.get("/i/gone.jpg", headers=browser)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "image-not-found" in answer.text
    for accept in ("*/*", "image/avif,image/webp,*/*;q=0.8"):
        assert_problem(anonymous.get("/i/gone.jpg", headers={"Accept": accept}), 404, "image-not-found")
    assert_problem(anonymous.get(f"{API}/me", headers=browser), 401, "token-missing")


def test_no_redirect_is_built_from_the_host_header(anonymous: Client) -> None:
    assert_problem(anonymous.get("/api/v1//me"), 404, "not-found")
