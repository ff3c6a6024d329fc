"""Processes and the one that started them: none outlives it (Linux only: the kernel is asked to see to that, prctl(2)),
and one that it holds begins when it says so."""

import ctypes
import os
import signal
import sys

# In the environment of a process that is to load, and to wait for a line on its standard input before it begins.
HELD = "HELD_BY_SUPERVISOR"
_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None  # loaded before anybody forks


def end_with(parent: int) -> None:
    """Have this process killed when `parent` ends, or rather the thread of it that started this one. To be called in
    the child, before all else."""
    if _prctl is None:
        return
    _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # it died before the request was made
        os._exit(1)


def wait_until_released() -> None:
    """Return at once where nobody holds this process, or when whoever does lets it begin (embedded/process.py). Where
    that word does not come any more, because they have ended, so does this process, with 1."""
    if os.environ.pop(HELD, None) and not sys.stdin.readline():
        sys.exit(1)
