"""Whether something answers: HTTP status codes and sockets, by the standard library, past any proxy."""

import contextlib
import http.client
import socket
from pathlib import Path
from urllib.parse import urlsplit

TIMEOUT_S = 2.0


def status_of(url: str) -> int | None:
    """The status of a GET, unsigned and without following redirects; None when nothing answers in time."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    with contextlib.closing(connection):
        try:
            connection.request("GET", parts.path or "/", headers={"Connection": "close"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None


def accepts(path: Path) -> bool:
    """Whether a server listens on this unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(TIMEOUT_S)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
