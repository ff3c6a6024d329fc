import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imagehost import faults

PROTOCOL = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _nothing_stays_armed() -> None:
    faults.disarm()


def test_an_unarmed_point_does_nothing() -> None:
    for point in faults.POINTS:
        faults.reached(point)


def test_an_armed_point_acts_each_time_and_no_other_does() -> None:
    acted: list[str] = []
    faults.arm("after_put", lambda: acted.append("after_put"))
    for point in ("after_get", "after_put", "after_put", "after_record"):
        faults.reached(point)
    faults.disarm()
    faults.reached("after_put")
    assert acted == ["after_put", "after_put"]


def test_to_raise_is_an_error_that_nobody_expects() -> None:
    faults.arm("after_put", faults.ACTIONS["raise"])
    with pytest.raises(faults.InjectedFault):
        faults.reached("after_put")
    faults.disarm()


@pytest.mark.parametrize("action, number", [("kill", signal.SIGKILL), ("stop", signal.SIGSTOP)])
def test_to_kill_and_to_stop_are_signals_that_cannot_be_caught(action: str, number: signal.Signals) -> None:
    code = f"from imagehost import faults; faults.ACTIONS[{action!r}]()"
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", code], env=environ)
    try:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WSTOPSIG(status)
        assert ended == number
    finally:
        process.kill()
        process.returncode = -number


def test_every_point_is_named_in_the_protocol() -> None:
    assert [point for point in faults.POINTS if f"[{point}]" not in PROTOCOL] == []


def test_every_point_is_reached_somewhere() -> None:
    source = "\n".join(p.read_text("utf-8") for p in (Path(faults.__file__).parent / "services").glob("*.py"))
    assert [point for point in faults.POINTS if f'faults.reached("{point}")' not in source] == []
