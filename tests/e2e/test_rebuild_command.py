"""An imagehost whose Redis loses everything: what it answers meanwhile, and that all comes back from the bucket."""

import json
import shutil
from collections.abc import Callable

import pytest
import redis

from tests.e2e.client import API, Client, assert_problem, fetch
from tests.e2e.server import Server, eventually
from tests.e2e.test_commands import run
from tests.images import corner, encode, photo

SMALL = encode(corner(), "image/png")
LISTED = f"{API}/me/images"


@pytest.fixture(scope="module")
def server(start_server: Callable[..., Server]) -> Server:
    """Its sweeper, which would rebuild the index by itself, looks at the start only."""
    return start_server("rebuild", IMAGEHOST_SWEEP_S="600")


def wipe(server: Server) -> None:
    with redis.Redis.from_url(server.settings()["REDIS_URL"]) as client:
        client.flushall()


def lose_redis(server: Server) -> None:
    """Stop it, and take the embedded Redis's data away."""
    server.stop()
    shutil.rmtree(server.data_dir / "redis")


def test_dump_wipe_rebuild_and_dump_are_equal_and_everybody_goes_on(server: Server, account: Client) -> None:
    public = account.upload(photo(), "image/jpeg", title="Ünïcode", tags=["sea", "sommer"], metadata={"order": 1})["id"]
    private = account.upload(SMALL, "image/png", private=True)["id"]
    edited = account.upload(SMALL, "image/png")["id"]
    assert account.patch(edited, {"title": "second thoughts", "tags": ["x"], "private": True}).status_code == 200
    short = account.upload(SMALL, "image/png", image_expires_in_s=3_000)["id"]
    deleted = account.upload(SMALL, "image/png")["id"]
    assert account.delete(deleted).status_code == 204
    revoked = account.post(f"{API}/me/keys", {"name": "to be revoked"}).json()
    assert account.send("DELETE", f"{API}/me/keys/{revoked['kid']}").status_code == 204
    reader = account.post(f"{API}/me/keys", {"name": "reader", "scopes": ["read"]}).json()["token"]
    run(server, "users", "create", "grace")
    stranger = server.new_account()
    other = stranger.upload(SMALL, "image/png")["id"]
    stranger.reserve(SMALL, "image/png")
    assert fetch("GET", f"{server.url}/i/{public}").content == photo()
    before = run(server, "dump")
    kinds = [next(iter(json.loads(line))) for line in before.splitlines()]
    assert kinds.count("image") == 5
    assert kinds.count("account") >= 4  # the owner's too

    wipe(server)
    assert fetch("GET", f"{server.url}/i/{public}").content == photo()
    assert account.get(f"/i/{private}").status_code in (200, 302)
    assert_problem(account.get(LISTED), 503, "index-rebuilding")
    assert_problem(account.ask(filename="a", mime="image/png", size=1), 503, "index-rebuilding")
    assert_problem(account.patch(edited, {"title": "third"}), 503, "index-rebuilding")
    assert "1024 shards have no index" in run(server, "dump", exit_code=1)

    assert "The index is whole again: " in run(server, "rebuild")
    assert run(server, "dump") == before
    assert account.list_all() == [short, edited, private, public]
    assert account.meta(edited).json()["title"] == "second thoughts"
    assert account.delete(deleted).status_code == 410
    assert stranger.list_all() == [other]
    assert stranger.usage()["pending"] == 0
    assert Client(server.url, reader).get(LISTED).status_code == 200
    assert_problem(Client(server.url, revoked["token"]).get(LISTED), 401, "token-invalid")
    assert Client(server.url, server.running.token).get(LISTED).status_code == 200
    assert account.upload(SMALL, "image/png")["rev"] == 1
    assert account.delete(short).status_code == 204


def test_what_a_rebuild_did_as_json_and_that_nothing_is_to_be_done(server: Server, account: Client) -> None:
    account.upload(SMALL, "image/png")
    assert run(server, "rebuild") == "The index is whole: there is nothing to rebuild.\n"
    wipe(server)
    done = json.loads(run(server, "rebuild", "--json"))
    assert done["shards"] == 1024
    assert done["images"] >= 1
    assert done["unreadable"] == []


def test_a_start_without_an_index_serves_at_once_and_makes_it_anew(server: Server, account: Client) -> None:
    image = account.upload(photo(), "image/jpeg")["id"]
    before = run(server, "dump")
    token = server.running.token
    lose_redis(server)
    server.start()
    assert "it is made anew from the records" in server.running.output.read_text(encoding="utf-8")
    assert fetch("GET", f"{server.url}/i/{image}").content == photo()
    assert server.running.token == token
    eventually(lambda: Client(server.url, token).get(LISTED).status_code == 200, 30, "the owner's images are listed")
    eventually(lambda: account.get(LISTED).status_code == 200, 30, "all images are listed")
    run(server, "rebuild")  # what the sweeper has not come to yet
    assert run(server, "dump") == before


def test_an_owner_without_a_token_that_works_gets_one_when_the_index_is_whole(server: Server, account: Client) -> None:
    image = account.upload(SMALL, "image/png")["id"]
    token = server.running.token
    lose_redis(server)
    (server.data_dir / "owner.token").unlink()
    server.start()
    assert server.running.token != token
    assert f"#token={server.running.token}\n" in server.running.output.read_text(encoding="utf-8")
    for client in (Client(server.url, token), Client(server.url, server.running.token)):
        assert client.get(LISTED).status_code == 200
    assert account.list_all() == [image]


def test_a_redis_that_is_wiped_while_it_serves_is_noticed_by_the_sweeper(hasty_server: Server) -> None:
    account = hasty_server.new_account()
    image = account.upload(SMALL, "image/png")["id"]
    wipe(hasty_server)
    eventually(lambda: account.get(LISTED).status_code == 200, 30, "the index is whole again")
    assert account.list_all() == [image]
    assert account.upload(SMALL, "image/png")["rev"] == 1
    hasty_server.assert_consistent()
