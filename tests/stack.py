"""Real servers for the tests below HTTP: one embedded stack, as `make run` starts it, without the web process.

Use it from the main thread (pytest's own), best in a session-scoped fixture: starting takes about a second.
"""

import contextlib
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

from imagehost.config import load_config
from imagehost.embedded import Stack


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


@contextlib.contextmanager
def embedded_stack(data_dir: Path, **variables: str) -> Iterator[dict[str, str]]:
    """Valkey and SeaweedFS on `data_dir`, ready and with the bucket; the whole environment for `load_config`.

    The commands of a web process and a sweeper are not started. Everything is killed at the end; `data_dir` stays.
    """
    with Stack(bare_environ(data_dir, **variables)) as stack:
        environment = stack.prepare()
        stack.start(load_config(environment))
        try:
            yield environment
        finally:
            for server in stack._servers:  # a stop in all order waits for connections that tests keep open
                server.kill()
