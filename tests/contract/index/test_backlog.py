"""How far behind the due queues are, by the clock of a real server."""

from collections.abc import Iterator

import pytest

from imagehost import ids
from imagehost.ids import SHARDS
from imagehost.services.parts import Parts
from tests.contract.raw import Raw

YEAR_S = 365 * 86_400


@pytest.fixture
def elsewhere(uid: str) -> str:
    """Another shard than the user's."""
    return next(shard for shard in SHARDS if shard != ids.shard_of(uid))


@pytest.fixture
def entries(raw: Raw, uid: str, elsewhere: str) -> Iterator[None]:
    """Two entries that are far overdue, in two shards, and one that is not due yet."""
    at_ms = int(raw.client.time()[0]) * 1000
    queues = {f"due:{{{ids.shard_of(uid)}}}": {"check:op:a": at_ms - YEAR_S * 1000, "check:op:b": at_ms + 3_600_000}}
    queues[f"due:{{{elsewhere}}}"] = {"purge:op:c": at_ms - 2 * YEAR_S * 1000}
    for queue, scores in queues.items():
        raw.client.zadd(queue, scores)
    yield
    for queue, scores in queues.items():
        raw.client.zrem(queue, *scores)


def test_the_oldest_due_entry_of_all_shards_is_the_lag(
    parts: Parts, request: pytest.FixtureRequest, raw: Raw, uid: str
) -> None:
    before = parts.backlog.look()
    assert before.lag_s < YEAR_S
    request.getfixturevalue("entries")
    after = parts.backlog.look()
    assert 2 * YEAR_S <= after.lag_s < 2 * YEAR_S + 600
    assert after.due_entries - before.due_entries == 2


def test_a_wiped_shard_is_counted(parts: Parts, raw: Raw, elsewhere: str) -> None:
    assert parts.backlog.look().wiped == 0
    name = f"meta:{{{elsewhere}}}"
    meta = raw.client.hgetall(name)
    raw.client.delete(name)
    try:
        assert parts.backlog.look().wiped == 1
    finally:
        raw.client.hset(name, mapping=meta)
    assert parts.backlog.look().wiped == 0
