"""Requests, and how a server is loaded with them: by wrk where it is installed, else by our own generator."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

from bench.figures import Failed

CONNECTIONS = 16  # as many as gunicorn has threads
SCRIPT = Path(__file__).with_name("load.lua")
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Request:
    """One request, and the status that answers it. A slow one has a `count`: so many are sent, and none is cut off by
    the end of a measurement, to which its CPU time would be counted and its answer not."""

    method: str
    path: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    count: int = 0

    def as_bytes(self) -> bytes:
        """As HTTP/1.1 writes it."""
        length = {"Content-Length": str(len(self.body))} if self.body else {}
        headers = {"Host": "127.0.0.1", **self.headers, **length}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{self.method} {self.path} HTTP/1.1\r\n{head}\r\n".encode() + self.body


@dataclass(frozen=True, slots=True)
class Load:
    """What was answered; `cpu_s` is what our own generator took for that, 0 for wrk."""

    requests: int
    errors: int
    seconds: float
    cpu_s: float = 0.0


def tool() -> str:
    """By what servers are loaded here."""
    return "wrk" if shutil.which("wrk") else "bench.generator"


def ask(port: int, request: Request) -> bytes:
    """Send it once; the body of the answer. Raises Failed when the answer is another one than expected."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(request.method, request.path, request.body or None, dict(request.headers))
        answer = connection.getresponse()
        body = answer.read()
    except OSError as exc:
        raise Failed(f"{request.method} {request.path}: {exc}") from exc
    finally:
        connection.close()
    if answer.status != request.status:
        raise Failed(f"{request.method} {request.path} was answered {answer.status}: {body[:300].decode()}")
    return body


def repeat(port: int, request: Request, seconds: float) -> Load:
    """Send it as often as it says, or over and over. Raises Failed when anything was answered with an error."""
    if request.count:
        return send_all(port, [request] * request.count, CONNECTIONS)
    if tool() != "wrk":
        return _generate(port, [request], seconds, CONNECTIONS)
    headers = (word for name, value in request.headers.items() for word in ("-H", f"{name}: {value}"))
    return _run(
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{max(1, round(seconds))}s",
        "--timeout=30s",
        "-s",
        str(SCRIPT),
        *headers,
        f"http://127.0.0.1:{port}{request.path}",
        "--",
        request.method,
        request.body.decode(),
    )


def send_all(port: int, requests: Sequence[Request], connections: int) -> Load:
    """Send each of them once, some at a time. Raises Failed when anything was answered with an error."""
    return _generate(port, requests, 0, connections)


def _generate(port: int, requests: Sequence[Request], seconds: float, connections: int) -> Load:
    texts = json.dumps([request.as_bytes().decode("latin-1") for request in requests])
    return _run(sys.executable, "-m", "bench.generator", str(port), str(connections), str(seconds), given=texts)


def _run(*argv: str, given: str = "") -> Load:
    done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False, cwd=SCRIPT.parents[1])
    try:
        load = Load(**json.loads(done.stdout.strip().splitlines()[-1]))
    except (ValueError, IndexError, TypeError) as exc:
        raise Failed(f"{argv[0]} said nothing that can be read: {(done.stderr or done.stdout)[-500:]}") from exc
    if load.errors or not load.requests:
        raise Failed(f"{load.errors} errors among {load.requests} requests that were answered")
    return load
