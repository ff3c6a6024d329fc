"""The app sends the bytes, and the store fails: a 503 before the first of them, a connection that is cut after it."""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.e2e.client import Client, fetch
from tests.e2e.server import eventually
from tests.faults import actions
from tests.faults.exchange import Action
from tests.faults.proxy import FaultProxy
from tests.faults.server import FaultedServer, assert_unavailable, port_of, target_of
from tests.images import photo
from tests.stack import embedded_stack

DATA = photo()
# More than the first chunk, which is waited for before anything is answered.
PART_BYTES = 80_000
THREADS = 16


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """One of its own: an index knows of all that is in its bucket."""
    with embedded_stack(tmp_path_factory.mktemp("proxied-store") / "data") as environment:
        yield environment


@pytest.fixture(scope="session")
def session_proxy(store: Mapping[str, str]) -> Iterator[FaultProxy]:
    with FaultProxy(port_of(store)) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def session_server(
    tmp_path_factory: pytest.TempPathFactory, store: Mapping[str, str], session_proxy: FaultProxy
) -> Iterator[FaultedServer]:
    directory, work = tmp_path_factory.mktemp("proxied"), tmp_path_factory.mktemp("proxied-work")
    server = FaultedServer(directory / "data", store, session_proxy, work, IMAGEHOST_DELIVERY="proxy")
    yield server
    server.end()


@pytest.fixture
def image(account: Client) -> dict[str, Any]:
    return account.upload(DATA, "image/jpeg", private=True)


def read(url: str, **headers: str) -> tuple[requests.Response, bytes, bool]:
    """The answer, what arrived of its body, and whether that was all."""
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(url, stream=True, timeout=20, headers=headers)
        body = b""
        try:
            for piece in answer.iter_content(1_000):
                body += piece
        except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError):
            return answer, body, False
    return answer, body, True


def faults_logged(server: FaultedServer, offset: int) -> list[str]:
    """The events that the web server has logged from there on, but for those that tell of nothing wrong."""
    text = (server.data_dir / "log" / "web.log").read_bytes()[offset:].decode()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line["event"] for line in lines if line["level"] != "info"]


def log_size(server: FaultedServer) -> int:
    return (server.data_dir / "log" / "web.log").stat().st_size


@pytest.mark.parametrize(
    "failure",
    [actions.cut_answer(PART_BYTES), actions.reset_answer(PART_BYTES), actions.stall_answer(PART_BYTES)],
    ids=["cut", "reset", "stall"],
)
def test_a_store_that_stops_in_the_middle_cuts_the_answer_and_frees_the_thread(
    server: FaultedServer, account: Client, proxy: FaultProxy, image: dict[str, Any], failure: Action
) -> None:
    offset = log_size(server)
    proxy.plan("GET", target_of(account.uid, image["id"], "uploads"), failure, times=THREADS)
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda _: read(image["src"]), range(THREADS)))
    for answer, body, whole in answers:
        assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(len(DATA)))
        assert not whole, "a part must not look like all"
        assert len(body) < len(DATA)
        assert DATA.startswith(body)
    rest = read(image["src"], Range=f"bytes={len(answers[0][1])}-", **{"If-Range": answers[0][0].headers["ETag"]})
    assert answers[0][1] + rest[1] == DATA
    assert faults_logged(server, offset) == ["answer_cut"] * THREADS


def go_down(proxy: FaultProxy) -> None:
    proxy.state = "down"


def fall_silent(proxy: FaultProxy) -> None:
    proxy.state = "black_hole"


def stop_before_the_first_byte(proxy: FaultProxy) -> None:
    proxy.plan("GET", "/imagehost/uploads/", actions.cut_answer(0), times=None)


def answer_503(proxy: FaultProxy) -> None:
    proxy.plan("*", "/", actions.refuse, times=None)


@pytest.mark.parametrize("outage", [go_down, fall_silent, stop_before_the_first_byte, answer_503])
def test_a_store_that_fails_before_the_first_byte_is_a_503_and_what_needs_no_bytes_is_answered(
    account: Client, proxy: FaultProxy, image: dict[str, Any], outage: Callable[[FaultProxy], None]
) -> None:
    etag = fetch("HEAD", image["src"]).headers["ETag"]
    outage(proxy)
    for headers in ({}, {"Range": "bytes=5-9"}):
        assert_unavailable(fetch("GET", image["src"], headers=headers))
    assert_unavailable(account.get(image["url"]))
    head = fetch("HEAD", image["src"])
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(DATA)))
    assert fetch("GET", image["src"], headers={"If-None-Match": etag}).status_code == 304
    assert fetch("GET", image["src"], headers={"Range": f"bytes={len(DATA)}-"}).status_code == 416
    proxy.forget()
    proxy.state = "up"
    eventually(lambda: fetch("GET", image["src"]).status_code == 200, 20, "the bytes are served again")
    account.assert_views(image["id"], 0)


def test_bytes_that_are_not_what_the_record_says_are_not_sent(
    server: FaultedServer, account: Client, image: dict[str, Any]
) -> None:
    (object_key,) = [key for key in server.objects_of(account.uid) if key.startswith("uploads/")]
    server.replace_object(object_key, DATA[:-1])
    assert_unavailable(fetch("GET", image["src"]))
    server.remove_object(object_key)
    assert_unavailable(fetch("GET", image["src"]))
    assert_unavailable(fetch("GET", image["src"], headers={"Range": "bytes=0-1"}))
    assert account.delete(image["id"]).status_code == 204
    server.assert_nothing_left(account)
