"""The shards' epochs: `meta:{shard}` says that the index of a shard is whole, and since when."""

import secrets
from typing import cast

import redis

from imagehost.ids import BASE62, SHARDS
from imagehost.index import keyspace
from imagehost.index.client import translated


def new_epoch() -> str:
    """A random name of an epoch. Epochs are compared for equality only."""
    return "".join(secrets.choice(BASE62) for _ in range(8))


class ShardIndex:
    """All methods raise Unavailable when Redis does not answer."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client

    @translated
    def find_epoch(self, shard: str) -> str | None:
        """The epoch of one shard; None while it is wiped."""
        return cast(str | None, self._redis.hget(keyspace.meta(shard), "epoch"))

    @translated
    def list_wiped(self) -> list[str]:
        """The shards without an epoch: all of them on a Redis that was never used, or that lost everything."""
        pipe = self._redis.pipeline(transaction=False)
        for shard in SHARDS:
            pipe.hexists(keyspace.meta(shard), "epoch")
        return [shard for shard, known in zip(SHARDS, pipe.execute(), strict=True) if not known]

    @translated
    def begin(self, shards: list[str]) -> None:
        """Declare shards whole, which have nothing in the bucket (a rebuild of nothing). Keeps an epoch that is
        there."""
        pipe = self._redis.pipeline(transaction=False)
        for shard in shards:
            pipe.hsetnx(keyspace.meta(shard), "epoch", new_epoch())
        pipe.execute()

    @translated
    def ping(self) -> None:
        """Raises Unavailable unless Redis answers."""
        self._redis.ping()
