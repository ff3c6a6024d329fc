"""A Redis Cluster, behind the few calls that this package makes of a client.

The driver's cluster client is used for what it knows: who serves which slot, and connections to each. Its commands are
not. It follows redirections and repeats commands one at a time, so that the two halves of one question, as an image's
hash and its shard's epoch, could be answered by two masters; and it asks the new owner for keys of a slot that is still
on its way, half of which is no shard. Here whatever is asked of one shard at once goes over one connection to one
master, and a redirection is an error like others: who asks looks again who serves what, and does the whole unit anew
(patience.py). Before anything is sent about a shard its epoch is made sure of (shard_watch.py).
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, cast

import redis
from redis._parsers import Encoder
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster, get_node_name
from redis.commands.core import Script
from redis.retry import Retry

from imagehost.ids import SHARDS
from imagehost.index import keyspace
from imagehost.index.patience import DRIVER_ERRORS, Patience
from imagehost.index.shard_watch import ShardWatch, watched_connection
from imagehost.redisurl import RedisAddress


class Cluster:
    """See the module. Connects when it is first asked something; safe to share between threads. Every method raises the
    driver's errors."""

    def __init__(self, address: RedisAddress, **options: Any) -> None:
        self._address = address
        self._options = options | {"connection_class": watched_connection(ShardWatch(self._served_at))}
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._opened: RedisCluster | None = None
        self.patience = Patience(self._refresh)

    def __getattr__(self, command: str) -> Callable[..., Any]:
        """A command whose first argument is a key, on the master of that key's slot."""
        if command.startswith("_"):
            raise AttributeError(command)
        return lambda key, *args, **options: getattr(self._at(key), command)(key, *args, **options)

    def pipeline(self, *, transaction: Literal[False]) -> "_Pipeline":
        """Commands that are sent together, each about one key. Several masters share no transaction."""
        return _Pipeline(self)

    def register_script(self, source: str) -> Callable[..., Any]:
        """A script, which runs where its keys are."""
        script = Script(cast(RedisCluster, self), source)
        return lambda keys, args: script(keys=keys, args=args, client=self._at(keys[0]))

    def get_encoder(self) -> Any:
        """For a script, which is called by the hash of its bytes."""
        return Encoder("utf-8", "strict", decode_responses=True)

    def servers(self, shards: Iterable[str] = SHARDS) -> list[tuple["redis.Redis", list[str]]]:
        """Every master that serves some of these shards, and which."""
        found: dict[str, tuple[ClusterNode, list[str]]] = {}
        for shard in shards:
            node = self._node(keyspace.meta(shard))
            found.setdefault(node.name, (node, []))[1].append(shard)
        return [(self._client(node), served) for node, served in found.values()]

    def time(self) -> Any:
        """By the clock of any master: those of one cluster should agree to the second."""
        return self._any().time()

    def ping(self) -> bool:
        """Whether every master answers."""
        return all(server.ping() for server, _ in self.servers())

    def scan_iter(self, match: str | None = None, count: int | None = None) -> Iterator[str]:
        """The names of all keys, master after master."""
        for server, _ in self.servers():
            yield from server.scan_iter(match=match, count=count)

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    def _at(self, key: str) -> "redis.Redis":
        return self._client(self._node(key))

    def _any(self) -> "redis.Redis":
        return self._client(self._topology().get_default_node())

    def _node(self, key: str) -> ClusterNode:
        return cast(ClusterNode, self._topology().get_node_from_key(key))

    def _client(self, node: ClusterNode) -> "redis.Redis":
        return self._topology().get_redis_connection(node)

    def _topology(self) -> RedisCluster:
        with self._lock:
            if self._opened is None:
                host, port = self._address.nodes[0]
                self._opened = RedisCluster(
                    url=f"redis://{f'[{host}]' if ':' in host else host}:{port}",
                    startup_nodes=[ClusterNode(*node) for node in self._address.nodes[1:]],
                    require_full_coverage=False,
                    retry=Retry(NoBackoff(), 0),
                    username=self._address.username,
                    password=self._address.password,
                    **self._options,
                )
            return self._opened

    def _refresh(self) -> None:
        """Look again who serves what; not when somebody else is just doing so."""
        if self._opened is None or not self._refreshing.acquire(blocking=False):
            return
        try:
            self._opened.nodes_manager.initialize()
        except DRIVER_ERRORS:
            pass  # nobody is there to say: what was known stays
        finally:
            self._refreshing.release()

    def _served_at(self, host: str, port: int) -> list[str]:
        if self._opened is None:
            return []
        slots = self._opened.nodes_manager.slots_cache
        name = get_node_name(host, port)
        served = ((shard, slots.get(self._opened.keyslot(keyspace.meta(shard)))) for shard in SHARDS)
        return [shard for shard, nodes in served if nodes and nodes[0].name == name]


class _Pipeline:
    """Commands by shard, and so by master: those of one shard go over one connection, in order, or none is answered."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._commands: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, command: str) -> Callable[..., None]:
        """A command whose first argument is a key."""
        return lambda *args, **options: self._commands.append((command, args, options))

    def execute(self) -> list[Any]:
        """The answers, in the order of the commands. One master after the other."""
        places: dict[str, list[int]] = {}
        for place, (_, args, _) in enumerate(self._commands):
            places.setdefault(str(keyspace.find_shard(args[0])), []).append(place)
        answers: list[Any] = [None] * len(self._commands)
        for server, shards in self._cluster.servers(places):
            pipe = server.pipeline(transaction=False)
            asked = [place for shard in shards for place in places[shard]]
            for place in asked:
                command, args, options = self._commands[place]
                getattr(pipe, command)(*args, **options)
            for place, answer in zip(asked, pipe.execute(), strict=True):
                answers[place] = answer
        return answers
