"""No process outlives the one that started it (Linux only): the kernel is asked to see to that, prctl(2)."""

import ctypes
import os
import signal
import sys

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
