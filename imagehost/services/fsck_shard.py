"""The check of one shard, in this order: images, then the counters that follow from them, then accounts. It holds the
records and hashes of one shard at a time, and no more."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from imagehost.index.survey import ShardView
from imagehost.models import ReadyRecord
from imagehost.services.findings import Counts, Finding, Report
from imagehost.services.fsck_accounts import AccountKind
from imagehost.services.fsck_counters import Counters
from imagehost.services.fsck_faults import Fault, Kind, V
from imagehost.services.fsck_images import ImageView, judge, to_int
from imagehost.services.fsck_inquiry import Inquiry
from imagehost.services.fsck_listing import Listing
from imagehost.services.fsck_look import Looker, Sight
from imagehost.services.fsck_repair import Repairs
from imagehost.services.parts import Parts

OVERDUE_MS = 10 * 60_000
OF_INDEX = frozenset({"F3", "F4", "F5", "F9", "I5", "I6", "I7"})  # as long as one is left, a shard is not settled
STRANGER = "Nothing of imagehost has such a name. Look at it, and remove it by hand."


@dataclass(frozen=True, slots=True)
class Terms:
    """How a check is made. `patience_s` is how long a suspicion has to last; bytes younger than `min_age_s` are no
    fault; `now_s` is the time by which ages are told, `pulse` is called again and again and may raise to end it all."""

    repair: bool = False
    deep: bool = False
    min_age_s: float = 86_400.0
    patience_s: float = 2.0
    now_s: Callable[[], float] = time.time
    pulse: Callable[[], None] = field(default=lambda: None)


class ImageKind:
    """Images, for an Inquiry."""

    def __init__(self, looker: Looker, repairs: Repairs, terms: Terms, counts: Counts) -> None:
        self.look_again = looker.look_again
        self.mend = repairs.mend
        self._repairs = repairs
        self._terms = terms
        self._counts = counts

    def judge(self, view: ImageView) -> list[Fault]:
        return judge(view, now_s=self._terms.now_s(), min_age_s=self._terms.min_age_s)

    def keep_up(self, view: ImageView) -> None:
        self._repairs.keep_up(view)
        self._counts.tidied += self._repairs.tidy(view, self._terms.now_s(), self._terms.min_age_s)


class ShardCheck:
    """One shard, under `epoch`; `keep` is called again and again, and may raise to end it. See the module."""

    def __init__(
        self, parts: Parts, pool: ThreadPoolExecutor, terms: Terms, report: Report, epoch: str, keep: Callable[[], None]
    ) -> None:
        self._parts = parts
        self._terms = terms
        self._report = report
        self._keep = keep
        self._looker = Looker(parts, pool, deep=terms.deep, keep=keep)
        self._images = ImageKind(self._looker, Repairs(parts, epoch), terms, report.counts)
        self._accounts = AccountKind(parts, pool, epoch)
        self._counters = Counters(parts, repair=terms.repair, keep=keep)

    def run(
        self,
        shard: str,
        listing: Listing,
        iids: Iterable[str],
        uids: Iterable[str],
        scan: Callable[[], Collection[str]],
    ) -> bool:
        """Check it; whether nothing is left that the index should say and does not. `iids` and `uids` are known to be
        in the index, beside what the listing leads to; `scan` answers all iids of the shard that are, at some cost."""
        seen = len(self._report.findings)
        sight = self._looker.survey(shard, listing, iids, uids)
        self._count(sight)
        index = sight.index
        if self._check_images(sight):
            index = self._looker.survey(shard, listing, sight.iids, index.users).index
        self._report.findings += self._counters.check(index, scan)
        self._check_accounts(listing, sight.index.users)
        self._check_overdue(shard, sight)
        for object_key in listing.strangers:
            if object_key in {found.object_key for found in self._parts.inventory.list_below(object_key)}:
                self._report.findings.append(Finding("F8", object_key, "nothing has such an object key", STRANGER))
        return not any(finding.code in OF_INDEX and not finding.repaired for finding in self._report.findings[seen:])

    def _inquiry(self, kind: Kind[V]) -> Inquiry[V]:
        terms = self._terms
        return Inquiry(kind, self._report, repair=terms.repair, patience_s=terms.patience_s, keep=self._keep)

    def _check_images(self, sight: Sight) -> bool:
        """Whether anything was written."""
        inquiry = self._inquiry(self._images)
        for view in self._looker.look(sight):
            self._report.counts.images += isinstance(view.record, ReadyRecord)
            inquiry.look(view.iid, view)
        return inquiry.close()

    def _check_accounts(self, listing: Listing, users: Mapping[str, Mapping[str, str]]) -> None:
        inquiry = self._inquiry(self._accounts)
        for view in self._accounts.look(users, sorted(listing.accounts.keys() | users.keys())):
            self._keep()
            self._report.counts.accounts += view.record is not None
            inquiry.look(view.uid, view)
        inquiry.close()

    def _check_overdue(self, shard: str, sight: Sight) -> None:
        """F6. A score of 0 says "at once", and not since when."""
        before_ms = sight.now_ms - OVERDUE_MS
        if not (late := _overdue(sight.index, before_ms)):
            return
        still = self._parts.survey.read(shard, (), ()).due
        if times := [due_ms for member, due_ms in late.items() if still.get(member) == due_ms]:
            minutes = (sight.now_ms - min(times)) // 60_000
            detail = f"{len(times)} due entries are overdue, the oldest by {minutes} minutes"
            self._report.findings.append(Finding("F6", shard, detail, "Start a sweeper: imagehost sweep --forever"))

    def _count(self, sight: Sight) -> None:
        counts = self._report.counts
        counts.objects += sight.listing.count
        counts.size_bytes += sight.listing.size_bytes
        counts.open_intents += sum(member.startswith("check:") for member in sight.index.due)
        for h in sight.index.images.values():
            if h.get("state") == "pending":
                counts.pending += 1
                counts.leases_held += (to_int(h.get("lease_until")) or 0) > sight.now_ms


def _overdue(index: ShardView, before_ms: int) -> dict[str, int]:
    return {member: due_ms for member, due_ms in index.due.items() if 0 < due_ms < before_ms}
