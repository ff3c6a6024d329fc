"""A WSGI app for tests of the web servers: it counts each request and says which process that was; `/metrics` says
what all processes have counted."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from imagehost import metrics


def app(environ: dict[str, Any], start: Callable[[str, list[tuple[str, str]]], object]) -> Iterable[bytes]:
    start("200 OK", [("Connection", "close")])
    if environ["PATH_INFO"] == "/metrics":
        return [metrics.to_text(None, None)]
    metrics.count_request("GET", "/", 200, 0.01)
    return [str(os.getpid()).encode()]
