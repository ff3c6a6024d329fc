"""`imagehost sweep`: the sweeper as a process."""

import logging
import signal
from threading import Event

import click

from imagehost.cli.runtime import reported, running_services
from imagehost.errors import Unavailable
from imagehost.services.facade import Services
from imagehost.web import logs

log = logging.getLogger(__name__)


@click.command()
@click.option("--once", "mode", flag_value="once", default=True, help="Work through what is due now (the default).")
@click.option("--forever", "mode", flag_value="forever", help="Every IMAGEHOST_SWEEP_S, until stopped.")
@reported
def sweep(mode: str) -> None:
    """Finish or undo what was interrupted. Any number of copies may run."""
    logs.configure()
    with running_services() as services:
        if mode == "once":
            click.echo(f"{services.sweeper.sweep()} entries finished")
        else:
            _forever(services)


def _forever(services: Services) -> None:
    stopped = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    while not stopped.wait(services.config.sweep_s):
        try:
            services.sweeper.sweep()
        except Unavailable as exc:
            log.warning("sweep_failed", exc_info=exc)
