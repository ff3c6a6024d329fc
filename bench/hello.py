"""What imagehost is compared with under the same server: the least that Flask and that WSGI can do."""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

flask_hello = Flask("hello")


@flask_hello.get("/")
def say_hello() -> str:
    return "hello"


def wsgi_hello(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The same without Flask."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]
