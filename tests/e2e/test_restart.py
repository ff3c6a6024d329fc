"""Stopping and killing imagehost: what was acknowledged is there again, what was under way is finished or undone."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.e2e.client import API, Client, fetch
from tests.e2e.server import Server, eventually
from tests.images import photo
from tests.processes import naming

NAMES = ("astronaut", "coffee", "rocket")


@pytest.fixture(scope="module")
def server(hasty_server: Server) -> Server:
    return hasty_server


def assert_all_there(account: Client, images: list[str]) -> None:
    assert account.list_all() == images[::-1]
    for iid, name in zip(images, NAMES, strict=True):
        image = account.meta(iid).json()
        assert fetch("GET", image["url"]).content == photo(name)
        assert fetch("GET", image["thumb"]).status_code == 200
        assert image["title"] == name


def test_after_a_stop_everything_is_there_again(server: Server, account: Client) -> None:
    images = [account.upload(photo(name), "image/jpeg", title=name)["id"] for name in NAMES]
    deleted = account.upload(photo(), "image/jpeg")["id"]
    account.delete(deleted)
    account.get(f"/i/{images[0]}")  # a view that is counted only a moment later
    assert server.stop() == 0
    with pytest.raises(requests.ConnectionError):
        account.get("/health")
    server.start()
    assert account.meta(images[0]).json()["views"] == 1
    assert_all_there(account, images)
    assert account.delete(deleted).status_code == 410
    assert account.upload(photo(), "image/jpeg")["rev"] == 1


def test_a_stop_under_load_loses_nothing_acknowledged_and_the_rest_is_told_or_cut_off(
    server: Server, account: Client
) -> None:
    acknowledged: list[str] = []
    enough, answers = threading.Event(), set[int]()

    def upload_until_it_ends() -> None:
        while True:
            try:
                iid = account.send_bytes(photo(), "image/jpeg")
                answer = account.complete(iid)
            except (requests.RequestException, AssertionError, KeyError):
                return  # the announcement or the PUT was refused, or cut off
            answers.add(answer.status_code)
            if answer.status_code != 201:
                return
            acknowledged.append(iid)
            if len(acknowledged) >= 6:
                enough.set()

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(upload_until_it_ends)
        assert enough.wait(60)
        assert server.stop() == 0
    assert answers <= {201, 404, 410, 503}  # where the machine is slow, an upload's few seconds are over before
    assert naming(server.data_dir) == set()
    server.start()
    for iid in acknowledged:
        assert fetch("GET", f"{server.url}/i/{iid}").content == photo()
        assert account.delete(iid).status_code == 204
    eventually(lambda: account.usage()["pending"] == 0, 30, "what was under way is finished or undone")


def test_after_a_kill_nothing_acknowledged_is_lost(server: Server, account: Client) -> None:
    waiting = [account.send_bytes(photo(), "image/jpeg") for _ in range(6)]
    images = [account.upload(photo(name), "image/jpeg", title=name)["id"] for name in NAMES]
    answered: list[str] = []

    def complete(iid: str) -> None:
        status = 503  # as long as others work on images of theirs: there is one place for each core of a machine
        while status == 503:
            try:
                status = account.complete(iid).status_code
            except requests.RequestException:
                return
        if status == 201:
            answered.append(iid)

    with ThreadPoolExecutor(len(waiting)) as pool:
        for iid in waiting:
            pool.submit(complete, iid)
        eventually(lambda: bool(answered), 60, "one is answered")
        server.kill()
    server.start()
    for iid in answered:
        assert account.complete(iid).status_code == 200
        assert fetch("GET", f"{server.url}/i/{iid}").content == photo()
        assert account.delete(iid).status_code == 204
    eventually(lambda: account.usage()["pending"] == 0, 20, "what was under way is finished or undone")
    for iid in set(waiting) - set(answered):
        answer = account.complete(iid)
        assert answer.status_code in (200, 404, 410), answer.text
        account.delete(iid)
    assert_all_there(account, images)
    assert account.get(f"{API}/me").json()["usage"]["images"] == len(images)
