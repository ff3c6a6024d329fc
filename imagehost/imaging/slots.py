"""Counts the images that are worked on at once on this machine, over all worker processes: a file lock a slot.

flock(2) and not a semaphore: the kernel frees a lock when its holder dies, however it dies, so no slot is ever lost.
"""

import fcntl
import os
import random
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from imagehost.errors import GatesBusy, Unavailable

_POLL_S = 0.02


class Slots:
    """`count` lock files in `directory`; every process of the machine that names the same directory shares them."""

    def __init__(self, count: int, directory: Path | None = None) -> None:
        self._count = count
        self._directory = directory or Path(tempfile.gettempdir(), f"imagehost-gates-{os.geteuid()}")

    @contextmanager
    def taken(self, wait_s: float) -> Iterator[None]:
        """Hold a slot. Raises Unavailable when all are busy for `wait_s`, or when the directory is not ours alone."""
        slot = self._take(wait_s)
        try:
            yield
        finally:
            os.close(slot)

    def _take(self, wait_s: float) -> int:
        deadline = time.monotonic() + wait_s
        pause = threading.Event()
        try:
            directory = self._open_directory()
            try:
                while (slot := self._try(directory)) is None:
                    if time.monotonic() >= deadline:
                        raise GatesBusy("All gates are busy.")
                    pause.wait(_POLL_S)
            finally:
                os.close(directory)
        except OSError as exc:
            raise Unavailable("The slots of the gate cannot be used.") from exc
        return slot

    def _open_directory(self) -> int:
        """In a shared temporary directory somebody else may have put a link or a directory of that name there first.

        The path is looked up once, without following a link; then the opened directory itself is examined and used.
        """
        with suppress(FileExistsError):
            self._directory.mkdir(mode=0o700)
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        found = os.fstat(directory)
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022:
            os.close(directory)
            raise PermissionError(f"{self._directory} can be written by other users")
        return directory

    def _try(self, directory: int) -> int | None:
        numbers = list(range(self._count))
        random.shuffle(numbers)
        for number in numbers:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
            slot = os.open(f"gate-{number}", flags, mode=0o600, dir_fd=directory)
            try:
                fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(slot)
            except OSError:
                os.close(slot)
                raise
            else:
                return slot
        return None
