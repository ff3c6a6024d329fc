"""How far a long command has come: a bar on a terminal, a plain line now and then where there is none.

    with progress("Rebuilding the index") as advance:
        services.rebuild.run(advance)

All of it goes to standard error, so that standard output has nothing but the result.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Advance = Callable[[int, int], None]
EVERY_S = 5.0


@contextmanager
def progress(title: str, *, silent: bool = False) -> Iterator[Advance]:
    """What is to be called with how much is done and how much there is; as often as one likes."""
    if silent:
        yield lambda _done, _total: None
    elif sys.stderr.isatty():
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(title, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
    else:
        yield _Lines(title)


class _Lines:
    """At most one line every few seconds, and none for what takes less."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._said_at_s = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now_s = time.monotonic()
        if now_s - self._said_at_s >= EVERY_S:
            self._said_at_s = now_s
            click.echo(f"{self._title}: {done:,} of {total:,}", err=True)
