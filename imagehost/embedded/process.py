"""Child processes: each in a session of its own, with a log file, and never outliving the supervisor.

Linux kills a child when the thread that started it ends (orphans.py): start children from the main thread. Elsewhere a
killed supervisor leaves them; the next start notices.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from imagehost.embedded.failure import StackError
from imagehost.embedded.logs import last_words
from imagehost.embedded.signals import Signals
from imagehost.orphans import HELD, end_with

LOG_MAX_BYTES = 8 * 2**20
# Valkey ignores a SIGTERM at some moments of its life, and says so only in its log.
RESEND_S = 1.0


@dataclass(frozen=True, slots=True)
class Command:
    """What to run. `name` is the log file's too; with `restart` it is started again when it ends by itself."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path | None = None
    restart: bool = False


class Child:
    """One running command. Making one starts it; raises StackError when that is impossible. One that is `held` loads
    only, and begins at `release`; it must call `wait_until_released`."""

    def __init__(self, command: Command, log_directory: Path, *, held: bool = False) -> None:
        self.command = command
        self.log = log_directory / f"{command.name}.log"
        self.started_at_s = time.monotonic()
        try:
            if self.log.exists() and self.log.stat().st_size > LOG_MAX_BYTES:
                self.log.replace(self.log.with_suffix(".log.1"))
            with self.log.open("ab") as log:
                self._said_before_bytes = log.tell()
                self._process = subprocess.Popen(
                    command.argv,
                    env={**command.environment, HELD: "1"} if held else dict(command.environment),
                    cwd=command.cwd,
                    stdin=subprocess.PIPE if held else subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    umask=0o077,
                    preexec_fn=partial(end_with, os.getpid()),
                )
        except (OSError, subprocess.SubprocessError) as exc:
            if isinstance(exc, OSError) and exc.filename == str(self.log):
                raise StackError(f"The log {self.log} cannot be written: {exc.strerror}.") from exc
            raise StackError(f"{command.argv[0]} could not be started: {exc}.") from exc

    @property
    def name(self) -> str:
        return self.command.name

    @property
    def pid(self) -> int:
        return self._process.pid

    def release(self) -> None:
        """Let it begin, where it was held until now. Repeating it does nothing."""
        held, self._process.stdin = self._process.stdin, None
        if held is not None:
            with contextlib.suppress(BrokenPipeError), held:  # it may have ended; whoever waits for it finds that
                held.write(b"\n")

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def trim_log(self) -> None:
        """Keep a log that grows while its child runs in bounds: the child appends, so it may be cut."""
        with contextlib.suppress(OSError):
            if self.log.stat().st_size > LOG_MAX_BYTES:
                shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
                os.truncate(self.log, 0)

    def send(self, number: signal.Signals) -> None:
        """To the child itself, which knows best how to tell its own children."""
        if not self.has_ended():
            self._process.send_signal(number)

    def kill(self) -> None:
        """The child and everything in its session that it left behind, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def how_it_ended(self) -> str:
        """One sentence with its last words, and the name of the log."""
        code = self._process.poll()
        words = last_words(self.log, self._said_before_bytes)
        last = f"{', saying: ' + words if words else ''}; its log is {self.log}."
        if code is not None and code < 0:
            return f"{self.name} was ended by {signal.Signals(-code).name}{last}"
        return f"{self.name} ended by itself (exit code {code}){last}"


def stop_children(children: Iterable[Child], signals: Signals, deadline_s: float) -> None:
    """Ask all to end, again every second, and kill what is left at `deadline_s` (monotonic) or at a second Ctrl-C."""
    children, sent_at_s = list(children), 0.0
    with signals.held():
        while left := [child for child in children if not child.has_ended()]:
            now_s = time.monotonic()
            if now_s >= deadline_s or signals.asked >= 2:
                break
            if now_s - sent_at_s >= RESEND_S:
                sent_at_s = now_s
                for child in left:
                    child.send(signal.SIGTERM)
            signals.wait(min(RESEND_S, deadline_s - now_s))
        for child in children:
            child.kill()
