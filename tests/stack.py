"""Real servers for the tests below HTTP: one embedded stack, as `make run` starts it, without the web process.

Use it from the main thread (pytest's own), best in a session-scoped fixture: starting takes about a second.
"""

import contextlib
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from imagehost.config import load_config
from imagehost.embedded import Stack
from imagehost.embedded.process import Child
from imagehost.index.server import is_ready


def free_port() -> int:
    """A TCP port on which nothing listens, below those that Linux takes for outgoing connections."""
    while True:
        port = 22_500 + secrets.randbelow(5_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def bare_environ(data_dir: Path, **variables: str) -> dict[str, str]:
    """The environment of a machine that configures nothing but a data directory and a free PORT."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "IMAGEHOST_DATA_DIR": str(data_dir),
        "PORT": str(free_port()),
        **variables,
    }


_running: list["Servers"] = []


class Servers:
    """A running Valkey and SeaweedFS; `environment` is all that `load_config` wants."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.environment = stack.prepare()
        stack.start(load_config(self.environment))

    def restart_redis(self) -> None:
        """Kill the server and start it again on its data."""
        (place,) = (n for n, child in enumerate(self._stack._servers) if child.name == "redis")
        old = self._stack._servers[place]
        old.kill()
        self._stack._servers[place] = Child(old.command, self._stack._directory.log)
        deadline_s, pause = time.monotonic() + 10, threading.Event()
        while not is_ready(self.environment["REDIS_URL"]):
            assert time.monotonic() < deadline_s, "Redis did not come back"
            pause.wait(0.01)

    def kill(self) -> None:
        """End both; a stop in all order would wait for connections that tests keep open."""
        for server in self._stack._servers:
            server.kill()


@contextlib.contextmanager
def running_servers(data_dir: Path, **variables: str) -> Iterator[Servers]:
    """Valkey and SeaweedFS on `data_dir`, ready and with the bucket. The commands of a web process and a sweeper are
    not started. Everything is killed at the end; `data_dir` stays."""
    with Stack(bare_environ(data_dir, **variables)) as stack:
        servers = Servers(stack)
        _running.append(servers)
        try:
            yield servers
        finally:
            if servers in _running:
                _running.remove(servers)
                servers.kill()


def kill_all() -> None:
    """Kill all that are running: even at rest each takes a tenth of a core."""
    for servers in _running:
        servers.kill()
    _running.clear()


@contextlib.contextmanager
def embedded_stack(data_dir: Path, **variables: str) -> Iterator[dict[str, str]]:
    """`running_servers`, for a test that wants nothing but their environment."""
    with running_servers(data_dir, **variables) as servers:
        yield servers.environment
