import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from imagehost.embedded import process
from imagehost.embedded.failure import StackError
from imagehost.embedded.process import Child, Command

TALKS = "import threading\nwhile True: print('x' * 50, flush=True); threading.Event().wait(0.01)"


def test_a_log_that_grows_while_its_child_runs_is_cut_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "LOG_MAX_BYTES", 2_000)
    child = Child(Command("talker", [sys.executable, "-c", TALKS], dict(os.environ)), tmp_path)
    try:
        _eventually(lambda: child.log.stat().st_size > 2_000)
        child.trim_log()
        assert child.log.stat().st_size < 2_000
        assert (tmp_path / "talker.log.1").stat().st_size > 2_000
        cut_at = child.log.stat().st_size
        _eventually(lambda: child.log.stat().st_size > cut_at)
        assert child.log.read_bytes().strip(b"\0").startswith(b"x")
    finally:
        child.kill()


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "talker.log").mkdir()
    with pytest.raises(StackError, match=r"The log .*/talker\.log cannot be written: Is a directory"):
        Child(Command("talker", [sys.executable, "-c", TALKS], dict(os.environ)), tmp_path)


def _eventually(true: Callable[[], bool]) -> None:
    deadline_s, pause = time.monotonic() + 10, threading.Event()
    while not true():
        assert time.monotonic() < deadline_s
        pause.wait(0.02)
