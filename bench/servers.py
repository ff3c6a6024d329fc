"""The servers that are loaded: each a child of this process, on a free port, with a directory of its own."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.figures import Failed
from imagehost.embedded.probe import status_of
from imagehost.embedded.process import Child, Command
from tests.blackbox import ROOT, free_port

READY_S = 30.0


class Web:
    """One running server; `pid` is the process above all of its processes."""

    def __init__(self, name: str, child: Child, port: int) -> None:
        self.name = name
        self.port = port
        self._child = child

    @property
    def pid(self) -> int:
        return self._child.pid

    def wait(self) -> None:
        """Until it answers anything. Raises Failed when that does not come."""
        deadline_s, pause = time.monotonic() + READY_S, threading.Event()
        while status_of(f"http://127.0.0.1:{self.port}/") is None:
            if self._child.has_ended() or time.monotonic() > deadline_s:
                raise Failed(f"{self.name} did not start:\n{self._child.log.read_text(encoding='utf-8')[-2000:]}")
            pause.wait(0.05)

    def kill(self) -> None:
        self._child.kill()


@contextlib.contextmanager
def running(name: str, directory: Path, environment: Mapping[str, str], *argv: str) -> Iterator[Web]:
    """A program that listens on its variable PORT, which `argv` may name as `{port}`. It works in its directory, so
    that a `.env` in the checkout plays no part."""
    port, place = free_port(), directory / name
    place.mkdir(parents=True)
    own = {
        "PORT": str(port),
        "PYTHONPATH": environment.get("PYTHONPATH", str(ROOT)),
        "PROMETHEUS_MULTIPROC_DIR": str(place / "metrics"),
        "TMPDIR": str(place),
    }
    command = Command(name, [word.replace("{port}", str(port)) for word in argv], {**environment, **own}, cwd=place)
    web = Web(name, Child(command, place), port)
    try:
        web.wait()
        yield web
    finally:
        web.kill()


def gunicorn(
    app: str, name: str, directory: Path, environment: Mapping[str, str]
) -> contextlib.AbstractContextManager[Web]:
    """An application under imagehost's own settings of gunicorn."""
    argv = (sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), app)
    return running(name, directory, environment, *argv)
