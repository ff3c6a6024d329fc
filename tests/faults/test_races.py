"""Many requests at the same moment, to a real server with real limits; and deletes against sweepers."""

import functools
import operator
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from imagehost.build import build_services
from imagehost.config import load_config
from imagehost.errors import ImageDeleted, ImageNotFound
from imagehost.services.sweeper import Sweeper
from tests.e2e.client import Client, assert_problem, fetch, sha256
from tests.e2e.server import Server
from tests.faults.stack import PICTURE, Stage, fate, stage
from tests.images import photo
from tests.served import account, leaves_all_consistent

__all__ = ["account", "leaves_all_consistent", "stage"]

QUOTA_IMAGES, MAX_PENDING = 4, 3
SETTLE_S = 20.0
FIELDS = ("title", "kind", "tags", "metadata")
ASKED = {"filename": "picture", "mime": "image/png", "size": 10}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An imagehost on which a user may have little. Its sweeper looks soon after an edit that was given up: that leaves
    its intent."""
    started = Server(
        tmp_path_factory.mktemp("races") / "data",
        settle_s=SETTLE_S,
        IMAGEHOST_LEASE_S="3",
        IMAGEHOST_SWEEP_S="1",
        IMAGEHOST_QUOTA_IMAGES=str(QUOTA_IMAGES),
        IMAGEHOST_MAX_PENDING=str(MAX_PENDING),
    )
    yield started
    started.end()


def at_once(count: int, send: Callable[[int], requests.Response]) -> list[requests.Response]:
    """The answers to so many requests, sent at the same moment; `send` is told the number of each."""
    start = threading.Barrier(count)

    def run(number: int) -> requests.Response:
        start.wait(30)
        return send(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def value_of(name: str, text: str) -> Any:
    """`text`, in the form of that field."""
    return [text] if name == "tags" else {"by": text} if name == "metadata" else text


def test_of_32_completes_one_publishes_one_version(server: Server, account: Client) -> None:
    data = photo("astronaut")
    iid = account.send_bytes(data, "image/jpeg", signed=True)
    answers = at_once(32, lambda _: account.complete(iid))
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[201] == 1
    assert set(statuses) <= {200, 201, 409}
    for answer in answers:
        if answer.status_code == 409:
            assert_problem(answer, 409, "upload-busy")
            assert int(answer.headers["Retry-After"]) >= 1
    image = account.complete(iid).json()
    assert [answer.json() for answer in answers if answer.ok and answer.json() != image] == []
    kinds = Counter(object_key.split("/")[0] for object_key in server.objects_of(account.uid))
    assert kinds == {"uploads": 1, "variants": 1}
    assert sha256(fetch("GET", image["src"]).content) == sha256(data)
    assert account.usage() == {"bytes": len(data), "images": 1, "reserved_bytes": 0, "pending": 0}


def test_of_200_requests_one_gets_the_last_place_of_the_quota(account: Client) -> None:
    for _ in range(QUOTA_IMAGES - 1):
        account.upload(PICTURE, "image/png")
    answers = at_once(200, lambda _: account.ask(**ASKED))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 413: 199}
    assert {answer.json()["code"] for answer in answers if not answer.ok} == {"quota-exceeded"}
    usage = account.usage()
    assert (usage["images"], usage["pending"], usage["reserved_bytes"]) == (QUOTA_IMAGES - 1, 1, ASKED["size"])


def test_of_200_requests_one_gets_the_last_place_among_those_pending(account: Client) -> None:
    for _ in range(MAX_PENDING - 1):
        assert account.ask(**ASKED).ok
    answers = at_once(200, lambda _: account.ask(**ASKED))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 429: 199}
    assert {answer.json()["code"] for answer in answers if not answer.ok} == {"too-many-pending"}
    assert account.usage()["pending"] == MAX_PENDING


def test_every_acknowledged_edit_of_eight_clients_is_a_revision(account: Client) -> None:
    iid = account.upload(PICTURE, "image/png")["id"]
    start = threading.Barrier(8)

    def edit(client: int) -> list[tuple[str, Any, requests.Response]]:
        name = FIELDS[client % len(FIELDS)]
        values = [value_of(name, f"client-{client}-turn-{turn}") for turn in range(6)]
        start.wait(30)
        return [(name, value, account.patch(iid, {name: value})) for value in values]

    with ThreadPoolExecutor(8) as pool:
        done = [one for several in pool.map(edit, range(8)) for one in several]
    assert {answer.status_code for _, _, answer in done} <= {200, 409}
    kept = [(answer.json()["rev"], name, value) for name, value, answer in done if answer.status_code == 200]
    assert all(answer.json()[name] == value for name, value, answer in done if answer.status_code == 200)
    final = account.meta(iid).json()
    assert sorted(rev for rev, _, _ in kept) == list(range(2, final["rev"] + 1))
    last = {name: value for _, name, value in sorted(kept, key=operator.itemgetter(0))}
    assert last == {name: final[name] for name in FIELDS}


def test_a_delete_at_the_same_moment_as_seven_completes_wins(server: Server, account: Client) -> None:
    for turn in range(6):
        iid = account.send_bytes(PICTURE, "image/png")
        answers = at_once(8, functools.partial(delete_or_complete, account, iid, turn))
        deleted = answers.pop(turn)
        assert deleted.status_code in (202, 204), deleted.text
        assert {completed.status_code for completed in answers} <= {200, 201, 409, 410}
        assert_problem(account.meta(iid), 410, "image-deleted")
        assert_problem(account.complete(iid), 410, "image-deleted")
    server.assert_nothing_left(account)


def delete_or_complete(account: Client, iid: str, deleter: int, number: int) -> requests.Response:
    return account.delete(iid) if number == deleter else account.complete(iid)


@pytest.fixture
def sweepers(stage: Stage) -> Iterator[list[Sweeper]]:
    """Three, each on connections of its own."""
    others = [build_services(load_config(stage.environ)) for _ in range(3)]
    yield [other.sweeper for other in others]
    for other in others:
        other.parts.close()


def test_deletes_and_sweepers_at_the_same_moment_leave_nothing(stage: Stage, sweepers: list[Sweeper]) -> None:
    """Uploads past their deadlines, half of them begun by somebody who never went on: while sweepers fence or drop
    them, their owner cancels them."""
    uid = stage.new_uid()
    iids = [stage.stage(uid) for _ in range(24)]
    for iid in iids[::2]:
        assert stage.services.parts.images.begin_complete(iid, uid, iid, 1).answer == "ok"
    for iid in iids:
        stage.index.hset(f"img:{{{iid[:2]}}}{iid[2:]}", "deadline", 1)
    due = f"due:{{{uid[:2]}}}"
    stage.index.zadd(due, dict.fromkeys(stage.index.zrange(due, 0, -1), 0))
    start = threading.Barrier(6)

    def sweep(sweeper: Sweeper) -> None:
        start.wait(30)
        sweeper.sweep()

    def delete(number: int) -> list[str]:
        start.wait(30)
        return [end_of(stage, uid, iid) for iid in iids[number::3]]

    with ThreadPoolExecutor(6) as pool:
        sweeping = [pool.submit(sweep, sweeper) for sweeper in sweepers]
        heard = {answer for answers in pool.map(delete, range(3)) for answer in answers}
        for one in sweeping:
            one.result()
    assert heard <= {"gone", "image-deleted", "image-not-found"}
    stage.settle()
    world = stage.look()
    assert {fate(world, iid) for iid in iids} <= {"absent", "dead fenced", "dead cancelled"}
    assert [object_key for object_key in world.objects if f"/{uid}/" in object_key] == []
    stage.repair()


def end_of(stage: Stage, uid: str, iid: str) -> str:
    """What the owner hears who cancels an upload."""
    try:
        assert stage.services.changes.delete(uid, iid), "the bytes are all gone"
    except (ImageDeleted, ImageNotFound) as exc:
        return exc.code
    return "gone"
