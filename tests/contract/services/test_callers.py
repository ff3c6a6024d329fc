"""A caller whose API key is looked up together with what they ask for: one round trip to Redis, and nothing is answered
or reserved for one who is not good."""

import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis.connection import AbstractConnection

from imagehost.app import create_app
from imagehost.services.parts import Parts
from imagehost.tokens import TokenClaims
from imagehost.web.context import EXTENSION
from tests.contract.services.conftest import Bench

UPLOAD = {"filename": "a.png", "mime": "image/png", "size": 10}
API = "/api/v1"


@pytest.fixture(scope="module")
def app(parts: Parts) -> Iterator[Flask]:
    made = create_app(parts.config)
    yield made
    made.extensions[EXTENSION].parts.close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def round_trips(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One element for each message to Redis."""
    sent: list[None] = []
    send: Any = AbstractConnection.send_packed_command

    def counted(self: Any, *args: Any, **options: Any) -> None:
        sent.append(None)
        send(self, *args, **options)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", counted)
    return sent


def _token(bench: Bench, **options: Any) -> str:
    return bench.services.accounts.issue_key(bench.uid, "test", **options).token


def _request(client: FlaskClient, token: str, **json: Any) -> Any:
    return client.post(f"{API}/upload/request", json=UPLOAD | json, headers={"X-API-Key": token})


def test_a_view_metadata_a_list_and_a_request_are_one_round_trip_each(
    bench: Bench, client: FlaskClient, round_trips: list[None]
) -> None:
    public, private, key = bench.publish(), bench.publish(private=True), {"X-API-Key": _token(bench)}
    asks: list[Callable[[], Any]] = [
        lambda: client.get(f"/i/{public}"),
        lambda: client.get(f"/i/{private}", headers=key),
        lambda: client.get(f"{API}/image/{public}/meta"),
        lambda: client.get(f"{API}/image/{private}/meta", headers=key),
        lambda: client.get(f"{API}/me/images?limit=1", headers=key),
        lambda: client.post(f"{API}/image/{private}/presign", json={"purpose": "download"}, headers=key),
        lambda: client.post(f"{API}/upload/request", json=UPLOAD, headers=key),
    ]
    for ask in asks:
        ask()  # connects, and has the scripts loaded
        round_trips.clear()
        assert ask().status_code in (200, 201, 302)
        assert len(round_trips) == 1
    bench.services.library.flush_views()


def test_a_key_that_is_not_good_reserves_nothing(bench: Bench, client: FlaskClient) -> None:
    accounts = bench.services.accounts
    revoked = accounts.issue_key(bench.uid, "revoked")
    assert _request(client, revoked.token).status_code == 201
    accounts.revoke_key(bench.uid, revoked.api_key.kid)
    kid = accounts.issue_key(bench.uid, "another").api_key.kid
    forged = bench.parts.tokens.dumps(TokenClaims(bench.uid, kid, secrets.token_hex(16)))
    before = bench.raw.counters(bench.uid)
    assert before == (0, 0, 10, 1)
    for token, status, code in (
        (revoked.token, 401, "token-invalid"),
        (forged, 401, "token-invalid"),
        (_token(bench, scopes=("read", "write")), 403, "insufficient-scope"),
    ):
        answer = _request(client, token)
        assert (answer.status_code, answer.json["code"]) == (status, code)
        assert bench.raw.counters(bench.uid) == before
    assert len(bench.raw.images_of(bench.uid)) == 1


def test_a_key_that_ends_reserves_nothing_after_its_end(
    bench: Bench, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = _token(bench, expires_in_s=60)
    assert _request(client, token).status_code == 201
    now_s = time.time()
    monkeypatch.setattr(client.application.extensions[EXTENSION].accounts, "_clock", lambda: now_s + 61)
    answer = _request(client, token)
    assert (answer.status_code, answer.json["code"]) == (401, "token-expired")
    assert bench.raw.counters(bench.uid) == (0, 0, 10, 1)


def test_a_key_that_the_index_does_not_know_well_enough_is_looked_up(bench: Bench, client: FlaskClient) -> None:
    token = _token(bench)
    user = f"user:{{{bench.uid[:2]}}}{bench.uid[2:]}"
    bench.raw.client.hset(user, "checked", "an epoch before")
    assert _request(client, token).status_code == 201
    bench.raw.client.hset(user, mapping={"checked": "an epoch before", "rev": 1})
    bench.raw.client.hdel(user, f"key:{bench.services.accounts.get_profile(bench.uid).api_keys[0].kid}")
    assert _request(client, token).status_code == 201
    assert bench.raw.counters(bench.uid) == (0, 0, 20, 2)


def test_a_refused_key_is_looked_up_once(bench: Bench, client: FlaskClient, round_trips: list[None]) -> None:
    issued = bench.services.accounts.issue_key(bench.uid, "revoked")
    bench.services.accounts.revoke_key(bench.uid, issued.api_key.kid)
    key = {"X-API-Key": issued.token}
    client.get(f"{API}/me/images", headers=key)
    round_trips.clear()
    assert client.get(f"{API}/me/images", headers=key).status_code == 401
    assert len(round_trips) == 1


def test_a_batch_is_asked_for_by_a_key_that_was_confirmed(bench: Bench, client: FlaskClient) -> None:
    batch = {"files": [UPLOAD, UPLOAD | {"size": 0}, UPLOAD]}
    read = {"X-API-Key": _token(bench, scopes=("read",))}
    assert client.post(f"{API}/upload/request", json=batch, headers=read).status_code == 403
    assert bench.raw.images_of(bench.uid) == {}
    answer = client.post(f"{API}/upload/request", json=batch, headers={"X-API-Key": _token(bench)})
    assert answer.json is not None
    assert [result["status"] for result in answer.json["results"]] == [201, 422, 201]


@pytest.mark.parametrize(
    "method, path, json",
    [
        ("GET", "/me/images?limit=no", None),
        ("GET", "/me/images?cursor=made-up", None),
        ("GET", "/image/none/meta", None),
        ("GET", "/image/none?sig=made-up", None),
        ("POST", "/image/none/presign", {"purpose": "none"}),
        ("POST", "/upload/request", {"size": "none"}),
        ("POST", "/upload/request", UPLOAD | {"mime": "text/html"}),
        ("POST", "/upload/request", UPLOAD | {"size": 10**12}),
    ],
)
def test_who_is_not_good_hears_nothing_but_that(
    bench: Bench, client: FlaskClient, method: str, path: str, json: Any
) -> None:
    issued = bench.services.accounts.issue_key(bench.uid, "revoked")
    good = client.open(f"{API}{path}", method=method, json=json, headers={"X-API-Key": issued.token})
    assert good.status_code in (404, 413, 415, 422)
    bench.services.accounts.revoke_key(bench.uid, issued.api_key.kid)
    refused = client.open(f"{API}{path}", method=method, json=json, headers={"X-API-Key": issued.token})
    assert refused.json is not None
    assert (refused.status_code, refused.json["code"]) == (401, "token-invalid")


def test_an_image_of_somebody_elses_shard_is_shown_to_a_confirmed_caller(bench: Bench, client: FlaskClient) -> None:
    public = bench.publish()
    other = bench.services.accounts.create()
    while other.uid[:2] == bench.uid[:2]:
        other = bench.services.accounts.create()
    issued = bench.services.accounts.issue_key(other.uid, "test")
    key = {"X-API-Key": issued.token}
    assert client.get(f"{API}/image/{public}/meta", headers=key).status_code == 200
    bench.services.accounts.revoke_key(other.uid, issued.api_key.kid)
    assert client.get(f"{API}/image/{public}/meta", headers=key).status_code == 401


def test_while_the_shard_is_lost_a_revoked_key_is_told_so_first(bench: Bench, client: FlaskClient) -> None:
    good, revoked = _token(bench), bench.services.accounts.issue_key(bench.uid, "revoked")
    bench.services.accounts.revoke_key(bench.uid, revoked.api_key.kid)
    iid = bench.publish(private=True)
    bench.raw.wipe(bench.uid[:2])
    try:
        for token, looks, waits in ((good, 200, 503), (revoked.token, 401, 401)):
            key = {"X-API-Key": token}
            assert client.get(f"{API}/image/{iid}/meta", headers=key).status_code == looks
            assert client.get(f"{API}/me/images", headers=key).status_code == waits
            assert _request(client, token).status_code == waits
    finally:
        bench.services.rebuild.run()
        bench.services.sweeper.sweep()
