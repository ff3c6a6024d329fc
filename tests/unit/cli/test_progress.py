"""What a long command says of itself: on a terminal, elsewhere, and when it is to be silent."""

import os
import pty
import subprocess
import sys

import pytest

from imagehost.cli import progress as progress_module
from imagehost.cli.progress import progress

ON_A_TERMINAL = """
from imagehost.cli.progress import progress
with progress("Counting sheep") as advance:
    advance(1, 3)
    advance(3, 3)
print("done")
"""


class Clock:
    """A clock that a test moves."""

    now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress_module, "time", made)
    return made


def test_without_a_terminal_there_is_a_line_every_few_seconds(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Counting sheep") as advance:
        for done in range(100, 2_600, 100):
            clock.now_s += 0.5
            advance(done, 5_000)
    said = capsys.readouterr()
    assert said.err.splitlines() == ["Counting sheep: 1,000 of 5,000", "Counting sheep: 2,000 of 5,000"]
    assert said.out == ""


def test_what_takes_less_says_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Counting sheep") as advance:
        clock.now_s += 1
        advance(1, 1)
    assert capsys.readouterr().err == ""


def test_it_can_be_silent(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Counting sheep", silent=True) as advance:
        clock.now_s += 60
        advance(1, 2)
    assert capsys.readouterr().err == ""


def test_on_a_terminal_there_is_a_bar_and_standard_output_has_the_result_alone() -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    argv = [sys.executable, "-c", ON_A_TERMINAL]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=theirs, env=environment, timeout=30, check=True)
    os.close(theirs)
    drawn = os.read(ours, 65_536).decode()
    os.close(ours)
    assert "Counting sheep" in drawn
    assert "3/3" in drawn
    assert done.stdout == b"done\n"
