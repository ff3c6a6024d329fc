"""Quota and the cap on pending uploads."""

from typing import Any

from tests.e2e.client import API, Client, assert_problem
from tests.e2e.conftest import MAX_PENDING, QUOTA_BYTES, QUOTA_IMAGES
from tests.images import corner, encode

SMALL = encode(corner(), "image/png")
LARGEST = 25 * 2**20
ALLOWED = {"bytes": QUOTA_BYTES, "images": QUOTA_IMAGES}


def announced(size: int) -> dict[str, Any]:
    return {"filename": "a", "mime": "image/png", "size": size}


def statuses(account: Client, count: int) -> list[int]:
    """What each of so many requests in one batch is answered."""
    answer = account.post(f"{API}/upload/request", {"files": [announced(1)] * count})
    return [result["status"] for result in answer.json()["results"]]


def test_what_does_not_fit_is_refused_with_used_and_allowed(account: Client) -> None:
    image = account.upload(SMALL, "image/png")
    pending = account.ask(**announced(LARGEST)).json()["id"]
    left = QUOTA_BYTES - LARGEST - len(SMALL)
    problem = assert_problem(account.ask(**announced(left + 1)), 413, "quota-exceeded")
    assert (problem["used"], problem["allowed"]) == ({"bytes": LARGEST + len(SMALL), "images": 2}, ALLOWED)
    assert account.ask(**announced(left)).status_code == 201
    problem = assert_problem(account.ask(**announced(1)), 413, "quota-exceeded")
    assert problem["used"] == {"bytes": QUOTA_BYTES, "images": 3}
    account.delete(pending)
    account.delete(image["id"])
    assert account.ask(**announced(LARGEST)).status_code == 201


def test_the_number_of_images_is_limited(account: Client) -> None:
    images = [account.upload(SMALL, "image/png")["id"] for _ in range(QUOTA_IMAGES - MAX_PENDING + 1)]
    left = QUOTA_IMAGES - len(images)
    assert statuses(account, left + 1) == [201] * left + [413]
    problem = assert_problem(account.ask(**announced(1)), 413, "quota-exceeded")
    assert (problem["used"]["images"], problem["allowed"]["images"]) == (QUOTA_IMAGES, QUOTA_IMAGES)
    account.delete(images[0])
    assert account.ask(**announced(1)).status_code == 201


def test_too_many_pending_uploads_have_to_wait(account: Client) -> None:
    pending = account.ask(**announced(1)).json()["id"]
    assert statuses(account, 100) == [201] * (MAX_PENDING - 1) + [429] * (101 - MAX_PENDING)
    answer = account.ask(**announced(1))
    assert assert_problem(answer, 429, "too-many-pending")["allowed"] == MAX_PENDING
    assert int(answer.headers["Retry-After"]) >= 1
    account.delete(pending)
    assert account.ask(**announced(1)).status_code == 201


def test_the_quota_is_told(account: Client) -> None:
    assert account.get(f"{API}/me").json()["quota"] == ALLOWED | {"pending": MAX_PENDING}
