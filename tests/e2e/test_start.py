"""`imagehost up` where it cannot start: one clear sentence, no process left, and the next start comes up.

What is asked of it is in the table "When it does not start" of deploy.md.
"""

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import blackbox
from tests.e2e.client import Client
from tests.e2e.server import Server, eventually
from tests.images import corner, encode
from tests.processes import below, naming, runs

OWN = {"FLASK_SECRET": "0123456789abcdef" * 2, "IMAGEHOST_PUBLIC_URL": "http://127.0.0.1:8000"}


class Start:
    """One `imagehost up` under way, in a directory that may have seen others."""

    def __init__(self, data: Path, **variables: str) -> None:
        self.data = data
        self.output = data.with_name("output")
        variables = {"PORT": str(blackbox.free_port()), **variables, "IMAGEHOST_DATA_DIR": str(data)}
        self._logged_bytes = {name: self._size(name) for name in ("redis", "s3", "web")}
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "imagehost", "up"],
                cwd=data.parent,
                env=blackbox.clean_environ(**variables),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def logs(self, name: str, words: str = "") -> bool:
        """Whether this child has said something since, with these words in it."""
        if self._size(name) <= self._logged_bytes[name]:
            return False
        return words.encode() in (self.data / "log" / f"{name}.log").read_bytes()[self._logged_bytes[name] :]

    def _size(self, name: str) -> int:
        log = self.data / "log" / f"{name}.log"
        return log.stat().st_size if log.exists() else 0

    def until(self, true: Callable[["Start"], bool]) -> None:
        deadline_s, pause = time.monotonic() + 60, threading.Event()
        while not true(self):
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline_s, self.said()
            pause.wait(0.002)

    def end(self, number: signal.Signals) -> int:
        """Send it, and see that nothing of this stack is left a moment later."""
        family = below(self.process.pid)
        self.process.send_signal(number)
        code = self.process.wait(60)
        eventually(lambda: not self._left(family), 20, "no process is left")
        return code

    def _left(self, family: set[int]) -> set[int]:
        return naming(self.data) | set(filter(runs, family))


def failure(data: Path, **variables: str) -> str:
    """What a start says that fails with 1: one line after the greeting, and no process left."""
    start = Start(data, **variables)
    assert start.process.wait(60) == 1
    assert naming(data) == set()
    greeting, *said = start.said().splitlines()
    assert greeting == "imagehost starts …"
    assert len(said) == 1, said
    return said[0]


# In the order in which they come; each is first seen in a directory where all earlier ones have been.
MOMENTS: list[Callable[[Start], bool]] = [
    lambda start: True,
    lambda start: "starts" in start.said(),
    lambda start: (start.data / "embedded.json").exists(),
    lambda start: (start.data / "redis" / "ENGINE").exists(),
    lambda start: start.logs("redis"),
    lambda start: start.logs("s3"),
    lambda start: bool(below(start.process.pid, "gunicorn")),
    lambda start: any((start.data / "s3").glob("imagehost_*.dat")),
    lambda start: (start.data / "owner.token").exists(),
    lambda start: start.logs("web", "Listening at"),
    lambda start: "runs: open" in start.said(),
]


# Places in MOMENTS that do not depend on what earlier starts have left.
POLITE: list[tuple[int, signal.Signals]] = [
    (0, signal.SIGHUP),
    (1, signal.SIGINT),
    (4, signal.SIGTERM),
    (5, signal.SIGINT),
    (6, signal.SIGHUP),
]


def test_however_a_start_ends_at_whatever_moment_no_process_is_left_and_the_next_one_heals(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for moment in MOMENTS:
        start = Start(data)
        start.until(moment)
        assert start.end(signal.SIGKILL) == -signal.SIGKILL
    for place, number in POLITE:
        start = Start(data)
        start.until(MOMENTS[place])
        code, said = start.end(number), start.said().splitlines()
        if code == -number:
            assert said == []  # it had not begun
        else:
            assert code == 130, said
            assert said == ["imagehost starts …", "Stopped before it was ready."]
    stopping = Start(data)
    stopping.until(lambda start: "runs: open" in start.said())
    stopping.process.send_signal(signal.SIGTERM)
    stopping.until(lambda start: not below(start.process.pid, "gunicorn"))
    stopping.end(signal.SIGKILL)
    with blackbox.imagehost(data) as running:
        Client(running.url, running.token, "").upload(encode(corner(), "image/png"), "image/png")


@pytest.mark.parametrize(
    "wrong,sentence",
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong" * 8}, r"answers 403\. Correct the credentials"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, r"answers 403\. Correct the credentials"),
        ({"AWS_S3_BUCKET_NAME": "no-such-bucket"}, r"answers 404\. Make the bucket, or correct AWS_S3_BUCKET_NAME"),
    ],
)
def test_an_own_store_that_lets_nobody_in_is_told_at_once(
    server: Server, tmp_path: Path, wrong: dict[str, str], sentence: str
) -> None:
    variables = OWN | server.settings() | {"S3_ADDRESSING": "path"} | wrong
    said = failure(tmp_path / "data", **variables)
    assert variables["AWS_SECRET_ACCESS_KEY"] not in said
    assert re.search(sentence, said), said
