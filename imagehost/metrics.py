"""What is counted, for `GET /metrics`: names, labels and help of every metric, and their text form.

Several processes serve, and a scrape reaches one of them. Where PROMETHEUS_MULTIPROC_DIR names a directory, each
process keeps its numbers in files of its own there, and a scrape adds up the files of all, those of processes that have
ended too: a counter never goes back. prometheus_client looks for the variable when it is imported, so a server sets it
before it loads the app (gunicorn.conf.py, web/granian.py). Without it the numbers are this process's own, in memory.

Labels come from fixed sets and never from what a client sends: every other value would be one more series for ever.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from platform import python_version

from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from imagehost import __version__

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

RESERVED_BYTES = 256 * 1024  # of each file; all series of this module take a quarter of it

_collect_files: Callable[[CollectorRegistry, str], object] = MultiProcessCollector


def reserve() -> None:
    """Make this process's files, where there is a directory for them, at their full size and with every block on disk:
    they are mapped into memory, and a page that finds no room on a full disk later would kill the process (SIGBUS). A
    file appears whole, because a scrape may read it at any moment. A process that is forked from one that has loaded
    this module calls it before it counts anything. Raises OSError when there is no room now."""
    if not _directory:
        return
    directory = Path(_directory)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for kind in ("counter", "histogram"):  # the names are prometheus_client's (values.py)
        path = directory / f"{kind}_{os.getpid()}.db"
        if path.exists():  # of an ended process that had the same number: its counts go on
            continue
        part = path.with_suffix(".part")
        try:
            part.write_bytes(bytes(RESERVED_BYTES))
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)


_directory = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
reserve()  # what follows opens them
_numbers = CollectorRegistry()

_REQUESTS = Counter("imagehost_requests", "HTTP requests answered.", ("method", "route", "status"), registry=_numbers)
_REQUEST_SECONDS = Histogram(
    "imagehost_request_seconds",
    "Time from a request's headers to its answer's.",
    ("route",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=_numbers,
)
UPLOADS = Counter(
    "imagehost_uploads",
    "Completes: published, repeated, or the code of their problem.",
    ("outcome",),
    registry=_numbers,
)
GATE_SECONDS = Histogram(
    "imagehost_gate_seconds",
    "Time that the gate worked on an image, without waiting for a free one.",
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    registry=_numbers,
)
REFUSALS = Counter("imagehost_refusals", "Verdicts of the gate against an image.", ("code",), registry=_numbers)
RETRIES = Counter(
    "imagehost_retries", "Requests to a dependency that were sent once more.", ("dependency",), registry=_numbers
)
ERRORS = Counter(
    "imagehost_errors", "Requests to a dependency that failed, retries included.", ("dependency",), registry=_numbers
)
SWEPT = Counter("imagehost_swept", "Due entries that the sweeper took up.", ("kind", "outcome"), registry=_numbers)

for _dependency in ("redis", "s3"):  # there from the start, at 0: a rate over a series that appears late is wrong
    RETRIES.labels(_dependency)
    ERRORS.labels(_dependency)


def count_request(method: str, route: str | None, status: int, seconds: float) -> None:
    """An answered request. `route` is the rule that matched, never the path; None where none did."""
    where = route or "none"
    _REQUESTS.labels(method if method in METHODS else "other", where, status).inc()
    _REQUEST_SECONDS.labels(where).observe(seconds)


def to_text(lag_s: float | None, due_entries: int | None) -> bytes:
    """All metrics, in Prometheus's text format (CONTENT_TYPE): of all processes that share the directory, and the two
    that are looked up at a scrape, which are left out where they are None."""
    everything = CollectorRegistry()
    if _directory:
        _collect_files(everything, _directory)
    else:
        everything.register(_numbers)
    everything.register(_Now(lag_s, due_entries))
    return generate_latest(everything)


class _Now:
    """What is true at the moment of a scrape, and the same in all processes."""

    def __init__(self, lag_s: float | None, due_entries: int | None) -> None:
        self._lag_s = lag_s
        self._due_entries = due_entries

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("imagehost_build_info", "What runs; always 1.", labels=("version", "python"))
        build.add_metric((__version__, python_version()), 1)
        yield build
        if self._lag_s is not None:
            yield GaugeMetricFamily(
                "imagehost_sweeper_lag_seconds", "How long the oldest due entry has been due.", self._lag_s
            )
        if self._due_entries is not None:
            yield GaugeMetricFamily("imagehost_due_entries", "Entries that are due now.", self._due_entries)
