"""A Redis master and its replica behind one address, with failovers that nobody announces: what a load balancer, a
floating address or Sentinel do to clients, without any of them.

The address is a symbolic link to the socket of the server that answers. A frozen replica goes on following an address
at which nobody listens, so it stays a replica, with what it knew.
"""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from tests.stack import free_port

NOBODY = 1  # a port at which nothing listens


class _Server:
    def __init__(self, program: Path, directory: Path, name: str, *options: str) -> None:
        self.socket = directory / f"{name}.sock"
        (directory / name).mkdir(exist_ok=True)
        argv = [str(program), "--unixsocket", str(self.socket), "--dir", str(directory / name), "--save", ""]
        argv += ["--appendonly", "yes", "--appendfsync", "everysec", "--repl-diskless-sync-delay", "0", *options]
        self.process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.client: Any = redis.Redis(unix_socket_path=str(self.socket), decode_responses=True)

    def wait(self, *, link: bool) -> None:
        """Until it answers, and (`link`) until it has all that its master has."""
        deadline_s, pause = time.monotonic() + 10, threading.Event()
        while not self._is_ready(link=link):
            assert time.monotonic() < deadline_s, "Redis is not ready"
            pause.wait(0.01)

    def _is_ready(self, *, link: bool) -> bool:
        try:
            info = self.client.info("replication")
        except redis.RedisError:
            return False
        return not link or info.get("master_link_status") == "up"

    def kill(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait()


class RedisPair:
    """See the module. `url` is what an imagehost is configured with."""

    def __init__(self, program: Path, directory: Path) -> None:
        self._place = directory / "current.sock"
        self.url = f"unix://{self._place}"
        port = free_port()
        self.master = _Server(program, directory, "a", "--port", str(port), "--bind", "127.0.0.1")
        self.master.wait(link=False)
        self.replica = _Server(program, directory, "b", "--port", "0", "--replicaof", "127.0.0.1", str(port))
        self.replica.wait(link=True)
        self._place.symlink_to(self.master.socket)

    def freeze_replica(self) -> None:
        """Have the replica know all that the master knows, and from now on nothing more."""
        offset = self.master.client.info("replication")["master_repl_offset"]
        deadline_s, pause = time.monotonic() + 10, threading.Event()
        while self.replica.client.info("replication")["slave_repl_offset"] < offset:
            assert time.monotonic() < deadline_s, "the replica does not catch up"
            pause.wait(0.01)
        self.replica.client.replicaof("127.0.0.1", NOBODY)

    def promote(self) -> None:
        """Make the replica a master to which the address leads; the old master lives on with its connections."""
        self.replica.client.replicaof("NO", "ONE")
        self._place.unlink()
        self._place.symlink_to(self.replica.socket)

    def fail_over(self) -> None:
        """Kill the master and have the replica take its place."""
        self.master.kill()
        self.promote()

    def close(self) -> None:
        for server in (self.master, self.replica):
            if server.process.poll() is None:
                server.kill()


@contextmanager
def redis_pair(program: Path, directory: Path) -> Iterator[RedisPair]:
    """A pair that lives as long as the block."""
    pair = RedisPair(program, directory)
    try:
        yield pair
    finally:
        pair.close()
