"""Several requests about one upload at the same moment."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import requests

from tests.e2e.client import Client, assert_problem
from tests.e2e.server import Server, eventually
from tests.images import photo


def at_once(*work: Callable[[], requests.Response]) -> list[requests.Response]:
    """The answers of all, sent at the same moment."""
    start = Barrier(len(work))

    def run(send: Callable[[], requests.Response]) -> requests.Response:
        start.wait(10)
        return send()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))


def test_of_many_completes_of_a_bad_file_none_publishes(server: Server, account: Client) -> None:
    iid = account.send_bytes(photo()[:50_000], "image/jpeg")
    answers = at_once(*[lambda: account.complete(iid)] * 8)
    assert {answer.json()["code"] for answer in answers} <= {"unreadable-image", "upload-busy"}
    assert_problem(account.complete(iid), 422, "unreadable-image")
    server.assert_nothing_left(account)


@pytest.mark.parametrize("order", ["complete first", "delete first"])
def test_a_delete_at_the_same_moment_as_a_complete_wins(order: str, server: Server, account: Client) -> None:
    for _ in range(4):
        iid = account.send_bytes(photo("coffee"), "image/jpeg")
        work = [lambda iid=iid: account.complete(iid), lambda iid=iid: account.delete(iid)]
        answers = at_once(*(work if order == "complete first" else work[::-1]))
        completed, deleted = answers if order == "complete first" else answers[::-1]
        assert deleted.status_code in (202, 204), deleted.text
        assert completed.status_code in (200, 201, 410), completed.text
        assert_problem(account.meta(iid), 410, "image-deleted")
        assert_problem(account.complete(iid), 410, "image-deleted")
    server.assert_nothing_left(account)


def test_of_many_deletes_one_deletes(server: Server, account: Client) -> None:
    iid = account.upload(photo("coffee"), "image/jpeg")["id"]
    statuses = Counter(answer.status_code for answer in at_once(*[lambda: account.delete(iid)] * 6))
    assert set(statuses) <= {202, 204, 410}
    assert statuses[202] + statuses[204] == 1
    server.assert_nothing_left(account)


def test_of_edits_with_the_same_if_match_one_is_kept(account: Client) -> None:
    iid = account.upload(photo("coffee"), "image/jpeg")["id"]
    if_match = {"If-Match": '"1"'}
    answers = at_once(*[lambda n=n: account.patch(iid, {"title": f"title {n}"}, headers=if_match) for n in range(4)])
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 3}
    kept = next(answer.json()["title"] for answer in answers if answer.status_code == 200)
    assert account.meta(iid).json()["title"] == kept


def test_a_busy_upload_can_be_completed_a_moment_later(account: Client) -> None:
    iid = account.send_bytes(photo("rocket"), "image/jpeg")
    at_once(*[lambda: account.complete(iid)] * 3)
    eventually(lambda: account.complete(iid).status_code == 200, 10, "the upload is complete")
