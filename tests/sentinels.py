"""A Redis master, its replica, and three Sentinels that watch them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from imagehost.embedded.programs import find_redis
from tests.cluster import DURABLE, Node, free_ports, wait_until

NAME = "mymaster"
QUORUM = 2
PASSWORD = "of-the-sentinels"


class Sentinels:
    """See the module. `url` is what an imagehost is configured with."""

    def __init__(self, program: str, directory: Path) -> None:
        first, second, *watchers = free_ports(5)
        self.servers = [
            Node(program, directory, first, *DURABLE),
            Node(program, directory, second, *DURABLE, "--replicaof", f"127.0.0.1 {first}"),
        ]
        wait_until(self._is_linked, "the replica has all that the master has")
        self.watchers = [
            Node(program, directory, port, _write(directory, port, first), "--sentinel", password=PASSWORD)
            for port in watchers
        ]
        self.url = (
            "redis+sentinel://"
            + ",".join(f"127.0.0.1:{port}" for port in watchers)
            + f"/{NAME}?sentinel_password={PASSWORD}"
        )

    def wait_until_whole(self) -> None:
        """Until the Sentinels know of each other and of both servers, which are up."""
        wait_until(lambda: self._is_linked() and all(map(_is_whole, self.watchers)), "the Sentinels are whole", 60)

    def _is_linked(self) -> bool:
        infos = [server.client.info("replication") for server in self.servers]
        return sorted(info.get("master_link_status", "") for info in infos) == ["", "up"]

    @property
    def master(self) -> Node:
        return next(server for server in self.servers if server.client.info("replication")["role"] == "master")

    def freeze_replica(self) -> None:
        """Have the replica know all that the master knows, and from now on nothing more."""
        master, (replica,) = self.master, [server for server in self.servers if server is not self.master]
        offset = master.client.info("replication")["master_repl_offset"]
        wait_until(lambda: replica.client.info("replication")["slave_repl_offset"] >= offset, "the replica catches up")
        replica.client.config_set("masterauth", "nobody's")
        master.call("CLIENT KILL", "TYPE", "replica")
        wait_until(lambda: replica.client.info("replication")["master_link_status"] == "down", "the link is cut")

    def close(self) -> None:
        for node in (*self.watchers, *self.servers):
            if node.process.poll() is None:
                node.kill()


def _write(directory: Path, port: int, master: int) -> str:
    """A Sentinel's configuration, which it rewrites."""
    path = directory / f"{port}.conf"
    path.write_text(
        f"sentinel monitor {NAME} 127.0.0.1 {master} {QUORUM}\n"
        f"sentinel down-after-milliseconds {NAME} 1000\n"
        f"sentinel failover-timeout {NAME} 3000\n"
        f"requirepass {PASSWORD}\n"
    )
    return str(path)


def _is_whole(watcher: Node) -> bool:
    state = watcher.client.sentinel_master(NAME)
    return bool(state["num-other-sentinels"] == 2 and state["num-slaves"] == 1 and not state["is_sdown"])


@contextlib.contextmanager
def running_sentinels(directory: Path) -> Iterator[Sentinels]:
    """A set that lives as long as the block."""
    program, _ = find_redis({}, directory)
    sentinels = Sentinels(program, directory)
    try:
        sentinels.wait_until_whole()
        yield sentinels
    finally:
        sentinels.close()
