"""The one command: from its start to the first answer of /health/ready, and the memory of everything after it."""

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench import processes
from bench.figures import Failed, Figure
from tests import blackbox

PARTS_S = 30.0  # until all of them are there, at rest
IDLE_S, RESTING = 1.0, 0.5  # at rest: less than this part of a core for so long
# How each child of `imagehost up` is told from the others.
PARTS = {"web": "gunicorn", "sweeper": "sweep --forever", "redis": "unixsocket", "s3": " mini "}


def measure(directory: Path, advance: Callable[[str], None], warm: int = 3) -> list[Figure]:
    """The first start, which makes the data directory, and the median of those after it; and the CPU time that all
    processes have had by then, which a busy machine changes least."""
    took_s, cpu_s, memory = [], [], {}
    for number in range(1 + warm):
        advance("a start" if number else "the first start")
        started_s = time.monotonic()
        try:
            pid = blackbox.start(directory / "data").process.pid
            took_s.append(time.monotonic() - started_s)
            cpu_s.append(processes.cpu_s(pid))
            memory = _memory(pid)
        except AssertionError as exc:
            raise Failed(str(exc)) from exc
        finally:
            blackbox.end_all()
    figures = [
        Figure("start.first_start", took_s[0], "s"),
        Figure("start.first_answer", median(took_s[1:]), "s"),
        Figure("start.cpu", median(cpu_s[1:]), "s"),
    ]
    figures += [Figure(f"start.memory_{name}", taken / 2**20, "MiB") for name, taken in memory.items()]
    return [*figures, Figure("start.memory", sum(memory.values()) / 2**20, "MiB")]


def _memory(pid: int) -> dict[str, int]:
    """Resident bytes of each part, of those below one process, when all are there and have loaded what they need."""
    deadline_s, pause = time.monotonic() + PARTS_S, threading.Event()
    busy_s = -1.0
    while (now_s := processes.cpu_s(pid)) > busy_s + IDLE_S * RESTING or _parts(pid).keys() != PARTS.keys():
        if time.monotonic() > deadline_s:
            raise Failed(f"of {list(PARTS)} only {list(_parts(pid))} were found at rest")
        busy_s = now_s
        pause.wait(IDLE_S)
    return {name: processes.resident_bytes(one) for name, one in _parts(pid).items()}


def _parts(pid: int) -> dict[str, int]:
    found = {}
    for below in processes.children(pid):
        words = processes.command_line(below)
        with contextlib.suppress(StopIteration):
            found[next(name for name, mark in PARTS.items() if mark in words)] = below
    return found
