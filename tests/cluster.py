"""A Redis Cluster of three masters and three replicas, formed without a command line; and a client of the driver's own,
for tests that look at Redis past imagehost.

Each node has a second port for the others, 10,000 above its own.
"""

import contextlib
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import redis
from redis.cluster import ClusterNode
from redis.crc import key_slot
from redis.sentinel import Sentinel

from imagehost.embedded.programs import find_redis

SLOTS = 16_384
MASTERS = 3
NODE_TIMEOUT_MS = 2_000
DURABLE = ("--save", "", "--appendonly", "yes", "--repl-diskless-sync-delay", "0")


def wait_until(true: Callable[[], bool], what: str, within_s: float = 20.0) -> None:
    """Poll until `true`, for which an error of the driver is no; fails, naming `what`."""
    deadline_s, pause = time.monotonic() + within_s, threading.Event()
    while True:
        with contextlib.suppress(redis.RedisError):
            if true():
                return
        assert time.monotonic() < deadline_s, f"not within {within_s} s: {what}"
        pause.wait(0.02)


class _Lasting(redis.RedisCluster):
    """A client that is kept, because it costs much to open: it ends with its cluster."""

    def close(self) -> None:
        """Not yet."""

    def end(self) -> None:
        super().close()


_lasting: dict[str, _Lasting] = {}


def raw_client(url: str, **options: Any) -> Any:
    """A client of the driver's own for what imagehost is told of."""
    if url.startswith("redis+sentinel://"):
        watchers, _, rest = url.partition("://")[2].partition("/")
        name, _, password = rest.partition("?sentinel_password=")
        sentinels = Sentinel(_places(watchers), sentinel_kwargs={"password": password})
        return sentinels.master_for(name, decode_responses=True, **options)
    if not url.startswith("redis+cluster://"):
        return redis.Redis.from_url(url, decode_responses=True, **options)
    if url not in _lasting:
        nodes = [ClusterNode(*place) for place in _places(url.partition("://")[2])]
        _lasting[url] = _Lasting(startup_nodes=nodes, decode_responses=True, **options)
    return _lasting[url]


def _places(text: str) -> list[tuple[str, int]]:
    return [(host, int(port)) for host, _, port in (place.rpartition(":") for place in text.split(","))]


class Node:
    """One server. `id` is its name in the cluster."""

    def __init__(self, program: str, directory: Path, port: int, *options: str, password: str | None = None) -> None:
        self.port = port
        place = directory / str(port)
        place.mkdir(parents=True, exist_ok=True)
        self._argv = [program, *options, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(place)]
        self.client: Any = redis.Redis(port=port, decode_responses=True, socket_timeout=5, password=password)
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait()

    def call(self, *words: object) -> Any:
        return self.client.execute_command(*words)

    @property
    def id(self) -> str:
        return str(self.call("CLUSTER MYID"))


class Cluster:
    """Masters first, each replica three behind its master. `url` is what an imagehost is configured with."""

    def __init__(self, program: str, directory: Path) -> None:
        options = [*DURABLE, "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"]
        options += ["--hash-max-listpack-value", "512"]
        options += ["--cluster-replica-validity-factor", "0"]  # a stale replica, too, may take over
        options += ["--cluster-node-timeout", str(NODE_TIMEOUT_MS), "--cluster-require-full-coverage", "no"]
        self.nodes = [Node(program, directory, port, *options) for port in free_ports(2 * MASTERS)]
        self.url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def form(self) -> None:
        """Give the masters their slots, and have all of them meet."""
        for node in self.nodes:
            wait_until(node.client.ping, "the servers answer")
        for number, node in enumerate(self.nodes):
            node.call("CLUSTER SET-CONFIG-EPOCH", number + 1)
            if number:
                node.call("CLUSTER MEET", "127.0.0.1", self.nodes[0].port)
        for number, master in enumerate(self.nodes[:MASTERS]):
            first, last = SLOTS * number // MASTERS, SLOTS * (number + 1) // MASTERS - 1
            master.call("CLUSTER ADDSLOTSRANGE", first, last)
        count = len(self.nodes)
        wait_until(lambda: all(_knows(node) == count for node in self.nodes), "the nodes know each other")
        for master, replica in zip(self.nodes, self.nodes[MASTERS:], strict=False):
            replica.call("CLUSTER REPLICATE", master.id)
        self.wait_until_whole()

    def wait_until_whole(self) -> None:
        """Until every slot is served, and every node that lives agrees on by whom and has what its master has."""
        wait_until(self._is_whole, "the cluster is whole", 60)

    def _is_whole(self) -> bool:
        living = [node for node in self.nodes if node.process.poll() is None]
        infos = [node.client.info("replication") for node in living]
        masters = {node.port for node, info in zip(living, infos, strict=True) if info["role"] == "master"}
        return (
            len(masters) == MASTERS
            and all(info.get("master_link_status", "up") == "up" for info in infos)
            and all(node.call("CLUSTER INFO")["cluster_slots_ok"] == str(SLOTS) for node in living)
            and all(_masters(node) == masters for node in living)
        )

    def master_of(self, shard: str) -> Node:
        """Who serves a shard now, as most of the others say."""
        slot = slot_of(shard)
        for node in self.nodes:
            if node.process.poll() is None:
                for first, last, (_, port, *_), *_ in node.call("CLUSTER SLOTS"):
                    if first <= slot <= last:
                        return next(n for n in self.nodes if n.port == port)
        raise AssertionError("nobody serves it")

    @property
    def masters(self) -> list[Node]:
        """Those that live."""
        living = [node for node in self.nodes if node.process.poll() is None]
        return [node for node in living if node.client.info("replication")["role"] == "master"]

    def freeze_replica_of(self, master: Node) -> None:
        """Have its replica know all that it knows, and from now on nothing more: a password that nobody has set keeps
        the replica from connecting again."""
        replica = next(n for n in self.nodes if n.client.info("replication").get("master_port") == master.port)
        offset = master.client.info("replication")["master_repl_offset"]
        wait_until(lambda: replica.client.info("replication")["slave_repl_offset"] >= offset, "the replica catches up")
        replica.client.config_set("masterauth", "nobody's")
        master.call("CLIENT KILL", "TYPE", "replica")
        wait_until(lambda: replica.client.info("replication")["master_link_status"] == "down", "the link is cut")

    def fail_over(self, master: Node) -> None:
        """A master dies, and its replica takes its place at once, with what it knew; the old one comes back behind
        it."""
        replica = next(n for n in self.nodes if n.client.info("replication").get("master_port") == master.port)
        master.kill()
        replica.call("CLUSTER FAILOVER TAKEOVER")
        wait_until(lambda: bool(replica.client.info("replication")["role"] == "master"), "the replica takes over")
        master.start()
        wait_until(master.client.ping, "the old master answers")
        self.thaw()
        self.wait_until_whole()

    def thaw(self) -> None:
        """Let every replica follow its master again."""
        for node in self.nodes:
            if node.process.poll() is None:
                node.client.config_set("masterauth", "")

    def move(self, slot: int, to: Node) -> None:
        """Move a slot and its keys to another master, as redis-cli does."""
        source = self.begin_move(slot, to)
        while names := source.call("CLUSTER GETKEYSINSLOT", slot, 10):
            source.call("MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS", *names)
        for node in (to, source):
            node.call("CLUSTER SETSLOT", slot, "NODE", to.id)

    def begin_move(self, slot: int, to: Node) -> Node:
        """Open a slot for moving; who has it still."""
        source = next(n for n in self.nodes if n.process.poll() is None and _owns(n, slot))
        to.call("CLUSTER SETSLOT", slot, "IMPORTING", source.id)
        source.call("CLUSTER SETSLOT", slot, "MIGRATING", to.id)
        return source

    def close(self) -> None:
        if (client := _lasting.pop(self.url, None)) is not None:
            client.end()
        for node in self.nodes:
            if node.process.poll() is None:
                node.kill()


def slot_of(shard: str) -> int:
    return int(key_slot(f"meta:{{{shard}}}".encode()))


def _knows(node: Node) -> int:
    return int(node.call("CLUSTER INFO")["cluster_known_nodes"])


def _masters(node: Node) -> set[int]:
    return {port for _, _, (_, port, *_), *_ in node.call("CLUSTER SLOTS")}


def _owns(node: Node, slot: int) -> bool:
    return any(
        first <= slot <= last and port == node.port for first, last, (_, port, *_), *_ in node.call("CLUSTER SLOTS")
    )


def free_ports(count: int) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        port = 11_000 + secrets.randbelow(10_000)
        with socket.socket() as one, socket.socket() as other, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            other.bind(("127.0.0.1", port + 10_000))
            found.append(port)
    return found


@contextlib.contextmanager
def running_cluster(directory: Path) -> Iterator[Cluster]:
    """A cluster that lives as long as the block."""
    program, _ = find_redis({}, directory)
    cluster = Cluster(program, directory)
    try:
        cluster.form()
        yield cluster
    finally:
        cluster.close()
