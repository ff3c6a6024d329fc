"""What was begun and never finished, on a server where everything ends after a second or two."""

import pytest

from tests.e2e.client import API, Client, assert_problem, fetch, put
from tests.e2e.server import Server, eventually
from tests.images import corner, encode

SMALL = encode(corner(), "image/png")


@pytest.fixture(scope="module")
def server(hasty_server: Server) -> Server:
    return hasty_server


def test_an_abandoned_upload_is_undone_and_a_finished_one_stays(server: Server, account: Client) -> None:
    image = account.upload(SMALL, "image/png")
    waiting, arrived = account.reserve(SMALL, "image/png")["id"], account.send_bytes(SMALL, "image/png")
    assert account.usage()["pending"] == 2
    eventually(lambda: account.usage()["pending"] == 0, 15, "both reservations are given back")
    eventually(lambda: staged(server, account) == [], 5, "the staging object is removed")
    for iid in (waiting, arrived):
        assert_problem(account.complete(iid), 404, "image-not-found")
        assert_problem(account.delete(iid), 404, "image-not-found")
    assert account.complete(image["id"]).status_code == 200
    assert account.list_all() == [image["id"]]
    account.delete(image["id"])
    server.assert_nothing_left(account)


def staged(server: Server, account: Client) -> list[str]:
    return [object_key for object_key in server.objects_of(account.uid) if object_key.startswith("incoming/")]


def test_an_upload_url_that_has_expired_is_refused(account: Client) -> None:
    ticket = account.reserve(SMALL, "image/png")
    eventually(lambda: put(ticket, SMALL).status_code == 403, 10, "the URL expires")
    eventually(lambda: account.usage()["pending"] == 0, 15, "the reservation is given back")
    assert_problem(account.post(f"{API}/upload/request", {"id": ticket["id"]}), 404, "image-not-found")


def test_an_address_changes_with_its_window_and_lives_for_two(account: Client, anonymous: Client) -> None:
    image = account.upload(SMALL, "image/png")

    def location() -> str:
        return anonymous.get(image["url"]).headers["Location"]

    first = location()
    eventually(lambda: location() != first, 5, "the window ends")
    assert fetch("GET", first).content == SMALL
    eventually(lambda: fetch("GET", first).status_code == 403, 6, "the URL expires")
    assert fetch("GET", location()).content == SMALL
