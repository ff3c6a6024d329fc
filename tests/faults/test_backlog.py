"""Very many uploads that nobody completes end at the same moment, behind a server that goes on answering."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from imagehost import ids
from imagehost.build import build_services
from imagehost.config import load_config
from imagehost.embedded import settings
from imagehost.models import Details
from imagehost.services.parts import Parts
from tests.e2e.client import Client
from tests.e2e.server import Server, eventually
from tests.images import corner, encode

UPLOADS, OWNERS = 10_000, 6
HOLD_MS, WITHIN_S = 3_600_000, 120.0  # far away, until they are made to end together; from then until nothing is left
THREADS = 8
DETAILS = Details(filename="picture.png", mime="image/png")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """It sweeps every second, in one process, as `make run` starts it."""
    started = Server(tmp_path_factory.mktemp("backlog") / "data", IMAGEHOST_SWEEP_S="1")
    yield started
    started.end()


@pytest.fixture(scope="module")
def parts(server: Server) -> Iterator[Parts]:
    """Adapters on the same index: a reservation is one call, and HTTP would take minutes for so many."""
    made = build_services(load_config(settings(server.environ()))).parts
    yield made
    made.close()


@contextmanager
def viewing(url: str) -> Iterator[Counter[int]]:
    """Somebody looks at an image again and again; how often each status was answered."""
    statuses: Counter[int] = Counter()
    stopped = threading.Event()

    def look() -> None:
        while not stopped.wait(0.05):
            statuses[Client(url).get(url).status_code] += 1

    viewer = threading.Thread(target=look)
    viewer.start()
    try:
        yield statuses
    finally:
        stopped.set()
        viewer.join()


def reserve(parts: Parts, uids: list[str]) -> None:
    """A pending upload for each."""
    for uid in uids:
        parts.images.reserve(
            ids.new_iid(uid),
            uid,
            ids.new_op(),
            DETAILS,
            size_bytes=1,
            sha256=None,
            hold_ms=HOLD_MS,
            quota_bytes=10**9,
            quota_images=10**6,
            max_pending=10**6,
        )


def end_all(index: Any) -> None:
    """Let the deadline of every pending upload lie in the past."""
    queues = list(index.scan_iter(match="due:*", count=5_000))
    members = {queue: index.zrange(queue, 0, -1) for queue in queues}
    pipe = index.pipeline(transaction=False)
    for iid in (member.rsplit(":", 1)[1] for held in members.values() for member in held):
        pipe.hset(f"img:{{{iid[:2]}}}{iid[2:]}", "deadline", 1)
    for queue, held in members.items():
        pipe.zadd(queue, dict.fromkeys(held, 0))
    pipe.execute()


def test_ten_thousand_uploads_that_end_together_are_swept_while_views_are_answered(
    server: Server, parts: Parts
) -> None:
    owners = [server.new_account() for _ in range(OWNERS)]
    image = owners[0].upload(encode(corner(), "image/png"), "image/png")
    # Half of them are of one user, and so in one queue.
    uids = [owners[n // 2 % OWNERS if n % 2 else 0].uid for n in range(UPLOADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda n: reserve(parts, uids[n::THREADS]), range(THREADS)))
    assert sum(owner.usage()["pending"] for owner in owners) == UPLOADS
    url = server.settings()["REDIS_URL"]
    with redis.Redis.from_url(url, decode_responses=True) as index, viewing(image["url"]) as statuses:
        end_all(index)
        eventually(lambda: next(index.scan_iter(match="due:*", count=5_000), None) is None, WITHIN_S, "all are swept")
    assert set(statuses) == {302}
    assert [owner.usage() for owner in owners[1:]] == [{"bytes": 0, "images": 0, "reserved_bytes": 0, "pending": 0}] * (
        OWNERS - 1
    )
    assert owners[0].usage() == {"bytes": image["size"], "images": 1, "reserved_bytes": 0, "pending": 0}
    server.assert_consistent()
