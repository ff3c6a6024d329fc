"""imagehost as its users start it: `python -m imagehost up` in a process of its own. Imports nothing of imagehost."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READY_S = 60.0
STOP_S = 15.0
_started: list[subprocess.Popen[bytes]] = []
FOREIGN = ("AWS_", "S3_", "IMAGEHOST_", "FLASK_", "REDIS_URL", "PORT")


@dataclass(frozen=True, slots=True)
class Running:
    """One imagehost: where it is, what its owner's API token is, and where it keeps everything."""

    url: str
    token: str
    data_dir: Path
    output: Path
    process: subprocess.Popen[bytes]


def clean_environ(**variables: str) -> dict[str, str]:
    """This process's environment without anything that configures imagehost, and with `variables`."""
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)} | {
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        **variables,
    }


def free_port() -> int:
    """A TCP port on which nothing listens, below those that Linux takes for outgoing connections."""
    while True:
        port = 27_500 + secrets.randbelow(5_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def start(data_dir: Path, **variables: str) -> Running:
    """Start on `data_dir` and return when `/health/ready` says 200. Fails with the output when that does not come.

    Runs in the directory above `data_dir`, so that a `.env` in the checkout plays no part.
    """
    variables.setdefault("PORT", str(free_port()))
    variables["IMAGEHOST_DATA_DIR"] = str(data_dir)
    url = f"http://127.0.0.1:{variables['PORT']}"
    output = data_dir.with_name(data_dir.name + ".out")
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "imagehost", "up"],
            cwd=data_dir.parent,
            env=clean_environ(**variables),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    deadline_s, pause = time.monotonic() + READY_S, threading.Event()
    while _status(f"{url}/health/ready") != 200:
        if process.poll() is not None or time.monotonic() > deadline_s:
            process.kill()
            process.wait()
            raise AssertionError(f"imagehost did not become ready:\n{output.read_text(encoding='utf-8')}")
        pause.wait(0.05)
    _started.append(process)
    token = (data_dir / "owner.token").read_text(encoding="utf-8").strip()
    return Running(url, token, data_dir, output, process)


def end_all() -> None:
    """End every imagehost that was started, without waiting for what is under way: the second signal says so."""
    for process in _started:
        for number in (signal.SIGINT, signal.SIGTERM):
            process.send_signal(number)
    for process in _started:
        process.wait(STOP_S)
    _started.clear()


def stop(running: Running) -> int:
    """End it as Ctrl-C does and return its exit code; kills it, and fails, when it does not end in time."""
    running.process.send_signal(signal.SIGINT)
    try:
        return running.process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        running.process.kill()
        running.process.wait()
        raise


@contextlib.contextmanager
def imagehost(data_dir: Path, **variables: str) -> Iterator[Running]:
    """`start`, and `stop` at the end unless it has ended by then."""
    running = start(data_dir, **variables)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            stop(running)


def _status(url: str) -> int | None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return None
