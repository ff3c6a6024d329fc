"""The load generator where there is no wrk: one thread, many kept connections, and its own cost in its answer.

`python -m bench.generator PORT CONNECTIONS SECONDS`, in a process of its own, with whole requests on standard input as
JSON (a list of texts, a byte a character). They are sent over and over for SECONDS, or, where that is 0, each of them
once. Prints JSON: requests, errors (answers of 400 and above, and connections that broke), seconds, and cpu_s, its own.
"""

import json
import re
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from itertools import cycle

ADDRESS = "127.0.0.1"
PATIENCE_S = 30.0
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


class Connection:
    """One kept connection with one request under way."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open()

    def _open(self) -> None:
        self.socket = socket.create_connection((ADDRESS, self._port), timeout=PATIENCE_S)
        self._answer = b""

    def send(self, request: bytes) -> None:
        self._answer = b""
        self.socket.sendall(request)

    def receive(self) -> int | None:
        """The status once the answer is whole, else None; 0 when the connection broke, which is opened anew."""
        piece = self.socket.recv(65_536)
        if not piece:
            self.socket.close()
            self._open()
            return 0
        self._answer += piece
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if not end:
            return None
        length = _LENGTH.search(head)
        if length is None:
            raise ValueError("an answer without Content-Length")
        return int(head.split(None, 2)[1]) if len(body) >= int(length[1]) else None


def run(port: int, connections: int, seconds: float, requests: list[bytes]) -> dict[str, float]:
    """See the module."""
    waiting: Iterator[bytes] = cycle(requests) if seconds else iter(requests)
    started_s, done, errors = time.monotonic(), 0, 0
    end_s = started_s + seconds if seconds else float("inf")
    with selectors.DefaultSelector() as selector:

        def send(connection: Connection) -> None:
            if time.monotonic() < end_s and (request := next(waiting, None)) is not None:
                connection.send(request)
                selector.register(connection.socket, selectors.EVENT_READ, connection)
            else:
                connection.socket.close()

        for _ in range(connections):
            send(Connection(port))
        while selector.get_map():
            if not (ready := selector.select(PATIENCE_S)):
                raise TimeoutError("no answer")
            for key, _ in ready:
                status = key.data.receive()
                if status is not None:
                    done, errors = done + 1, errors + (status >= 400 or status == 0)
                    selector.unregister(key.fileobj)
                    send(key.data)
    return {
        "requests": done,
        "errors": errors,
        "seconds": time.monotonic() - started_s,
        "cpu_s": time.process_time(),
    }


if __name__ == "__main__":
    texts: list[str] = json.load(sys.stdin)
    json.dump(
        run(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), [text.encode("latin-1") for text in texts]),
        sys.stdout,
    )
