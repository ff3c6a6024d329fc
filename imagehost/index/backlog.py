"""How far behind the due queues are, and which shards have no index: what a scrape and a readiness check ask, in one
pipeline over all shards. It changes nothing."""

from dataclasses import dataclass

import redis

from imagehost.ids import SHARDS
from imagehost.index import keyspace
from imagehost.index.client import translated


@dataclass(frozen=True, slots=True)
class Backlog:
    """One look: how long the oldest due entry of all has been due (0.0: none is), how many entries are due, and how
    many shards are wiped."""

    lag_s: float
    due_entries: int
    wiped: int


class BacklogReader:
    """See the module."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client

    @translated
    def look(self) -> Backlog:
        """By the clock of Redis, which set the due times. Not atomic over the shards. Raises Unavailable."""
        seconds, micros = self._redis.time()
        now_ms = seconds * 1000 + micros // 1000
        pipe = self._redis.pipeline(transaction=False)
        for shard in SHARDS:
            pipe.zrange(keyspace.due(shard), 0, 0, withscores=True)
            pipe.zcount(keyspace.due(shard), "-inf", now_ms)
            pipe.hexists(keyspace.meta(shard), "epoch")
        answers = pipe.execute()
        first_due_ms = min((entries[0][1] for entries in answers[::3] if entries), default=now_ms)
        return Backlog(
            lag_s=max(0.0, (now_ms - first_due_ms) / 1000),
            due_entries=sum(answers[1::3]),
            wiped=sum(not whole for whole in answers[2::3]),
        )
