import os
from pathlib import Path

import pytest

from bench import processes

TICK_S = 1 / processes.TICKS_PER_S


def process(proc: Path, pid: int, parent: int, *times: int, resident_kib: int = 0) -> None:
    """One directory of a made-up /proc: utime, stime, cutime and cstime in ticks."""
    (proc / str(pid)).mkdir()
    before = [str(n) for n in range(5, 14)]
    fields = ["S", str(parent), *before, *map(str, times), "20"]
    (proc / str(pid) / "stat").write_text(f"{pid} (a (very) odd name) {' '.join(fields)}\n")
    (proc / str(pid) / "status").write_text(f"Name:\tx\nVmRSS:\t  {resident_kib} kB\nThreads:\t1\n")
    (proc / str(pid) / "cmdline").write_text("python\0-m\0gunicorn\0")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    process(tmp_path, 10, 1, 1, 2, 3, 4, resident_kib=100)
    process(tmp_path, 11, 10, 10, 20, 0, 0, resident_kib=10)
    process(tmp_path, 12, 11, 100, 200, 0, 0, resident_kib=1)
    process(tmp_path, 20, 1, 5_000, 5_000, 0, 0, resident_kib=9_999)
    (tmp_path / "uptime").write_text("1 1")
    return tmp_path


def test_cpu_time_is_user_and_system_time_of_all_below_and_of_children_that_have_ended(proc: Path) -> None:
    assert processes.cpu_s(10, proc) == pytest.approx(340 * TICK_S)
    assert processes.cpu_s(12, proc) == pytest.approx(300 * TICK_S)


def test_memory_is_that_of_all_below(proc: Path) -> None:
    assert processes.resident_bytes(10, proc) == 111 * 1024


def test_a_process_that_has_ended_counts_nothing(proc: Path) -> None:
    assert processes.cpu_s(99, proc) == 0
    assert processes.resident_bytes(99, proc) == 0


def test_children_are_those_right_below(proc: Path) -> None:
    assert processes.children(10, proc) == [11]
    assert processes.command_line(11, proc) == "python -m gunicorn"


def test_this_process_has_used_some_of_both() -> None:
    assert processes.cpu_s(os.getpid()) > 0
    assert processes.resident_bytes(os.getpid()) > 2**20
