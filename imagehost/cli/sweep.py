"""`imagehost sweep`: the sweeper as a process."""

import logging
import signal
import threading
from collections.abc import Callable

import click

from imagehost.cli.running import running_services
from imagehost.cli.runtime import reported
from imagehost.errors import Unavailable
from imagehost.services.facade import Services
from imagehost.web import logs

UPKEEP_S = 5  # at the least: it looks at every shard each time

log = logging.getLogger(__name__)


@click.command()
@click.option("--once", "mode", flag_value="once", default=True, help="Work through what is due now (the default).")
@click.option("--forever", "mode", flag_value="forever", help="Every IMAGEHOST_SWEEP_S, until stopped.")
@reported
def sweep(mode: str) -> None:
    """Finish or undo what was interrupted, and check shards whose check is due. Any number of copies may run."""
    logs.configure()
    with running_services() as services:
        if mode == "once":
            click.echo(f"{services.sweeper.sweep()} entries finished, {services.upkeep.run()} shards checked")
        else:
            _forever(services)


def _forever(services: Services) -> None:
    """Two threads, so that a check of a large shard does not keep due work waiting."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    every_s = services.config.sweep_s
    threads = [
        threading.Thread(target=_repeat, args=(services.sweeper.sweep, stopped, every_s)),
        threading.Thread(target=_repeat, args=(services.upkeep.run, stopped, max(every_s, UPKEEP_S))),
    ]
    for thread in threads:
        thread.start()
    while not stopped.wait(1):  # a wait without an end would not be interrupted by a signal
        pass
    for thread in threads:
        thread.join()


def _repeat(work: Callable[[Callable[[], bool]], int], stopped: threading.Event, every_s: float) -> None:
    while not stopped.is_set():
        try:
            work(stopped.is_set)
        except Unavailable as exc:
            log.warning("sweep_failed", exc_info=exc)
        except Exception:  # a fault in one round must not end all that follow
            log.exception("sweep_broke")
        stopped.wait(every_s)
