"""How failures look from outside."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from imagehost.app import MAX_REQUEST_BYTES
from imagehost.errors import OutcomeUnknown
from imagehost.ids import new_iid, new_uid
from imagehost.services.facade import Services
from imagehost.services.health import Health
from tests.unit.web.conftest import Caller, MakeApp

REQUEST_UPLOAD = "/api/v1/upload/request"


def assert_problem(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The answer is this problem, in the one shape that all have."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    problem: dict[str, Any] = answer.get_json()
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["title"]
    assert problem["type"] in {"about:blank", f"urn:imagehost:problem:{code}"}
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    return problem


def test_an_unknown_address_is_a_problem(client: FlaskClient) -> None:
    assert_problem(client.get("/nowhere"), 404, "not-found")
    assert_problem(client.post("/api/v1/nowhere"), 404, "not-found")


@pytest.mark.parametrize(
    "method, path, allowed",
    [("DELETE", "/health", {"GET", "HEAD", "OPTIONS"}), ("GET", REQUEST_UPLOAD, {"POST", "OPTIONS"})],
)
def test_a_wrong_method_is_a_problem_that_names_the_right_ones(
    client: FlaskClient, method: str, path: str, allowed: set[str]
) -> None:
    answer = client.open(path, method=method)
    assert_problem(answer, 405, "method-not-allowed")
    assert set(answer.headers["Allow"].split(", ")) == allowed


def test_what_nobody_expected_is_a_500_without_text(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Health) -> dict[str, bool]:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(Health, "check", fail)
    answer = client.get("/health/ready")
    problem = assert_problem(answer, 500, "internal-error")
    assert set(problem) == {"type", "title", "status", "code", "request_id"}
    assert "hunter2" not in answer.text
    assert "RuntimeError" not in answer.text


def test_an_outcome_that_is_unknown_is_a_503_that_says_when_to_come_back(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Health) -> dict[str, bool]:
        raise OutcomeUnknown("The storage did not say.") from ValueError("hunter2")

    monkeypatch.setattr(Health, "check", fail)
    answer = client.get("/health/ready")
    assert_problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"] == "2"
    assert "hunter2" not in answer.text


def test_a_body_over_the_limit_is_a_problem(client: FlaskClient, caller: Caller) -> None:
    answer = client.post(
        REQUEST_UPLOAD, data=b" " * (MAX_REQUEST_BYTES + 1), content_type="application/json", headers=caller.headers
    )
    assert_problem(answer, 413, "request-too-large")


@pytest.mark.parametrize(
    "body, content_type, status, code",
    [
        (b"{", "application/json", 400, "malformed-json"),
        (b"[" * 100_000, "application/json", 400, "malformed-json"),
        (b"{}", "text/plain", 415, "unsupported-content-type"),
        (b"{}", "application/json", 422, "invalid-request"),
        (b'{"filename":"a\\u0000.png"}', "application/json", 422, "invalid-request"),
    ],
)
def test_a_bad_body_is_a_problem(
    client: FlaskClient, caller: Caller, body: bytes, content_type: str, status: int, code: str
) -> None:
    answer = client.post(REQUEST_UPLOAD, data=body, content_type=content_type, headers=caller.headers)
    problem = assert_problem(answer, status, code)
    assert ("errors" in problem) == (code == "invalid-request")


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/v1/me/images", "/api/v1/me/keys"])
def test_without_a_token_the_answer_says_how_to_authenticate(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert_problem(answer, 401, "token-missing")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "error" not in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("token", ["x", "x.y", "é", "." * 5_000, "null"])
def test_a_token_that_is_none_is_invalid(client: FlaskClient, token: str) -> None:
    for headers in ({"X-API-Key": token}, {"Authorization": f"Bearer {token}"}):
        answer = client.get("/api/v1/me", headers=headers)
        assert_problem(answer, 401, "token-invalid")
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_forged_token_is_an_error_even_where_none_is_needed(client: FlaskClient) -> None:
    answer = client.get(f"/api/v1/image/{new_iid(new_uid())}/meta", headers={"X-API-Key": "forged"})
    assert_problem(answer, 401, "token-invalid")


def test_the_same_token_works_in_both_headers(client: FlaskClient, caller: Caller) -> None:
    bearer = {"Authorization": f"Bearer {caller.headers['X-API-Key']}"}
    for headers in (caller.headers, bearer):
        assert client.get("/api/v1/me", headers=headers).get_json()["uid"] == caller.uid


def test_an_api_key_without_the_scope_is_told_which_one(
    client: FlaskClient, services: Services, caller: Caller
) -> None:
    token = services.accounts.issue_key(caller.uid, "reader", scopes=("read",)).token
    answer = client.post(REQUEST_UPLOAD, json={}, headers={"X-API-Key": token})
    assert assert_problem(answer, 403, "insufficient-scope")["scope"] == "upload"


def test_a_revoked_api_key_is_refused_from_now_on(client: FlaskClient, services: Services, caller: Caller) -> None:
    issued = services.accounts.issue_key(caller.uid, "short-lived")
    headers = {"X-API-Key": issued.token}
    assert client.get("/api/v1/me", headers=headers).status_code == 200
    assert client.delete(f"/api/v1/me/keys/{issued.api_key.kid}", headers=caller.headers).status_code == 204
    assert_problem(client.get("/api/v1/me", headers=headers), 401, "token-invalid")
    again = client.delete(f"/api/v1/me/keys/{issued.api_key.kid}", headers=caller.headers)
    assert_problem(again, 404, "key-not-found")


@pytest.mark.parametrize("iid", ["x", "4k" + "a" * 22, "4k" + "é" * 22, "%00", "4k" + "a" * 22 + "%0a"])
def test_an_id_that_does_not_exist_or_cannot_is_the_same_404(client: FlaskClient, iid: str) -> None:
    for path in (f"/api/v1/image/{iid}", f"/api/v1/image/{iid}/meta", f"/i/{iid}", f"/i/{iid}.png"):
        assert_problem(client.get(path), 404, "image-not-found")


@pytest.mark.parametrize(
    "query, pointer",
    [("limit=0", "limit"), ("limit=1&limit=2", "limit"), ("cursor=forged", "cursor"), ("status=ready", "status")],
)
def test_a_bad_query_names_its_parameter(client: FlaskClient, caller: Caller, query: str, pointer: str) -> None:
    answer = client.get(f"/api/v1/me/images?{query}", headers=caller.headers)
    (error,) = assert_problem(answer, 422, "invalid-request")["errors"]
    assert error["pointer"].removeprefix("/") == pointer


def test_every_request_has_an_id_of_its_own(client: FlaskClient) -> None:
    found = {client.get("/health").headers["X-Request-Id"] for _ in range(20)}
    assert len(found) == 20
    assert all(re.fullmatch("[0-9a-f]{16}", one) for one in found)


def test_a_request_id_from_outside_is_not_believed(client: FlaskClient) -> None:
    answer = client.get("/health", headers={"X-Request-Id": "evil"})
    assert answer.headers["X-Request-Id"] != "evil"


def test_debugging_does_not_show_a_traceback_in_an_answer(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Health) -> dict[str, bool]:
        raise RuntimeError("hunter2")

    app: Flask = make_app(IMAGEHOST_DEV="1", FLASK_DEBUG="1")
    monkeypatch.setattr(Health, "check", fail)
    with app.test_client() as client:
        answer = client.get("/health/ready")
    assert_problem(answer, 500, "internal-error")
    assert "hunter2" not in answer.text
