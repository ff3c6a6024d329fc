"""Large objects on their way through the app: in little memory, and whatever the readers do."""

import contextlib
import json
import os
import socket
import struct
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from tests.e2e.client import Client, fetch, sha256
from tests.e2e.server import Server, eventually
from tests.images import encode

# At once: no more than one worker has threads, because it may be the one that gets them all.
READERS = 6
ROUNDS = 6  # in which every thread of both workers would be held


@pytest.fixture(scope="module")
def server(proxy_server: Server) -> Server:
    return proxy_server


@cache
def large() -> bytes:
    """20 MB that nothing makes smaller."""
    width, height = 3_000, 2_250
    noise = Image.frombytes("RGB", (width, height), os.urandom(width * height * 3))
    return encode(noise, "image/png", compress_level=0)


class Reader:
    """A connection over which an image was asked for; `received` is what it has taken of the answer's start."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port), 20)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        self._socket.sendall(f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        self.received = self._socket.recv(4_096)

    def rest(self, length_bytes: int) -> bytes:
        """The whole body, once it has arrived."""
        head, _, body = self.received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        pieces = [body]
        missing = length_bytes - len(body)
        while missing and (piece := self._socket.recv(min(missing, 1 << 20))):
            pieces.append(piece)
            missing -= len(piece)
        self._socket.close()
        return b"".join(pieces)

    def leave(self, *, reset: bool) -> None:
        """End the connection in order, or by a RST (SO_LINGER of 0 s)."""
        if reset:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


def workers(server: Server) -> list[int]:
    """The processes of the web server."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            children.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
    found, line = [], [server.running.process.pid]
    while line:
        pid = line.pop()
        line += children.get(pid, [])
        with contextlib.suppress(OSError):
            if b"wsgi:app" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    assert len(found) >= 3, "a master and two workers"
    return found


def resident_bytes(pids: list[int]) -> int:
    """What they have in memory (proc(5): statm counts pages)."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids) * os.sysconf("SC_PAGESIZE")


def log_since(server: Server, offset: int) -> list[dict[str, Any]]:
    """What the web server has logged by now, from there on."""
    text = (server.data_dir / "log" / "web.log").read_bytes()[offset:].decode()
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def log_size(server: Server) -> int:
    return (server.data_dir / "log" / "web.log").stat().st_size


def test_many_readers_of_a_large_image_take_little_memory(server: Server, account: Client) -> None:
    image = account.upload(large(), "image/png", private=True)
    assert image["size"] > 20_000_000
    assert sha256(fetch("GET", image["src"]).content) == image["sha256"]
    pids = workers(server)
    before = resident_bytes(pids)
    readers = [Reader(image["src"]) for _ in range(READERS)]
    most = 0
    for reader in readers:
        most = max(most, resident_bytes(pids))
        assert sha256(reader.rest(image["size"])) == image["sha256"]
    assert most - before < image["size"] / 2, "of six times its size, were each held whole"


@pytest.mark.parametrize("reset", [False, True])
def test_readers_that_leave_in_the_middle_hold_nothing_and_are_no_fault(
    server: Server, account: Client, reset: bool
) -> None:
    image = account.upload(large(), "image/png", private=True)
    offset = log_size(server)
    for _ in range(ROUNDS):
        readers = [Reader(image["src"]) for _ in range(READERS)]
        assert all(reader.received.startswith(b"HTTP/1.1 200 ") for reader in readers)
        for reader in readers:
            reader.leave(reset=reset)
    part = fetch("GET", image["src"], headers={"Range": "bytes=-1000"})
    assert (part.status_code, part.content) == (206, large()[-1_000:])
    eventually(lambda: account.get("/health").status_code == 200, 20, "the server answers")
    lines = log_since(server, offset)
    assert [line for line in lines if line["level"] != "info"] == []
    assert len([line for line in lines if line.get("path", "").startswith("/i/")]) >= ROUNDS * READERS
