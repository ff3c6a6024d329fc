"""From suspicion to finding, and to repair: the same for images and accounts.

The service is at work meanwhile. What one look made out to be wrong must be the same at once, and once more after a
moment's patience (some of what the service does, as a refusal or an edit of an account, leaves no trace of being under
way), before it is a finding.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic

from imagehost.errors import Unavailable
from imagehost.services.findings import Finding, Report
from imagehost.services.fsck_faults import Fault, Kind, Suspects, V

ROUNDS = 3  # of repair: behind what is mended first, something else may come to light
UNAVAILABLE_MAX = 5  # repairs that fail before it is the dependency's fault, and not theirs

log = logging.getLogger(__name__)


class Inquiry(Generic[V]):
    """One shard's suspicions of one kind; see the module."""

    def __init__(
        self, kind: Kind[V], report: Report, *, repair: bool, patience_s: float, keep: Callable[[], None]
    ) -> None:
        self._kind = kind
        self._report = report
        self._repair = repair
        self._patience_s = patience_s
        self._keep = keep
        self._suspects: Suspects[V] = {}
        self._suspected_at_s = time.monotonic()

    def look(self, name: str, view: V) -> None:
        """Note whatever the first look at this one shows; where that is nothing it is kept up, in a repair."""
        faults = self._kind.judge(view)
        if faults:
            self._suspects[name] = (view, faults)
            self._suspected_at_s = time.monotonic()
        elif self._repair:
            self._kind.keep_up(view)

    def close(self) -> bool:
        """Look again, report what is confirmed, repair it, and keep up what has been mended; whether anything was
        written. Raises Unavailable."""
        confirmed = self._confirm(self._suspects)
        left = self._mend(confirmed) if self._repair else confirmed
        for name in confirmed.keys() - left.keys():
            self._kind.keep_up(confirmed[name][0])
        for name in sorted(confirmed.keys() | left.keys()):
            found, still = (side[name][1] if name in side else [] for side in (confirmed, left))
            for fault in (*found, *(each for each in still if each not in found)):
                repaired = self._repair and fault not in still
                cure = "" if repaired else fault.cure
                self._report.findings.append(Finding(fault.code, name, fault.detail, cure, repaired))
        return self._repair and bool(confirmed)

    def _confirm(self, suspects: Suspects[V]) -> Suspects[V]:
        for at_least_s in (0.0, self._patience_s):
            self._wait(at_least_s if suspects else 0.0)
            again = self._look_again(suspects)
            suspects = {
                name: (view, same)
                for name, (view, faults) in again.items()
                if (same := [fault for fault in faults if fault in suspects[name][1]])
            }
        return suspects

    def _look_again(self, suspects: Suspects[V]) -> Suspects[V]:
        if not suspects:
            return {}
        seen = {name: (view, self._kind.judge(view)) for name, view in self._kind.look_again(suspects)}
        return {name: (view, faults) for name, (view, faults) in seen.items() if faults}

    def _wait(self, at_least_s: float) -> None:
        """Until it has been so long since the last of the suspicions arose."""
        until_s = self._suspected_at_s + at_least_s
        while (left_s := until_s - time.monotonic()) > 0:
            self._keep()
            threading.Event().wait(min(left_s, 0.5))

    def _mend(self, confirmed: Suspects[V]) -> Suspects[V]:
        """Repair, and answer what is left after that."""
        left = confirmed
        for _ in range(ROUNDS):
            if not any(fault.remedy != "none" for _, faults in left.values() for fault in faults):
                return left
            failed = 0
            for name, (view, faults) in left.items():
                self._keep()
                failed += self._mend_one(name, view, faults)
                if failed > UNAVAILABLE_MAX:
                    raise Unavailable("Redis or S3 does not answer.")
            left = self._look_again(confirmed)
        return self._confirm(left)

    def _mend_one(self, name: str, view: V, faults: list[Fault]) -> bool:
        """Whether a remedy failed: one that cannot be mended must not keep all others from being so."""
        try:
            for fault in faults:
                self._kind.mend(view, fault)
        except Unavailable as exc:
            log.warning("not_repaired", extra={"subject": name}, exc_info=exc)
            return True
        return False
