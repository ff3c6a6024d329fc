"""The web process's side of the zygote: starts it when first needed, and again when it has died; runs a job in a child.

Safe from many threads. Nothing is started at import or construction, so that a server may fork first.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator

from imagehost import ROOT
from imagehost.imaging import reports

_END_S = 5.0


class Children:
    """One zygote and the children that it forks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._zygote: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def zygote_pid(self) -> int | None:
        return self._zygote.pid if self._zygote else None

    def run(self, job: reports.Job, wall_s: float) -> Generator[reports.Report, None, None]:
        """Yield the child's reports in their order, `Ended` last where the zygote could tell.

        Raises TimeoutError after `wall_s`, OSError when no child can be had, ValueError when the child talks nonsense.
        The child does not outlive the iteration.
        """
        deadline = time.monotonic() + wall_s
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                self._send(job, theirs)
            yield from _read(ours, deadline)

    def close(self) -> None:
        """End the zygote and all its children; a later job would start it again."""
        with self._lock:
            self._stop()

    def _send(self, job: reports.Job, channel: socket.socket) -> None:
        with self._lock:
            if self._zygote is not None and self._zygote.poll() is not None:
                self._stop()
            control = self._control or self._start()
            try:
                socket.send_fds(control, [reports.to_line(job)], [channel.fileno()])
            except ConnectionError:  # it died a moment ago
                self._stop()
                socket.send_fds(self._start(), [reports.to_line(job)], [channel.fileno()])

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self._zygote = subprocess.Popen(
                [sys.executable, "-P", "-m", f"{__package__}.zygote", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                cwd="/",
                env=_environment(),
            )
        ours.settimeout(_END_S)
        self._control = ours
        return ours

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._zygote is not None:
            try:
                self._zygote.wait(_END_S)
            except subprocess.TimeoutExpired:
                self._zygote.kill()
                self._zygote.wait()
            self._zygote = None


def _environment() -> dict[str, str]:
    """Only what Python needs to find its modules: the secrets in ours are no business of a decoder."""
    return {
        "PYTHONPATH": os.pathsep.join([str(ROOT), *(entry for entry in sys.path if entry)]),
        "PATH": os.defpath,
        "LC_ALL": "C.UTF-8",
    }


def _read(channel: socket.socket, deadline: float) -> Generator[reports.Report, None, None]:
    unread = b""
    while True:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        channel.settimeout(remaining)
        data = channel.recv(65536)
        if not data:
            return
        *lines, unread = (unread + data).split(b"\n")
        if len(unread) > reports.MAX_LINE_BYTES:
            raise ValueError("a report without end")
        for line in lines:
            yield reports.parse_report(line)
