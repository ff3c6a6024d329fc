"""Upkeep: what keeps the index true to the bucket when nobody asks. Shards that Redis has lost are rebuilt; shards that
a new epoch has put in doubt are checked at once, and again when no old master can take writes any more; all others once
a day. What is found is repaired.

The second check is for a process that wrote to the old master, was answered, and died before it found the new one:
nobody else knows of that."""

import logging
import time
from collections.abc import Callable

from imagehost.index.shards import ShardState
from imagehost.services.findings import Report
from imagehost.services.fsck import Fsck
from imagehost.services.parts import Parts
from imagehost.services.rebuild import Rebuild

CHECK_EVERY_MS = 86_400_000
OLD_MASTER_MS = 60_000  # for so long after a failover somebody may still write to the old master (deploy.md says so)
CHECKED_AT_ONCE = 16  # of those that are due by the clock, in one run
LISTED_SINGLY = 64  # above so many shards one listing of the whole bucket is cheaper than a listing each
AGAIN_AFTER_S = 600.0  # for a shard that a check did not bring to its end, as one with a finding that nobody mends

log = logging.getLogger(__name__)


class Stopped(Exception):
    """Somebody has asked to stop in the middle of a check."""


class Upkeep:
    """See the module. One thread at a time may run it; leases keep several processes out of each other's way."""

    def __init__(
        self, parts: Parts, fsck: Fsck, rebuild: Rebuild, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._parts = parts
        self._fsck = fsck
        self._rebuild = rebuild
        self._clock = clock
        self._in_vain: dict[str, tuple[str | None, float]] = {}  # shard: epoch of a check without an end, until

    def run(self, stopped: Callable[[], bool] = lambda: False) -> int:
        """Do what is due; how many shards were checked. Raises Unavailable when bucket or index do not answer."""

        def go_on(_done: int, _total: int) -> None:
            if stopped():
                raise Stopped

        states = self._parts.shards.renew()
        try:
            if any(state.epoch is None for state in states.values()) and not self._parts.objects.is_empty():
                self._rebuild.run(go_on)
            wanted = self._wanted(states)
            if wanted:
                self._log(
                    self._fsck.check(None if len(wanted) > LISTED_SINGLY else wanted, repair=True, progress=go_on)
                )
        except Stopped:
            return 0
        after = self._parts.shards.read_states(wanted)
        for shard in wanted:
            if after[shard].settled and after[shard].checked_at_ms > states[shard].checked_at_ms:
                self._in_vain.pop(shard, None)
            else:
                self._in_vain[shard] = (states[shard].epoch, self._clock() + AGAIN_AFTER_S)
        return len(wanted)

    def _wanted(self, states: dict[str, ShardState]) -> list[str]:
        now_ms, now_s = self._parts.shards.now_ms(), self._clock()
        in_vain = {s for s, (epoch, until_s) in self._in_vain.items() if until_s > now_s and states[s].epoch == epoch}
        whole = {
            shard: state
            for shard, state in states.items()
            if state.epoch is not None and not state.checking and shard not in in_vain
        }
        unsettled = [shard for shard, state in whole.items() if not state.settled]
        late = [s for s, state in whole.items() if state.settled and _needs_a_late_check(state, now_ms)]
        old = [s for s, state in whole.items() if state.settled and state.checked_at_ms < now_ms - CHECK_EVERY_MS]
        old = [shard for shard in old if shard not in late]
        return unsettled + late + sorted(old, key=lambda shard: whole[shard].checked_at_ms)[:CHECKED_AT_ONCE]

    @staticmethod
    def _log(report: Report) -> None:
        for finding in report.findings:
            fields = {"code": finding.code, "subject": finding.subject, "detail": finding.detail}
            log.warning("finding", extra=fields | {"repaired": finding.repaired, "cure": finding.cure or None})


def _needs_a_late_check(state: ShardState, now_ms: int) -> bool:
    over_at_ms = state.renewed_at_ms + OLD_MASTER_MS
    return state.checked_at_ms < over_at_ms <= now_ms
