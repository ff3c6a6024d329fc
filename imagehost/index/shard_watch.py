"""Which run of which server serves each shard of a cluster: what node.py watches for one server, shard by shard.

A cluster's masters own slots, and all of a shard is in one slot. So a shard is put in doubt whenever another node
serves it than before: a replica that was promoted, a master that was started again, and another master to which its
slot has moved. That is checked where nothing can get past it: by the connection, before it sends a command about a
shard. Two things follow. It does not matter when a connection was opened, which a slot that moves between two masters
outlives; and a shard's epoch is renewed by its own master, or not at all: any other server answers MOVED.

A connection that leads to a replica is good for asking who serves what, and for nothing else. It may have been opened
before its server was promoted, so a server that said it was a replica is asked again, each time.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import redis

from imagehost.index import keyspace
from imagehost.index.node import ask_node, renew_epochs

WITHOUT_KEY = frozenset({"AUTH", "HELLO", "CLIENT", "CLUSTER", "INFO", "PING", "READONLY", "SCAN", "SCRIPT", "TIME"})


class ShardWatch:
    """What one process knows; its connections share it, and threads too. `served_at` says which shards are routed to an
    address now: a guess that saves work. Without a lock: of two threads that find out at once, both renew."""

    def __init__(self, served_at: Callable[[str, int], Iterable[str]]) -> None:
        self._served_at = served_at
        self._nodes: dict[str, str] = {}

    def let_pass(self, connection: Any, shards: Iterable[str]) -> None:
        """Return once every one of these shards has an epoch of this connection's node. Raises the driver's errors."""
        doubtful = [shard for shard in shards if self._nodes.get(shard) != connection.node or connection.node is None]
        if doubtful:
            self._renew(connection, doubtful)

    def _renew(self, connection: Any, doubtful: list[str]) -> None:
        connection.node = node = ask_node(connection)  # once more: this or another thread's may know an earlier run
        # All that is served here, in one round trip. A wrong guess is answered MOVED; only `doubtful` must succeed.
        wanted = [
            shard
            for shard in dict.fromkeys([*doubtful, *self._served_at(connection.host, connection.port)])
            if self._nodes.get(shard) != node
        ]
        again = [shard for shard in wanted if shard in self._nodes]
        failed = renew_epochs(connection, node, wanted, again)
        self._nodes |= {shard: node for shard in wanted if shard not in failed}
        for shard in doubtful:
            if shard in failed:
                raise failed[shard]


class WatchedConnection(redis.Connection):
    """A connection of a cluster's client, which sends nothing about a shard before its `watch` lets it pass."""

    watch: ShardWatch
    node: str | None = None

    def on_connect(self) -> None:
        """For each new socket: nobody has asked yet what is at its other end."""
        self.node = None
        redis.Connection.on_connect(self)

    def send_command(self, *args: Any, **options: Any) -> None:
        """One command."""
        self._let_pass([args])
        redis.Connection.send_command(self, *args, **options)

    def pack_commands(self, commands: Sequence[Sequence[Any]]) -> Any:
        """The commands of a pipeline, which is about to be sent."""
        self._let_pass(commands)
        return redis.Connection.pack_commands(self, commands)

    def _let_pass(self, commands: Sequence[Sequence[Any]]) -> None:
        shards = dict.fromkeys(shard for command in commands if (shard := _shard_of(command)) is not None)
        if shards:
            self.watch.let_pass(self, shards)


def watched_connection(watch: ShardWatch) -> type[WatchedConnection]:
    """The class of one client's connections: the driver makes them, and knows nothing of a watch."""
    return type("WatchedConnection", (WatchedConnection,), {"watch": watch})


def _shard_of(command: Sequence[Any]) -> str | None:
    """All keys of a command are of one shard, so the first one says it."""
    if command[0] in WITHOUT_KEY:
        return None
    place = 3 if command[0] == "EVALSHA" else 1
    return keyspace.find_shard(command[place]) if len(command) > place else None
