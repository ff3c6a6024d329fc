"""One request on its way from a client to the store, and the plain things that can happen to it."""

import contextlib
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler

STORE_S = 30.0
# These are between two neighbours (RFC 9110, 7.6.1); `Expect` is the proxy's own to answer.
HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "expect")
WITHOUT_LENGTH = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; to a HEAD, Content-Length is not the length of `body`."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def head(self) -> bytes:
        """The status line and the headers, as they go over the wire."""
        lines = [f"HTTP/1.1 {self.status} -", *(f"{name}: {value}" for name, value in self.headers), "", ""]
        return "\r\n".join(lines).encode("latin-1")


@dataclass(slots=True)
class Seen:
    """A request that arrived. `status`: what the store said, or the proxy in its place; None: nobody said anything."""

    method: str
    target: str
    status: int | None = None


class Exchange:
    """What an action may do with a request: forward it any number of times, and answer once or end the connection.

    `last_rule` is the number of the rule that acted on it last."""

    def __init__(self, handler: BaseHTTPRequestHandler, store_port: int) -> None:
        self.seen = Seen(handler.command, handler.path)
        self.last_rule = 0
        self._handler = handler
        self._store_port = store_port
        self._headers = [(n, v) for n, v in handler.headers.items() if n.lower() not in HOP_BY_HOP]
        self._length_bytes = int(handler.headers.get("Content-Length", 0))
        self._wants_continue = "Expect" in handler.headers
        self._body = b""

    def read(self, upto_bytes: int | None = None) -> bytes:
        """The body, or its start; what is left of it can be read later. Raises ConnectionAbortedError when the client
        leaves before its end."""
        if self._wants_continue:
            self._wants_continue = False
            self._handler.send_response_only(HTTPStatus.CONTINUE)
            self._handler.end_headers()
        wanted_bytes = self._length_bytes if upto_bytes is None else min(upto_bytes, self._length_bytes)
        if missing_bytes := max(0, wanted_bytes - len(self._body)):
            self._body += self._handler.rfile.read(missing_bytes)
        if len(self._body) < wanted_bytes:
            raise ConnectionAbortedError
        return self._body

    def forward(self) -> Answer:
        """Send the request to the store and read its whole answer."""
        body = self.read()
        with contextlib.closing(self._begin()) as store:
            store.send(body)
            found = store.getresponse()
            received = found.read()
        headers = [(n, v) for n, v in found.getheaders() if n.lower() not in HOP_BY_HOP]
        if found.getheader("Content-Length") is None and found.status not in WITHOUT_LENGTH:
            headers.append(("Content-Length", str(len(received))))
        self.seen.status = found.status
        return Answer(found.status, headers, received)

    def forward_part(self, body_bytes: int) -> None:
        """Announce the whole body to the store, send the start of it, and leave."""
        part = self.read(body_bytes)
        with contextlib.closing(self._begin()) as store:
            store.send(part)

    def answer(self, answer: Answer, upto_bytes: int | None = None) -> None:
        """Tell the client; with `upto_bytes` no more than that, headers included."""
        self.seen.status = answer.status
        self._handler.wfile.write((answer.head() + answer.body)[:upto_bytes])

    def drop(self) -> None:
        """End the connection in order, with nothing more said."""
        self._handler.close_connection = True

    def reset(self) -> None:
        """End the connection by a TCP RST: that is what closing does with SO_LINGER of 0 s (socket(7))."""
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._handler.connection.close()
        self.drop()

    def hang(self) -> None:
        """Take whatever comes and say nothing, until the connection ends."""
        while self._handler.rfile.read(1):
            continue
        self.drop()

    def _begin(self) -> HTTPConnection:
        store = HTTPConnection("127.0.0.1", self._store_port, timeout=STORE_S)
        store.putrequest(self.seen.method, self.seen.target, skip_host=True, skip_accept_encoding=True)
        for name, value in self._headers:
            store.putheader(name, value)
        store.endheaders()
        return store


Action = Callable[[Exchange], None]
