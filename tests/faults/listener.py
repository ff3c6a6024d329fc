"""The listening side of the proxy: a thread for each connection, which hands over one request after the other."""

import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.faults.proxy import FaultProxy

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS")


class Listener(ThreadingHTTPServer):
    """Listens on a free port of loopback. `server_close` waits for the connections' threads."""

    daemon_threads = False
    request_queue_size = 64

    def __init__(self, proxy: "FaultProxy") -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Connection)

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: Any) -> None:
        """A client or a store that goes away is nothing to tell; all else is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Listener

    def setup(self) -> None:
        super().setup()
        self.server.proxy.arrived(self.connection)

    def finish(self) -> None:
        self.server.proxy.left(self.connection)
        super().finish()

    def handle_expect_100(self) -> bool:
        return True  # said by who reads the body

    def treat(self) -> None:
        self.server.proxy.treat(self)


for _method in METHODS:
    setattr(_Connection, f"do_{_method}", _Connection.treat)
