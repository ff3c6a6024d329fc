"""Requests that are wrong in themselves: each with its status, code and place, and nothing reserved."""

import json
from typing import Any

import pytest

from tests.e2e.client import API, Client, assert_problem, pointers
from tests.e2e.server import Server

REQUEST, COMPLETE = f"{API}/upload/request", f"{API}/upload/complete"
JSON = {"Content-Type": "application/json"}
GOOD: dict[str, Any] = {"filename": "a.png", "mime": "image/png", "size": 100}


def nested(depth: int) -> dict[str, Any]:
    """GOOD with metadata so deep that the whole nests `depth` deep."""
    value: Any = 0
    for _ in range(depth - 2):
        value = [value]
    return GOOD | {"metadata": {"x": value}}


MALFORMED: list[bytes] = [
    b"",
    b"{",
    b"nonsense",
    b"{'filename': 'a'}",
    b'{"filename": "a", "filename": "b", "mime": "image/png", "size": 1}',
    b'{"filename": "a", "mime": "image/png", "size": 1, "metadata": {"x": {"y": 1, "y": 1}}}',
    b'{"filename": "a", "mime": "image/png", "size": NaN}',
    b'{"filename": "a", "mime": "image/png", "size": 1e999}',
    b'{"filename": "a", "mime": "image/png", "size": -Infinity}',
    b'{"filename": "\xff", "mime": "image/png", "size": 1}',
    b'\xef\xbb\xbf{"filename": "a", "mime": "image/png", "size": 1}',
    b'{"filename": "a\nb", "mime": "image/png", "size": 1}',
    b'{"filename": "a", "mime": "image/png", "size": 1} {}',
    json.dumps(GOOD).encode("utf-16"),
    json.dumps(nested(65)).encode(),
    b"[" * 100_000,
    b'{"x":' * 100_000,
    b"1" * 100_000,
]


def test_what_is_no_proper_json_is_malformed(server: Server, account: Client) -> None:
    for path in (REQUEST, COMPLETE, f"{API}/me/keys"):
        for body in MALFORMED:
            assert_problem(account.post(path, data=body, headers=JSON), 400, "malformed-json")
    server.assert_nothing_left(account)


def test_json_may_nest_sixty_four_deep(account: Client) -> None:
    assert account.ask(**nested(64)).status_code == 201


OTHER_TYPES: list[str | None] = [None, "text/plain", "multipart/form-data; boundary=x", "application/x-json"]


def test_another_content_type_than_json_is_refused(account: Client) -> None:
    for content_type in OTHER_TYPES:
        headers = {"Content-Type": content_type} if content_type else {}
        for path in (REQUEST, COMPLETE, f"{API}/me/keys"):
            answer = account.post(path, data=json.dumps(GOOD).encode(), headers=headers)
            assert_problem(answer, 415, "unsupported-content-type")


def test_json_with_a_charset_is_json(account: Client) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert account.post(REQUEST, data=json.dumps(GOOD).encode(), headers=headers).status_code == 201


def test_a_body_over_two_mebibytes_is_too_large(account: Client) -> None:
    body = b'{"filename": "' + b"x" * (2 << 20) + b'"}'
    assert_problem(account.post(REQUEST, data=body, headers=JSON), 413, "request-too-large")


INVALID: list[tuple[dict[str, Any], str]] = [
    ({"filename": "a\0.png"}, "/filename"),
    ({"filename": "x" * 5_000}, "/filename"),
    ({"filename": "x" * 256}, "/filename"),
    ({"filename": ""}, "/filename"),
    ({"filename": "  "}, "/filename"),
    ({"filename": "a\nb"}, "/filename"),
    ({"filename": "a\x1b[2J"}, "/filename"),
    ({"filename": "\ud800"}, "/filename"),
    ({"filename": None}, "/filename"),
    ({"filename": 1}, "/filename"),
    ({"size": 0}, "/size"),
    ({"size": -1}, "/size"),
    ({"size": 1.0}, "/size"),
    ({"size": "100"}, "/size"),
    ({"size": True}, "/size"),
    ({"mime": "png"}, "/mime"),
    ({"mime": "image/png; x=y"}, "/mime"),
    ({"mime": "image/png\r\nx: y"}, "/mime"),
    ({"sha256": "x" * 64}, "/sha256"),
    ({"sha256": "A" * 64}, "/sha256"),
    ({"sha256": "a" * 63}, "/sha256"),
    ({"private": 1}, "/private"),
    ({"private": "true"}, "/private"),
    ({"title": ""}, "/title"),
    ({"title": "x" * 201}, "/title"),
    ({"tags": "cat"}, "/tags"),
    ({"tags": ["ok", ""]}, "/tags/1"),
    ({"tags": ["x" * 51]}, "/tags/0"),
    ({"tags": [str(number) for number in range(51)]}, "/tags"),
    ({"metadata": []}, "/metadata"),
    ({"metadata": {"x": "y" * 8_200}}, "/metadata"),
    ({"metadata": {"a/b~c": ["\0"]}}, "/metadata/a~1b~0c/0"),
    ({"kind": "No Slug"}, "/kind"),
    ({"kind": ""}, "/kind"),
    ({"image_expires_in_s": 0}, "/image_expires_in_s"),
    ({"status": "printed"}, "/status"),
    ({"owner_uid": "x"}, "/owner_uid"),
    ({"Filename": "x"}, "/Filename"),
]


def test_an_invalid_or_unknown_field_is_named(server: Server, account: Client) -> None:
    found = [(fields, *pointers(account.ask(**(GOOD | fields)))) for fields, _ in INVALID]
    assert found == INVALID
    server.assert_nothing_left(account)


NO_REQUESTS: list[Any] = [[], "text", 7, None, True, {}]


def test_a_body_that_is_no_request_at_all_is_invalid(account: Client) -> None:
    for body in NO_REQUESTS:
        for path in (REQUEST, COMPLETE):
            answer = account.post(path, data=json.dumps(body).encode(), headers=JSON)
            assert_problem(answer, 422, "invalid-request")


def test_every_invalid_field_is_named_at_once(account: Client) -> None:
    assert set(pointers(account.ask(size=0, zz=1))) == {"/filename", "/mime", "/size", "/zz"}


UNSUPPORTED: list[str] = ["image/svg+xml", "image/tiff", "text/html", "image/x-icon", "application/octet-stream"]


def test_a_type_outside_the_allow_list_is_refused_at_once(server: Server, account: Client) -> None:
    for mime in UNSUPPORTED:
        problem = assert_problem(account.ask(**(GOOD | {"mime": mime})), 415, "unsupported-type")
        assert problem["accepted"] == ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"]
    server.assert_nothing_left(account)


def test_a_media_type_may_be_written_in_capitals(account: Client) -> None:
    ticket = account.ask(**(GOOD | {"mime": "IMAGE/PNG"}))
    assert ticket.json()["upload"]["headers"]["content-type"] == "image/png"


@pytest.mark.parametrize("size", [25 * 2**20 + 1, 10**30])
def test_a_file_over_the_limit_is_too_large(size: int, server: Server, account: Client) -> None:
    problem = assert_problem(account.ask(**(GOOD | {"size": size})), 413, "image-too-large")
    assert problem["allowed"] == 25 * 2**20
    server.assert_nothing_left(account)


NO_IDS: list[Any] = ["", "x", "0" * 23, "0" * 25, "../../etc/passwd", "é" * 24, "u0" + "-" * 22, 7, None]


def test_a_malformed_id_is_invalid(account: Client) -> None:
    for iid in NO_IDS:
        for path in (REQUEST, COMPLETE):
            assert pointers(account.post(path, {"id": iid})) == ["/id"], iid
    for iid in NO_IDS:
        assert pointers(account.post(COMPLETE, {"ids": ["0" * 24, iid]})) == ["/ids/1"], iid
        assert pointers(account.post(COMPLETE, {"ids": [iid]})) == ["/ids/0"], iid


NO_NAMES: list[str] = ["x", "0" * 23, "0" * 25, "%00", "..%2f..%2fmeta", "é", "u0" + "-" * 22]


def test_an_address_with_a_malformed_id_is_not_found(account: Client) -> None:
    for name in NO_NAMES:
        for path in (f"{API}/image/{name}", f"{API}/image/{name}/meta", f"/i/{name}"):
            answer = account.get(path)
            assert answer.status_code == 404, path
            assert answer.json()["code"] in ("image-not-found", "not-found")


INVALID_EDITS: list[tuple[dict[str, Any], str]] = [
    ({}, ""),
    ({"title": 1}, "/title"),
    ({"tags": None}, "/tags"),
    ({"private": None}, "/private"),
    ({"metadata": None}, "/metadata"),
    ({"kind": "A"}, "/kind"),
    ({"status": "printed"}, "/status"),
    ({"image_expires_in_s": 316_224_001}, "/image_expires_in_s"),
    ({"rev": 7}, "/rev"),
    ({"filename": "new.png"}, "/filename"),
]


def test_an_invalid_edit_is_refused(account: Client) -> None:
    found = [(change, *pointers(account.patch("0" * 24, change))) for change, _ in INVALID_EDITS]
    assert found == INVALID_EDITS
