"""The terminal's and the service manager's wishes, without races.

Outside `held` a signal ends the process as Ctrl-C does, by KeyboardInterrupt. Inside it is only counted, and wakes
whoever waits, so that no child is lost between being started and being remembered. The main thread only.
"""

import contextlib
import select
import signal
import socket
from collections.abc import Iterator
from types import FrameType
from typing import Any

ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Counts the requests to stop; `wait` sleeps until one comes, a child ends or time is up."""

    def __init__(self) -> None:
        self.asked = 0
        self._held = False
        self._before: dict[signal.Signals, Any] = {}
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._woken.setblocking(False)

    def install(self) -> None:
        for name in ASKING:
            self._before[name] = signal.signal(name, self._on_signal)

    def restore(self) -> None:
        """Give the signals back to whoever had them before `install`. Repeating it does nothing."""
        while self._before:
            name, handler = self._before.popitem()
            signal.signal(name, handler)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Inside, signals are counted only. May be nested."""
        if self._held:
            yield
            return
        self._held = True
        children = signal.signal(signal.SIGCHLD, _no_op)
        wakeup_fd = signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup_fd)
            signal.signal(signal.SIGCHLD, children)
            self._held = False

    def wait(self, seconds: float) -> None:
        """Sleep, but not past the next signal."""
        if select.select([self._woken], [], [], max(0.0, seconds))[0]:
            with contextlib.suppress(BlockingIOError):
                self._woken.recv(4096)

    def close(self) -> None:
        self._wake.close()
        self._woken.close()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.asked += 1
        if not self._held:
            raise KeyboardInterrupt


def _no_op(_number: int, _frame: FrameType | None) -> None:
    """SIGCHLD must have a handler for the wake-up to happen."""
