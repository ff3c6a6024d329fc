"""The sweeper: works through what is due, several entries at once. Any number of copies may run, on any machine.

Entries that fail are left alone for a while, longer each time; that is remembered here and not in the queue, so that
the queue goes on showing how long something has been overdue. When nothing works and a dependency does not answer, the
sweep ends and nobody is blamed for it.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from imagehost import metrics
from imagehost.errors import Unavailable
from imagehost.files import remove_abandoned
from imagehost.ids import shard_of
from imagehost.index.due import BATCH, DueEntry
from imagehost.services.due_work import KINDS, DueWork
from imagehost.services.parts import Parts
from imagehost.services.publish import WORK_PREFIX

ABANDONED_S = 3600.0  # far longer than any complete takes
THREADS = 8
CHUNK = 8 * THREADS
BACK_OFF_MAX_S = 300.0

log = logging.getLogger(__name__)


class Sweeper:
    """See the module. One thread at a time may sweep."""

    def __init__(self, parts: Parts, work: DueWork, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._parts = parts
        self._work = work
        self._clock = clock
        self._failed: dict[str, tuple[int, float]] = {}  # member: how often, and until when it is left alone

    def sweep(self, stopped: Callable[[], bool] = lambda: False) -> int:
        """Work through all that is due now; how many entries were finished. Ends early once `stopped`.

        An entry that cannot be finished stays due. Raises Unavailable when the queues cannot be read, or when a
        dependency does not answer at all."""
        remove_abandoned(WORK_PREFIX, ABANDONED_S)
        finished, more, seen = 0, True, set[str]()
        with ThreadPoolExecutor(THREADS, "sweep") as pool:
            while more and not stopped():
                entries, more = self._take(seen)
                for start in range(0, len(entries), CHUNK):
                    if stopped():
                        break
                    finished += self._finish(pool, entries[start : start + CHUNK])
        return finished

    def _take(self, seen: set[str]) -> tuple[list[DueEntry], bool]:
        """What is to be done now and was not `seen` in this sweep, and whether there may be more."""
        now_s = self._clock()
        waiting = Counter(
            shard_of(member.rsplit(":", 1)[1]) for member, (_, until_s) in self._failed.items() if until_s > now_s
        )
        due = self._parts.due.list_due(waiting)
        full = any(count >= BATCH + waiting[shard] for shard, count in Counter(e.shard for e in due).items())
        known = {entry.member for entry in due}
        self._failed = {member: failure for member, failure in self._failed.items() if member in known}
        ours = [entry for entry in due if self._is_ours(entry, now_s) and entry.member not in seen]
        seen.update(entry.member for entry in ours)
        return ours, full and bool(ours)

    def _is_ours(self, entry: DueEntry, now_s: float) -> bool:
        if entry.epoch is None or entry.kind not in KINDS:
            return False  # wiped: a rebuild's to finish; or work that a newer version has noted
        return self._failed.get(entry.member, (0, 0.0))[1] <= now_s

    def _finish(self, pool: ThreadPoolExecutor, entries: list[DueEntry]) -> int:
        errors = list(pool.map(self._try, entries))
        self._work.tidy()
        if len(errors) > 1 and all(isinstance(error, Unavailable) for error in errors):
            self._parts.shards.ping()  # when both answer it is the entries' fault, and others must not wait behind them
            self._parts.objects.ping()
        for entry, error in zip(entries, errors, strict=True):
            if error is None:
                self._failed.pop(entry.member, None)
            else:
                times = self._failed.get(entry.member, (0, 0.0))[0] + 1
                wait_s = min(self._parts.config.sweep_s * 2**times, BACK_OFF_MAX_S)
                self._failed[entry.member] = (times, self._clock() + wait_s)
        return errors.count(None)

    def _try(self, entry: DueEntry) -> Exception | None:
        fields = {"iid": entry.iid, "kind": entry.kind}
        try:
            self._work.finish(entry, entry.epoch or "")
        except Unavailable as exc:
            log.warning("sweep_failed", extra=fields, exc_info=exc)
            metrics.SWEPT.labels(entry.kind, "unavailable").inc()
            return exc
        except Exception as exc:  # one entry must not keep the sweeper from all others
            log.exception("sweep_broke", extra=fields)
            metrics.SWEPT.labels(entry.kind, "failed").inc()
            return exc
        log.info("swept", extra=fields)
        metrics.SWEPT.labels(entry.kind, "finished").inc()
        return None
