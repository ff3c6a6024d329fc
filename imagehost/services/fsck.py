"""The check of bucket and index against each other, shard by shard, while the service is at work: what it finds it
reports, and repairs when it is asked to. Without repair nothing at all is written.

The epochs of all shards are read before the listing of the bucket begins. What was acknowledged before an epoch began
is in the listing, and is applied under that epoch; so a shard with nothing left to repair at the end is settled for it.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from imagehost import ids
from imagehost.ids import SHARDS, shard_of
from imagehost.services.findings import Finding, Report
from imagehost.services.fsck_claims import ClaimCheck
from imagehost.services.fsck_lease import Lease, LeaseLost
from imagehost.services.fsck_listing import PREFIXES, Listing
from imagehost.services.fsck_shard import STRANGER, ShardCheck, Terms
from imagehost.services.parts import Parts
from imagehost.storage.inventory import Listed

READERS = 16
SHARD_SET = frozenset(SHARDS)
PATIENCE_S = 2.0  # longer than any step of the service takes that leaves no trace of being under way
NO_SHARD = SHARDS[0]  # with this one goes what belongs to none

Found = Mapping[str, Sequence[Listed]]


@dataclass(frozen=True, slots=True)
class _Scan:
    """The ids of everything in the index, by shard."""

    iids: Mapping[str, Collection[str]]
    uids: Mapping[str, Collection[str]]


class Fsck:
    """See the module. Any number may run at once; each shard is repaired by one at a time."""

    def __init__(self, parts: Parts, *, clock: Callable[[], float] = time.time, patience_s: float = PATIENCE_S) -> None:
        self._parts = parts
        self._clock = clock
        self._patience_s = patience_s

    def check(
        self,
        shards: Collection[str] | None = None,
        *,
        repair: bool = False,
        deep: bool = False,
        min_age_s: float = 86_400,
        progress: Callable[[int, int], None] | None = None,
    ) -> Report:
        """Check these shards, or all by one listing of the whole bucket; a shard without a finding that concerns the
        index is settled, when it is to be repaired. `deep` reads every original and compares its hash. `progress` hears
        how many shards of how many are done, again and again; it may raise to end the check, and so may Unavailable."""
        wanted = SHARDS if shards is None else tuple(sorted(shards))
        done = 0

        def pulse() -> None:
            if progress is not None:
                progress(done, len(wanted))

        terms = Terms(repair, deep, min_age_s, self._patience_s, self._clock, pulse)
        with ThreadPoolExecutor(READERS, "fsck") as pool:
            check = _Check(self._parts, pool, terms, None if shards is None else wanted)
            for shard, found in check.list_bucket():
                check.check(shard, found)
                done += shard in SHARD_SET
                pulse()
            return check.close()


class _Check:
    """One check, under way. `only` are the shards asked for; None for all."""

    def __init__(self, parts: Parts, pool: ThreadPoolExecutor, terms: Terms, only: tuple[str, ...] | None) -> None:
        self._parts = parts
        self._pool = pool
        self._terms = terms
        self._only = only
        self._op = ids.new_op()
        self._report = Report()
        self._wiped: list[str] = []
        self._states = parts.shards.read_states(SHARDS if only is None else only)
        self._scanned = self._scan() if only is None else None

    def list_bucket(self) -> Iterator[tuple[str, Found]]:
        """Every shard wanted, with what the bucket has of it; and what stands where a shard would, and is none."""
        missing = iter(SHARDS if self._only is None else ())
        for shard, found in self._parts.inventory.list_shards(PREFIXES, self._only):
            if self._only is None and shard in SHARD_SET:
                for empty in missing:
                    if empty == shard:
                        break
                    yield empty, {}
            yield shard, found
        yield from ((empty, {}) for empty in missing)

    def check(self, shard: str, found: Found) -> None:
        """Check one shard, if it is to be had."""
        state = self._states.get(shard)
        if state is None:
            keys = [each.object_key for listed in found.values() for each in listed]
            self._report.findings += [Finding("F8", key, "nothing has such an object key", STRANGER) for key in keys]
        elif state.epoch is None:
            self._wiped.append(shard)
        elif not self._terms.repair:
            here = Report()
            self._run(shard, found, state.epoch, self._terms.pulse, here)
            self._report.absorb(here)
        else:
            self._repair(shard, found, state.epoch)

    def close(self) -> Report:
        """What belongs to no shard, and the report."""
        if self._wiped:
            subject = self._wiped[0] if len(self._wiped) == 1 else f"{len(self._wiped)} shards"
            self._report.findings.append(
                Finding("W0", subject, "the index has lost everything", "Run imagehost rebuild.")
            )
        if NO_SHARD in self._states and NO_SHARD not in (*self._report.busy, *self._report.moved):
            ClaimCheck(self._parts, self._pool, self._terms, self._report).run()
        return self._report

    def _repair(self, shard: str, found: Found, epoch: str) -> None:
        lease, here = Lease(self._parts, shard, self._op), Report()
        current = lease.take()
        if current is None:
            self._report.busy.append(shard)
            return

        def keep() -> None:
            self._terms.pulse()
            lease.keep()

        outcome: Literal["settled", "left", "moved"] = "moved"
        try:
            if current == epoch:
                outcome = "settled" if self._run(shard, found, epoch, keep, here) else "left"
            if outcome == "settled" and not lease.finish():
                outcome = "moved"
        except LeaseLost:
            outcome = "moved"
        finally:
            if outcome != "settled":
                lease.give_back()
        if outcome != "moved":
            self._report.absorb(here)
        else:  # what is left will be found again
            self._report.moved.append(shard)
            self._report.findings += [finding for finding in here.findings if finding.repaired]

    def _run(self, shard: str, found: Found, epoch: str, keep: Callable[[], None], report: Report) -> bool:
        """Whether the shard is settled."""
        check = ShardCheck(self._parts, self._pool, self._terms, report, epoch, keep)
        known = self._scanned or _Scan({}, {})
        iids, uids = known.iids.get(shard, ()), known.uids.get(shard, ())
        return check.run(shard, Listing.of(found), iids, uids, lambda: self._iids_of(shard))

    def _iids_of(self, shard: str) -> Collection[str]:
        if self._scanned is None:
            self._scanned = self._scan()
        return self._scanned.iids.get(shard, ())

    def _scan(self) -> _Scan:
        iids, uids = self._parts.survey.scan()
        return _Scan(_by_shard(iids), _by_shard(uids))


def _by_shard(any_ids: Collection[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for any_id in any_ids:
        found.setdefault(shard_of(any_id), []).append(any_id)
    return found
