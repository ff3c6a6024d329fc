"""API keys: what each may do, how long, and what a wrong token hears."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.e2e.client import API, Client, assert_problem, fetch, pointers, put
from tests.e2e.server import eventually
from tests.images import corner, encode

SMALL = encode(corner(), "image/png")
KEYS = f"{API}/me/keys"
SCOPES = ["read", "upload", "write", "delete"]


def make_key(by: Client, **fields: Any) -> tuple[dict[str, Any], Client]:
    answer = by.post(KEYS, {"name": "test"} | fields)
    assert answer.status_code == 201, answer.text
    return answer.json(), Client(by.url, answer.json()["token"], by.uid)


def assert_challenged(answer: requests.Response, code: str) -> None:
    assert_problem(answer, 401, code)
    challenge = 'Bearer realm="imagehost"'
    assert answer.headers["WWW-Authenticate"] == challenge + (
        ', error="invalid_token"' if code != "token-missing" else ""
    )


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_may_do_what_its_one_scope_says_and_nothing_else(scope: str, account: Client) -> None:
    image = account.upload(SMALL, "image/png", private=True)["id"]
    waiting = account.reserve(SMALL, "image/png")
    put(waiting, SMALL)
    made, caller = make_key(account, scopes=[scope])
    assert made["scopes"] == [scope]
    requests_of: dict[str, list[Callable[[], requests.Response]]] = {
        "read": [
            lambda: caller.get(f"{API}/me/images"),
            lambda: caller.get(KEYS),
            lambda: caller.meta(image),
            lambda: caller.get(f"/i/{image}"),
            lambda: caller.post(f"{API}/image/{image}/presign", {}),
        ],
        "upload": [
            lambda: caller.ask(filename="a", mime="image/png", size=1),
            lambda: caller.complete(waiting["id"]),
        ],
        "write": [
            lambda: caller.patch(image, {"title": "x"}),
            lambda: caller.post(KEYS, {"name": "x", "scopes": ["write"]}),
            lambda: caller.send("DELETE", f"{KEYS}/{account_kid(account)}"),
        ],
        "delete": [lambda: caller.delete(image)],
    }
    for needed in [*(s for s in SCOPES if s != scope), scope]:
        for send in requests_of[needed]:
            answer = send()
            if needed == scope:
                assert answer.ok, answer.text
            else:
                assert assert_problem(answer, 403, "insufficient-scope")["scope"] == needed
    assert caller.get(f"{API}/me").json()["api_key"]["scopes"] == [scope]


def account_kid(account: Client) -> str:
    return str(account.get(f"{API}/me").json()["api_key"]["kid"])


def test_keys_are_listed_without_their_tokens(account: Client) -> None:
    made, _ = make_key(account, name="  laptop ", scopes=["delete", "read", "read"], expires_in_s=3_600)
    assert (made["name"], made["scopes"]) == ("laptop", ["read", "delete"])
    listed = account.get(KEYS).json()["api_keys"]
    assert [key["name"] for key in listed] == ["development", "laptop"]
    assert listed[1] == {name: value for name, value in made.items() if name != "token"}
    assert listed[0]["scopes"] == SCOPES
    assert listed[0]["expires_at"] is None


def test_a_key_cannot_make_one_that_may_do_more_or_lasts_longer(account: Client) -> None:
    _, writer = make_key(account, scopes=["write", "upload"], expires_in_s=600)
    for scopes in (["read"], ["write", "delete"], SCOPES):
        assert_problem(writer.post(KEYS, {"name": "more", "scopes": scopes}), 403, "insufficient-scope")
    assert_problem(writer.post(KEYS, {"name": "all of them"}), 403, "insufficient-scope")
    ends_at = writer.get(f"{API}/me").json()["api_key"]["expires_at"]
    for fields in ({}, {"expires_in_s": 6_000}):
        assert make_key(writer, scopes=["upload"], **fields)[0]["expires_at"] == ends_at
    assert make_key(writer, scopes=["upload"], expires_in_s=60)[0]["expires_at"] < ends_at


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "/name"),
    ({"name": "x" * 101}, "/name"),
    ({"name": "two\nlines"}, "/name"),
    ({"scopes": []}, "/scopes"),
    ({"scopes": ["admin"]}, "/scopes/0"),
    ({"scopes": "read"}, "/scopes"),
    ({"expires_in_s": 0}, "/expires_in_s"),
    ({"expires_in_s": "60"}, "/expires_in_s"),
    ({"kid": "mine"}, "/kid"),
]


def test_a_wrong_request_for_a_key_is_refused(account: Client) -> None:
    found = [(fields, *pointers(account.post(KEYS, {"name": "x"} | fields))) for fields, _ in WRONG]
    assert found == WRONG
    assert len(account.get(KEYS).json()["api_keys"]) == 1


def test_an_expired_token_is_told_so(account: Client) -> None:
    _, brief = make_key(account, expires_in_s=1)
    eventually(lambda: brief.get(f"{API}/me").status_code == 401, 5, "the key expires")
    assert_challenged(brief.get(f"{API}/me"), "token-expired")
    assert_challenged(brief.ask(filename="a", mime="image/png", size=1), "token-expired")


def test_a_revoked_token_is_refused_at_once_by_every_worker(account: Client) -> None:
    made, revoked = make_key(account)
    assert [revoked.get(f"{API}/me").status_code for _ in range(8)] == [200] * 8
    answer = account.send("DELETE", f"{KEYS}/{made['kid']}")
    assert (answer.status_code, answer.content) == (204, b"")
    for _ in range(8):
        assert_challenged(revoked.get(f"{API}/me"), "token-invalid")
    assert_problem(account.send("DELETE", f"{KEYS}/{made['kid']}"), 404, "key-not-found")
    assert [key["name"] for key in account.get(KEYS).json()["api_keys"]] == ["development"]


def test_a_key_may_revoke_itself_and_not_those_of_others(account: Client, stranger: Client) -> None:
    kid = account_kid(account)
    assert_problem(stranger.send("DELETE", f"{KEYS}/{kid}"), 404, "key-not-found")
    assert account.send("DELETE", f"{KEYS}/{kid}").status_code == 204
    assert_challenged(account.get(f"{API}/me"), "token-invalid")


def test_a_forged_token_is_refused(account: Client, stranger: Client) -> None:
    token, foreign = account.token or "", stranger.token or ""
    payload, _, signature = token.rpartition(".")
    other_payload, _, other_signature = foreign.rpartition(".")
    at = len(payload) // 2
    changed = payload[:at] + ("A" if payload[at] != "A" else "B") + payload[at + 1 :]
    forged = ["x", ".", "a.b.c", payload, f"{payload}.", f"{changed}.{signature}", f"{payload}.{other_signature}"]
    for text in [*forged, f"{other_payload}.{signature}", "é" * 20, "x" * 7_000]:
        for headers in ({"X-API-Key": text.encode()}, {"Authorization": b"Bearer " + text.encode()}):
            assert_challenged(fetch("GET", f"{account.url}{API}/me", headers=headers), "token-invalid")


def test_other_credentials_than_a_token_are_refused(anonymous: Client) -> None:
    for headers in ({"X-API-Key": ""}, {"Authorization": "Basic dTpw"}, {"Authorization": "Bearer"}):
        assert_challenged(anonymous.get(f"{API}/me", headers=headers), "token-invalid")


def test_without_a_token_one_is_asked_for(anonymous: Client) -> None:
    for method, path in (
        ("GET", "/me"),
        ("GET", "/me/images"),
        ("GET", "/me/keys"),
        ("POST", "/me/keys"),
        ("POST", "/upload/request"),
        ("POST", "/upload/complete"),
        ("PATCH", f"/image/{'0' * 24}"),
        ("DELETE", f"/image/{'0' * 24}"),
        ("POST", f"/image/{'0' * 24}/presign"),
    ):
        assert_challenged(anonymous.send(method, API + path), "token-missing")


def test_a_token_may_come_in_either_header(account: Client) -> None:
    for headers in ({"X-API-Key": account.token}, {"Authorization": f"bearer {account.token}"}):
        assert fetch("GET", f"{account.url}{API}/me", headers=headers).json()["uid"] == account.uid


def test_a_wrong_token_is_an_error_where_none_is_needed_too(account: Client) -> None:
    image = account.upload(SMALL, "image/png")
    assert_challenged(Client(account.url, "wrong").get(image["url"]), "token-invalid")
