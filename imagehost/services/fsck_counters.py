"""Counters (I5 to I7): used = Σ counted, reserved = Σ pending, for each user, and none below 0.

Whoever changes a counter, or a state that it counts, raises the user's `ver` in the same script: what was read between
two looks at the same `ver` belongs together.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from imagehost.ids import shard_of
from imagehost.index.survey import ShardView
from imagehost.models import Usage
from imagehost.services.findings import Finding
from imagehost.services.fsck_images import to_int
from imagehost.services.parts import Parts

ATTEMPTS = 5
NAMES = ("used_bytes", "used_count", "reserved_bytes", "reserved_count")
NOTHING = Usage(used_bytes=0, used_count=0, reserved_bytes=0, reserved_count=0)


class Counters:
    """See the module. Everything raises Unavailable."""

    def __init__(self, parts: Parts, *, repair: bool, keep: Callable[[], None]) -> None:
        self._parts = parts
        self._repair = repair
        self._keep = keep

    def check(self, index: ShardView, scan: Callable[[], Iterable[str]]) -> list[Finding]:
        """One finding at most for each user. `scan` answers the iids of the shard that nothing leads to as well; it is
        asked when counters do not fit."""
        counted = count(index.images)
        uids = [
            uid
            for uid in sorted(index.users.keys() | counted.keys())
            if of_hash(index.users.get(uid, {})) != counted.get(uid, NOTHING)
        ]
        if not uids:
            return []
        hidden = set(scan()) - index.images.keys()
        found = []
        for uid in uids:
            own = {iid for iid, h in index.images.items() if h.get("owner_uid") == uid}
            if (finding := self._check(uid, own | hidden)) is not None:
                found.append(finding)
        return found

    def _check(self, uid: str, iids: set[str]) -> Finding | None:
        """None when all fits after all, or never stands still for long enough."""
        first: Finding | None = None
        for _ in range(ATTEMPTS):
            self._keep()
            before = self._parts.survey.read_user(uid)
            images = self._parts.survey.read(shard_of(uid), iids, [uid]).images
            ver = before.get("ver", "")
            if self._parts.survey.read_user(uid).get("ver", "") != ver:
                continue
            usage = count(images).get(uid, NOTHING)
            if of_hash(before) == usage:
                return replace(first, repaired=True) if first else None  # by us: the answer was lost
            first = first or _finding(uid, of_hash(before), usage, repaired=False)
            if not self._repair:
                return first
            if self._parts.mender.recount(uid, ver, usage):
                return _finding(uid, of_hash(before), usage, repaired=True)
        return first


def of_hash(fields: Mapping[str, str]) -> Usage:
    """The counters as they stand."""
    return Usage(**{name: to_int(fields.get(name)) or 0 for name in NAMES})


def count(images: Mapping[str, Mapping[str, str]]) -> dict[str, Usage]:
    """What the images' hashes make, by user."""
    sums: dict[str, list[int]] = {}
    for h in images.values():
        counts = sums.setdefault(h.get("owner_uid", ""), [0, 0, 0, 0])
        state = h.get("state")
        if state == "pending":
            counts[2] += to_int(h.get("size")) or 0
            counts[3] += 1
        elif state == "ready" or "counted" in h:
            counts[0] += to_int(h.get("size" if state == "ready" else "counted")) or 0
            counts[1] += 1
    sums.pop("", None)
    return {uid: Usage(**dict(zip(NAMES, counts, strict=True))) for uid, counts in sums.items()}


def _finding(uid: str, found: Usage, usage: Usage, *, repaired: bool) -> Finding:
    says, makes = ([getattr(side, name) for name in NAMES] for side in (found, usage))
    differing = [f"{name} is {a}, not {b}" for name, a, b in zip(NAMES, says, makes, strict=True) if a != b]
    code = "I5" if min(says) < 0 else "I6" if says[:2] != makes[:2] else "I7"
    return Finding(code, uid, ", ".join(differing), repaired=repaired)
