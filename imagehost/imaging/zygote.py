"""The process that forks sandbox children: `python -m imagehost.imaging.zygote <fd of its control socket>`.

Why not `multiprocessing`'s fork server: it imports the caller's `__main__` again, hands its whole environment (our
secrets) to the processes that decode hostile bytes, and unpickles what they answer. This one starts from a clean
`exec`: no listening socket, no secret, no thread, Pillow imported once, a child a job for the price of a fork.

Protocol: each line on the control socket is a `reports.Job` and carries one end of a socket pair for its reports. The
zygote keeps a copy of that end: when the other side closes, the child is killed, so closing a socket is how a job is
cancelled and how everything ends when the web process dies, however it dies. When a child has ended, the zygote adds
the `reports.Ended` line. End of file on the control socket: kill all, exit.
"""

import ctypes
import gc
import os
import selectors
import signal
import socket
import sys
from collections import deque
from io import BytesIO
from types import FrameType

from PIL import Image

from imagehost.imaging import job, reports

_PR_SET_PDEATHSIG = 1  # prctl(2)


class Zygote:
    """Single-threaded: it waits for jobs, for cancelled jobs and for children that ended, all in one selector."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._selector = selectors.DefaultSelector()
        self._children: dict[int, socket.socket] = {}
        self._unread = b""
        self._sockets: deque[socket.socket] = deque()
        self._wake, self._woken = socket.socketpair()

    def serve(self) -> None:
        """Returns when the control socket is closed on the other side, with no child left."""
        self._woken.setblocking(False)
        self._wake.setblocking(False)
        signal.signal(signal.SIGCHLD, _no_op)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._selector.register(self._control, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._woken:
                    self._woken.recv(4096)
                elif key.fileobj is not self._control:
                    self._cancel(key.data)
                elif not self._receive():
                    self._end()
                    return
            self._reap()

    def _receive(self) -> bool:
        """Take what has arrived on the control socket; False at its end."""
        data, descriptors, _, _ = socket.recv_fds(self._control, 65536, 16)
        self._sockets.extend(socket.socket(fileno=descriptor) for descriptor in descriptors)
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._start(line, self._sockets.popleft())
        return bool(data)

    def _start(self, line: bytes, channel: socket.socket) -> None:
        message = reports.parse_job(line)
        try:
            pid = os.fork()
        except OSError:  # too many processes: the caller sees an end without a verdict
            channel.close()
            return
        if pid == 0:
            self._be_child(message, channel)
        self._children[pid] = channel
        self._selector.register(channel, selectors.EVENT_READ, pid)

    def _be_child(self, message: reports.Job, channel: socket.socket) -> None:
        """Never returns."""
        status = 1
        try:
            if sys.platform == "linux":
                ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for other in (self._control, self._wake, self._woken, *self._sockets, *self._children.values()):
                other.close()
            os.umask(0o077)
            job.confine(message)
            job.run(message, lambda report: channel.sendall(reports.to_line(report)))
            status = 0
        finally:
            os._exit(status)

    def _cancel(self, pid: int) -> None:
        """The job's other side is gone; nobody reads it any more."""
        self._selector.unregister(self._children[pid])
        os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            channel = self._children.pop(pid)
            if channel in self._selector.get_map():  # not cancelled
                self._selector.unregister(channel)
                _send_if_heard(channel, reports.Ended(os.waitstatus_to_exitcode(status)))
            channel.close()

    def _end(self) -> None:
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
        for pid in self._children:
            os.waitpid(pid, 0)


def _send_if_heard(channel: socket.socket, report: reports.Report) -> None:
    try:
        channel.sendall(reports.to_line(report), socket.MSG_DONTWAIT)
    except OSError:  # its reader has left meanwhile
        return


def _no_op(_number: int, _frame: FrameType | None) -> None:
    """Python only wakes the selector for signals that have a handler."""


def _warm_up() -> None:
    """Work on a picture of ours as children will on others': what is loaded for that is loaded once, not in each."""
    file = BytesIO()
    Image.new("RGB", (64, 64)).save(file, "JPEG")
    with Image.open(file, formats=["JPEG"]) as image:
        image.draft("RGB", (32, 32))
        image.resize((16, 16), Image.Resampling.LANCZOS).save(BytesIO(), "WEBP", method=4)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches us too; the web process decides
    control = socket.socket(fileno=int(sys.argv[1]))
    Image.init()  # all plugins: a child that meets a damaged file would load them to look for another reader
    _warm_up()
    gc.collect()
    gc.freeze()
    Zygote(control).serve()


if __name__ == "__main__":
    main()
