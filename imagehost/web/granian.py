"""The web server where IMAGEHOST_SERVER=granian: `python -m imagehost.web.granian wsgi:app`, in the place of gunicorn
with gunicorn.conf.py, and with the same numbers of processes and threads.

granian by its own command line would do neither of these: end its workers when it is killed itself, nor run what the
app has registered for the end of its process. So it is started by its Python interface. The process above the workers
loads nothing of the app: clients, pools and the sandbox are made in each worker, which starts with an interpreter of
its own (`spawn`) and not as a copy of a process that has threads.
"""

import argparse
import importlib
import logging
import multiprocessing
import os
import signal
import sys
import tempfile
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import FrameType
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings

from imagehost.config import UNSERVABLE, read_environment
from imagehost.orphans import end_with, wait_until_released
from imagehost.web.logs import configure

WORKERS, THREADS = 2, 8  # as in gunicorn.conf.py
GRACE_S = 2
HEAD_MAX_BYTES = 64 * 2**10  # of a request's head and its read-ahead: about twice as long a head gets through
METRICS = "PROMETHEUS_MULTIPROC_DIR"
log = logging.getLogger(__name__)
# granian tells its own logger; what the root writes is one line of JSON an event, in every process.
LOGS = {
    "handlers": {},
    "formatters": {},
    "loggers": {"_granian": {"level": "INFO", "handlers": [], "propagate": True}},
}


class CutAnswers(logging.Filter):
    """Leaves out that an answer was cut in the middle, which the app has said itself (`answer_cut`)."""

    def filter(self, record: logging.LogRecord) -> bool:
        """False for such a record, of which granian passes on nothing but text."""
        return ConnectionResetError.__name__ not in record.getMessage()


def load(target: str, master: int) -> Any:
    """The app of one worker, which ends with its master. Where it cannot be made for its configuration, which wsgi.py
    has explained, another worker could not either: the master is told to end."""
    end_with(master)
    configure()
    logging.getLogger("_granian.utils").addFilter(CutAnswers())
    module, _, name = target.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except SystemExit as exc:
        if exc.code == UNSERVABLE:
            os.kill(master, signal.SIGUSR1)
        raise


class Master:
    """The process above the workers."""

    def __init__(self, target: str, grace_s: int) -> None:
        configure()
        environ = read_environment()  # with `.env`, as the app reads it
        self._misconfigured = False
        self._target = target
        self._server = Granian(
            target,
            address=environ.get("IMAGEHOST_BIND", "127.0.0.1"),
            port=int(environ.get("PORT", "8000")),
            interface=Interfaces.WSGI,
            workers=WORKERS,
            blocking_threads=THREADS,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(max_buffer_size=HEAD_MAX_BYTES),
            websockets=False,
            respawn_failed_workers=True,
            workers_kill_timeout=grace_s,
            log_dictconfig=LOGS,
        )

    def serve(self) -> int:
        """Until a signal asks to stop; the exit code."""
        multiprocessing.set_start_method("spawn")
        signal.signal(signal.SIGUSR1, self._give_up)
        try:
            self._server.serve(target_loader=partial(load, self._target, os.getpid()), wrap_loader=False)
        except SystemExit as exc:
            code = int(exc.code or 0)
        except RuntimeError as exc:  # its words for a port that is taken, with a trace behind them
            log.critical("granian cannot start: %s", str(exc).splitlines()[0])
            code = 1
        else:
            code = 0
        return UNSERVABLE if self._misconfigured else code

    def _give_up(self, _number: int, _frame: FrameType | None) -> None:
        self._misconfigured = True
        signal.raise_signal(signal.SIGTERM)


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m imagehost.web.granian", description=__doc__)
    arguments.add_argument(
        "--graceful-timeout", type=int, default=GRACE_S, help="seconds that requests have at the end"
    )
    arguments.add_argument("target", nargs="?", default="wsgi:app")
    given = arguments.parse_args()
    wait_until_released()
    with _metrics_directory() as directory:
        os.environ[METRICS] = directory
        return Master(given.target, given.graceful_timeout).serve()


def _metrics_directory() -> AbstractContextManager[str]:
    """Where the workers keep what they count (imagehost/metrics.py): a directory of this master's own, unless one is
    named."""
    if named := read_environment().get(METRICS):
        return nullcontext(named)
    return tempfile.TemporaryDirectory(prefix=f"imagehost-metrics-{os.getpid()}-")


if __name__ == "__main__":
    sys.exit(main())
