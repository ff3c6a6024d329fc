"""What processes cost, as Linux counts it in /proc (proc_pid_stat(5)): the only place it is to be had."""

import os
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# The fields behind the program's name, which may hold blanks and brackets itself.
PARENT, UTIME, CSTIME = 1, 11, 14


def cpu_s(pid: int, proc: Path = PROC) -> float:
    """User and system time of a process and all below it, children that have ended included, in seconds."""
    found = (_stat(one, proc) for one in tree(pid, proc))
    return sum(sum(map(int, stat[UTIME : CSTIME + 1])) for stat in found if stat) / TICKS_PER_S


def resident_bytes(pid: int, proc: Path = PROC) -> int:
    """The resident memory of a process and all below it; what they share counts for each."""
    total_kib = 0
    for one in tree(pid, proc):
        for line in _read(proc / str(one) / "status").splitlines():
            if line.startswith("VmRSS:"):
                total_kib += int(line.split()[1])
    return total_kib * 1024


def tree(pid: int, proc: Path = PROC) -> list[int]:
    """A process and all below it."""
    below, found = _families(proc), [pid]
    for one in found:  # grows while it is walked
        found += below.get(one, [])
    return found


def children(pid: int, proc: Path = PROC) -> list[int]:
    """The processes right below one."""
    return _families(proc).get(pid, [])


def command_line(pid: int, proc: Path = PROC) -> str:
    return _read(proc / str(pid) / "cmdline").replace("\0", " ").strip()


def _families(proc: Path) -> dict[int, list[int]]:
    """Parents, and their children."""
    below: dict[int, list[int]] = {}
    for entry in proc.iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name), proc)):
            below.setdefault(int(stat[PARENT]), []).append(int(entry.name))
    return below


def _stat(pid: int, proc: Path) -> list[str]:
    return _read(proc / str(pid) / "stat").rpartition(")")[2].split()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # it has ended meanwhile
        return ""
