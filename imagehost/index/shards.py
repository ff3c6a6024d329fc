"""The shards' epochs: `meta:{shard}` says that the index of a shard is whole, since when, and whether all of it has
been compared with the bucket since then."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast

import redis

from imagehost.ids import SHARDS
from imagehost.index import keyspace
from imagehost.index.client import servers, translated
from imagehost.index.node import new_epoch, parse_node
from imagehost.index.scripts import Scripts

RECENT_S = 1.0
STATE = ("epoch", "settled", "node", "checked_at", "check_until", "renewed_at")


@dataclass(frozen=True, slots=True)
class ShardState:
    """One shard: its epoch (None: wiped), whether a check has come to its end in this epoch, when the last one did,
    whether one is under way now, on which node the epoch was made, and when: by a rebuild, or because another run of
    Redis took over."""

    epoch: str | None
    settled: bool
    checked_at_ms: int
    checking: bool
    node: str | None
    renewed_at_ms: int


class ShardIndex:
    """All methods raise Unavailable when Redis does not answer."""

    def __init__(self, client: "redis.Redis", scripts: Scripts) -> None:
        self._redis = client
        self._scripts = scripts
        self._last_nodes: dict[str, str] = {}
        self._nodes_read_at_s = float("-inf")

    @translated
    def find_epoch(self, shard: str) -> str | None:
        """The epoch of one shard; None while it is wiped."""
        return cast(str | None, self._redis.hget(keyspace.meta(shard), "epoch"))

    @translated
    def now_ms(self) -> int:
        """The time by the clock of Redis."""
        seconds, micros = self._redis.time()
        return int(seconds) * 1000 + int(micros) // 1000

    @translated
    def read_states(self, shards: Iterable[str] = SHARDS) -> dict[str, ShardState]:
        """The state of each shard, in one pipeline."""
        wanted, now_ms = tuple(shards), self.now_ms()
        pipe = self._redis.pipeline(transaction=False)
        for shard in wanted:
            pipe.hmget(keyspace.meta(shard), *STATE)
        return {shard: _to_state(h, now_ms) for shard, h in zip(wanted, pipe.execute(), strict=True)}

    def list_wiped(self) -> list[str]:
        """The shards without an epoch: all of them on a Redis that was never used, or that lost everything."""
        return [shard for shard, state in self.read_states().items() if state.epoch is None]

    def begin(self, shards: Iterable[str]) -> None:
        """Declare shards whole, which have nothing in the bucket (a rebuild of nothing). Keeps an epoch that is
        there."""
        for shard in shards:
            if (epoch := self.begin_rebuild(shard)) is not None:
                self.finish_rebuild(shard, epoch)

    @translated
    def begin_rebuild(self, shard: str) -> str | None:
        """Note that a wiped shard is being rebuilt; the epoch to apply its records under, the same for all who rebuild
        it at once. None when it is whole."""
        return self._scripts("begin_rebuild", [keyspace.meta(shard)], new_epoch(), self._recent_node(shard)) or None

    @translated
    def finish_rebuild(self, shard: str, epoch: str) -> bool:
        """Declare a shard whole; False when it was wiped once more, or another run of Redis has taken over, since
        `begin_rebuild` answered this epoch."""
        return bool(self._scripts("finish_rebuild", [keyspace.meta(shard)], epoch) != "no")

    @translated
    def renew(self) -> dict[str, ShardState]:
        """Give a new epoch to every shard whose epoch was made on another node than the one that answers for it now;
        the states of all shards after that. New connections do this by themselves: it is for connections that outlive a
        change of the node."""
        nodes, epoch, states = self._nodes(), new_epoch(), self.read_states()
        elsewhere = [s for s, state in states.items() if state.epoch is not None and state.node != nodes[s]]
        for shard in elsewhere:
            self._scripts("renew_epoch", [keyspace.meta(shard)], nodes[shard], epoch, 0)
        return self.read_states() if elsewhere else states

    @translated
    def take_check(self, shard: str, op: str, lease_ms: int) -> str | None:
        """Take, or hold on to, the lease on checking a shard; the epoch to check under, None when somebody else has it
        or the shard is wiped."""
        return self._scripts("take_check", [keyspace.meta(shard)], op, lease_ms) or None

    @translated
    def finish_check(self, shard: str, op: str, epoch: str) -> bool:
        """The check of a shard has come to its end; False when its epoch is no longer the current one, or another check
        has taken over: then the shard is not settled."""
        answer: Literal["ok", "no"] = self._scripts("finish_check", [keyspace.meta(shard)], op, epoch)
        return answer == "ok"

    @translated
    def ping(self) -> None:
        """Raises Unavailable unless Redis answers."""
        self._redis.ping()

    def _nodes(self) -> dict[str, str]:
        """Which node answers for each shard."""
        return {s: node for server, served in servers(self._redis) for node in [_ask_node(server)] for s in served}

    def _recent_node(self, shard: str) -> str:
        """The node that answered a moment ago: a rebuild asks for each shard. One that has gone since does no harm, for
        an epoch that was made on another node than the present one is renewed."""
        if time.monotonic() - self._nodes_read_at_s > RECENT_S:
            self._last_nodes, self._nodes_read_at_s = self._nodes(), time.monotonic()
        return self._last_nodes[shard]


def _ask_node(server: "redis.Redis") -> str:
    info = server.info("server") | server.info("replication")
    return parse_node("\n".join(f"{name}:{info[name]}" for name in ("run_id", "master_replid")))


def _to_state(fields: list[str | None], now_ms: int) -> ShardState:
    epoch, settled, node, *times = fields
    checked_at, check_until, renewed_at = (int(time_ms or 0) for time_ms in times)
    whole = epoch is not None and epoch == settled
    return ShardState(epoch, whole, checked_at, check_until > now_ms, node, renewed_at)
