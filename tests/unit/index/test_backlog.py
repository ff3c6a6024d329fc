"""How far behind the queues are, on an index that holds nothing else; on real ones see the contract tests."""

import fakeredis
import pytest

from imagehost.errors import Unavailable
from imagehost.ids import SHARDS
from imagehost.index import client, keyspace
from imagehost.index.backlog import Backlog, BacklogReader


@pytest.fixture
def index() -> fakeredis.FakeRedis:
    """All shards whole, and nothing due."""
    made = fakeredis.FakeRedis(decode_responses=True)
    for shard in SHARDS:
        made.hset(keyspace.meta(shard), "epoch", "e")
    return made


def now_ms(index: fakeredis.FakeRedis) -> int:
    return int(index.time()[0]) * 1000


def test_with_nothing_due_there_is_no_lag(index: fakeredis.FakeRedis) -> None:
    index.zadd(keyspace.due("4k"), {"upload:a:1": now_ms(index) + 3_600_000})
    assert BacklogReader(index).look() == Backlog(lag_s=0.0, due_entries=0, wiped=0)


def test_the_oldest_entry_of_all_shards_is_the_lag(index: fakeredis.FakeRedis) -> None:
    at_ms = now_ms(index)
    index.zadd(keyspace.due("00"), {"upload:a:1": at_ms - 60_000, "check:b:2": at_ms - 50_000})
    index.zadd(keyspace.due("zz"), {"purge:c:3": at_ms - 90_000, "purge:d:4": at_ms + 3_600_000})
    found = BacklogReader(index).look()
    assert 90 <= found.lag_s < 150
    assert found.due_entries == 3


def test_shards_without_an_epoch_are_counted(index: fakeredis.FakeRedis) -> None:
    index.delete(keyspace.meta("00"), keyspace.meta("zz"))
    index.hset(keyspace.meta("zz"), "next", "e")
    assert BacklogReader(index).look().wiped == 2


def test_without_redis_it_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        BacklogReader(client.connect("redis://127.0.0.1:1/0")).look()
