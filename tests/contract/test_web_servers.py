"""A master and its workers, of gunicorn (gunicorn.conf.py) and of granian (imagehost/web/granian.py): what they count
together, with a small app (tests/counting.py), and how they end."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imagehost.orphans import HELD
from imagehost.web import granian
from tests.processes import runs
from tests.samples import Samples
from tests.stack import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
SERVERS = {
    "gunicorn": ("gunicorn", "-c", str(ROOT / "gunicorn.conf.py")),
    "preloaded": ("gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "--preload"),  # as the embedded stack starts it
    "granian": ("imagehost.web.granian",),
}


def eventually(true: Callable[[], bool], what: str) -> None:
    deadline_s, pause = time.monotonic() + 20, threading.Event()
    while not true():
        assert time.monotonic() < deadline_s, what
        pause.wait(0.02)


class Master:
    """One master with two workers, its temporary files in `folder`."""

    def __init__(self, name: str, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.counted = 0
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("GUNICORN", "PROMETHEUS"))}
        environ |= {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder), "PORT": str(port), **variables}
        self.process = subprocess.Popen(
            [sys.executable, "-m", *SERVERS[name], "tests.counting:app"],
            cwd=folder,
            env=environ,
            stderr=subprocess.DEVNULL,
        )

    def get(self, path: str) -> str | None:
        """The answer; None when nothing answers."""
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                self._url + path, timeout=20
            ) as answer:
                return str(answer.read().decode())
        except OSError:
            return None

    def count(self) -> int | None:
        """Have one worker count a request; its process id."""
        answer = self.get("/")
        if answer is None:
            return None
        self.counted += 1
        return int(answer)

    def workers(self, number: int, without: frozenset[int] = frozenset()) -> set[int]:
        """So many workers, each of which has counted at least once by now."""
        found: set[int] = set()

        def enough() -> bool:
            found.update({pid for pid in (self.count(),) if pid is not None} - without)
            return len(found) >= number

        eventually(enough, f"{number} workers count")
        return found

    def total(self) -> float:
        return Samples(self.get("/metrics") or "")("requests_total", method="GET", route="/", status="200")

    def directories(self) -> list[Path]:
        return list(self.folder.glob("imagehost-metrics-*"))

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(20)


@pytest.fixture(params=SERVERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def start(name: str, tmp_path: Path) -> Iterator[Callable[..., Master]]:
    """Starts masters that end with the test."""
    started: list[Master] = []

    def start(**variables: str) -> Master:
        started.append(Master(name, tmp_path, **variables))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.stop()


def test_every_worker_tells_what_all_have_counted_those_that_were_killed_and_replaced_too(
    name: str, start: Callable[..., Master]
) -> None:
    server = start()
    first = server.workers(2)
    for _ in range(4):
        assert server.total() == server.counted
    killed = min(first)
    os.kill(killed, signal.SIGKILL)
    second = server.workers(2, without=frozenset({killed}))
    assert second - first
    assert server.total() == server.counted
    if name == "gunicorn":  # the other waits for seconds between them
        server.process.send_signal(signal.SIGHUP)
        server.workers(2, without=frozenset(first | second))
        assert server.total() == server.counted
    (directory,) = server.directories()
    assert directory.stat().st_mode & 0o777 == 0o700
    assert server.stop() == 0
    assert server.directories() == []


def test_a_configuration_that_is_wrong_ends_the_master_and_is_explained(name: str, tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path), "PORT": str(free_port())}
    ended = subprocess.run(
        [sys.executable, "-m", *SERVERS[name], "wsgi:app"],
        cwd=tmp_path,
        env=environ,
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 3
    assert "FLASK_SECRET: required, and not set" in ended.stderr


def test_workers_end_with_a_master_that_is_killed(start: Callable[..., Master]) -> None:
    server = start()
    workers = server.workers(2)
    server.process.kill()
    server.process.wait(20)
    eventually(lambda: not any(map(runs, workers)), "no worker is left")


def test_a_master_that_is_held_ends_when_nobody_is_left_to_let_it_listen(name: str, tmp_path: Path) -> None:
    port = free_port()
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path), "PORT": str(port)}
    with subprocess.Popen(
        [sys.executable, "-m", *SERVERS[name], "tests.counting:app"],
        cwd=tmp_path,
        env=environ | {HELD: "1"},
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as held:
        with pytest.raises(subprocess.TimeoutExpired):
            held.wait(0.5)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=2)
        assert held.stdin is not None
        held.stdin.close()
        assert held.wait(20) == 1
    assert list(tmp_path.glob("imagehost-metrics-*")) == []


def test_two_masters_have_a_directory_each_and_one_that_is_named_is_left_alone(
    start: Callable[..., Master], tmp_path: Path
) -> None:
    own, named = start(), start(PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "named"))
    for server in (own, named):
        server.workers(1)
        assert server.total() == server.counted
    assert len(own.directories()) == 1
    for server in (own, named):
        assert server.stop() == 0
    assert own.directories() == []
    assert list((tmp_path / "named").glob("counter_*.db"))


@pytest.mark.parametrize("name", ["gunicorn"])
def test_a_master_that_takes_over_from_another_leaves_the_directory_to_that_one(
    start: Callable[..., Master], tmp_path: Path
) -> None:
    server = start(PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "imagehost-metrics-1-abc"))
    server.workers(1)
    assert server.total() == server.counted
    assert len(server.directories()) == 1
    assert server.stop() == 0
    assert server.directories() == []


def test_both_have_the_same_processes_threads_and_patience() -> None:
    settings = (ROOT / "gunicorn.conf.py").read_text(encoding="utf-8")
    told = dict(re.findall(r"^(workers|threads|graceful_timeout) = (\d+)", settings, re.MULTILINE))
    ours = {"workers": granian.WORKERS, "threads": granian.THREADS, "graceful_timeout": granian.GRACE_S}
    assert {name: int(value) for name, value in told.items()} == ours
