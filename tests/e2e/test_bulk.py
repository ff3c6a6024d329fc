"""Many uploads at once, and a pending upload signed again."""

from typing import Any

from tests.e2e.client import API, Client, assert_problem, pointers, put
from tests.images import corner, encode

SMALL = encode(corner(), "image/png")
REQUEST, COMPLETE = f"{API}/upload/request", f"{API}/upload/complete"


def announced(**fields: Any) -> dict[str, Any]:
    return {"filename": "a.png", "mime": "image/png", "size": len(SMALL)} | fields


def test_each_of_many_requests_is_answered_by_itself_and_in_order(account: Client) -> None:
    files = [announced(), announced(mime="image/svg+xml"), announced(size=0, zz=1), announced(filename="b.png"), 7]
    answer = account.post(REQUEST, {"files": files})
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [201, 415, 422, 201, 422]
    assert [set(result) - {"status"} for result in results] == [{"upload"}, *[{"problem"}] * 2, {"upload"}, {"problem"}]
    assert results[1]["problem"]["code"] == "unsupported-type"
    assert {error["pointer"] for error in results[2]["problem"]["errors"]} == {"/size", "/zz"}
    assert account.usage()["pending"] == 2
    for result in (results[0], results[3]):
        assert put(result["upload"], SMALL).status_code == 200
        assert account.complete(result["upload"]["id"]).status_code == 201


def test_each_of_many_completes_is_answered_by_itself_and_in_order(account: Client, stranger: Client) -> None:
    arrived, refused = account.send_bytes(SMALL, "image/png"), account.send_bytes(b"no image", "image/png")
    waiting, foreign = account.reserve(SMALL, "image/png")["id"], stranger.send_bytes(SMALL, "image/png")
    unknown = arrived[:2] + "x" * 22
    answer = account.post(COMPLETE, {"ids": [refused, arrived, waiting, foreign, unknown, arrived]})
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [422, 201, 409, 404, 404, 200]
    codes = [result["problem"]["code"] for result in results if "problem" in result]
    assert codes == ["unsupported-image", "upload-not-received", "image-not-found", "image-not-found"]
    assert results[1]["image"] == results[5]["image"]


def test_a_batch_has_one_to_a_hundred_entries(account: Client) -> None:
    assert pointers(account.post(REQUEST, {"files": []})) == ["/files"]
    assert pointers(account.post(REQUEST, {"files": [announced()] * 101})) == ["/files"]
    assert pointers(account.post(COMPLETE, {"ids": []})) == ["/ids"]
    assert pointers(account.post(COMPLETE, {"ids": ["0" * 24] * 101})) == ["/ids"]
    assert account.usage()["pending"] == 0


def test_a_pending_upload_is_signed_again(account: Client, stranger: Client) -> None:
    ticket = account.reserve(SMALL, "image/png", signed=True, filename="again.png")
    again = account.post(REQUEST, {"id": ticket["id"]})
    assert again.status_code == 201
    assert again.json()["id"] == ticket["id"]
    assert again.json()["upload"]["headers"] == ticket["upload"]["headers"]
    assert account.usage()["pending"] == 1
    assert_problem(stranger.post(REQUEST, {"id": ticket["id"]}), 404, "image-not-found")
    assert_problem(account.post(REQUEST, {"id": ticket["id"][:2] + "0" * 22}), 404, "image-not-found")
    assert put(again.json(), SMALL).status_code == 200
    assert account.complete(ticket["id"]).status_code == 201
    account.delete(ticket["id"])
    assert_problem(account.post(REQUEST, {"id": ticket["id"]}), 410, "image-deleted")
