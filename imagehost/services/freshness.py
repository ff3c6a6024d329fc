"""What the index says, compared with the bucket where the index alone cannot be believed.

After a failover, a restart or a wipe of Redis the index may be older than what was acknowledged. An entry whose record
was not read in the shard's present epoch is read anew before anything is answered from it; so is one that is missing
or pending, until a check of the whole shard has settled that there is no more. While a shard is wiped, and while Redis
does not answer, viewers are answered from the records alone.
"""

import threading
import time
from collections.abc import Callable

from cachetools import TTLCache

from imagehost.errors import IndexRebuilding, Unavailable
from imagehost.models import Entry, ImageRecord, KeyLookup, Lookup, Published, ReadyRecord, Reservation, Tombstone
from imagehost.services.caller import Caller
from imagehost.services.parts import Parts

LOOKS_PER_S = 50.0  # at ids that may be made up, so that strangers cannot have the bucket asked without end
LOOKS_AT_ONCE = 200.0
ABSENT_S = 2.0  # for how long an id that has no record is not looked for again
ABSENT_MAX = 10_000
UNKNOWN_API_KEY = KeyLookup(None, None, fresh=False)  # of an index that does not answer


class _Budget:
    """A token bucket (https://en.wikipedia.org/wiki/Token_bucket): so many looks a second, and so many at once."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._left, self._at_s = LOOKS_AT_ONCE, clock()

    def take(self) -> bool:
        """Take one look; False when none is left."""
        with self._lock:
            now_s = self._clock()
            self._left = min(LOOKS_AT_ONCE, self._left + (now_s - self._at_s) * LOOKS_PER_S)
            self._at_s = now_s
            if self._left < 1:
                return False
            self._left -= 1
            return True


class Freshness:
    """See the module. Safe to share between threads; every method raises Unavailable when the bucket does not answer
    though it must be asked."""

    def __init__(self, parts: Parts, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._parts = parts
        self._budget = _Budget(clock)
        self._absent: TTLCache[str, None] = TTLCache(ABSENT_MAX, ABSENT_S, timer=clock)
        self._lock = threading.Lock()

    def find(self, iid: str) -> Lookup:
        """What is known of an id, for somebody who is about to change it: no `epoch` while the shard is wiped.

        Raises Unavailable when the index does not answer."""
        found = self._parts.images.find(iid)
        return found if found.epoch is None else self._refreshed(iid, found, found.epoch)

    def find_for_viewer(self, iid: str, caller: Caller | None = None) -> Lookup:
        """What is known of an id, for somebody who looks at it: without the index, from its record alone. A caller is
        confirmed, before anything else is asked: raises what that raises."""
        api_key = caller.api_key_beside(iid) if caller else None
        try:
            found = self._parts.images.find(iid, api_key)
        except Unavailable:
            found = Lookup(None, None, settled=False, api_key=UNKNOWN_API_KEY if api_key else None)
        if caller is not None:
            caller.confirm(found.api_key)
        if found.epoch is None:
            return Lookup(self._read(iid), None, settled=False)
        return self._refreshed(iid, found, found.epoch)

    def refresh(self, published: Published, epoch: str) -> Published | None:
        """An image of a list, as its record has it; None when it is not published any more."""
        if published.checked == epoch:
            return published
        entry = self._look(published.image.iid, published, epoch)
        return entry if isinstance(entry, Published) else None

    def find_key(self, uid: str, kid: str, found: KeyLookup | None = None) -> KeyLookup:
        """An API key as its account's record has it; never older than the shard's epoch. `found`: what the index knew
        just now, if it was asked."""
        try:
            found = found or self._parts.accounts.find_key(uid, kid)
        except Unavailable:
            found = UNKNOWN_API_KEY
        if found.fresh:
            return found
        if (stored := self._parts.records.find_account(uid)) is None:
            return KeyLookup(None, found.epoch, fresh=True)
        if found.epoch is not None:
            self._parts.accounts.apply(stored.record, found.epoch)
        return KeyLookup(next((k for k in stored.record.api_keys if k.kid == kid), None), found.epoch, fresh=True)

    def _refreshed(self, iid: str, found: Lookup, epoch: str) -> Lookup:
        match found.entry:
            case Published(checked=checked) if checked == epoch:
                return found
            case Tombstone():
                return found  # dead is final
            case None if found.settled or self._known_absent(iid):
                return found
            case Reservation() if found.settled:
                return found
        if found.entry is None:
            self._spend()
        return Lookup(self._look(iid, found.entry, epoch), epoch, found.settled)

    def _look(self, iid: str, entry: Entry | None, epoch: str) -> Entry | None:
        """Read the record and bring the index up to it; `epoch` was read before."""
        stored = self._parts.records.find_image(iid)
        if stored is None:
            if entry is None:
                self._note_absent(iid)
            return entry if isinstance(entry, Reservation) else None
        self._parts.images.apply(stored.record, epoch)
        return to_entry(stored.record, epoch, views=entry.views if isinstance(entry, Published) else 0)

    def _read(self, iid: str) -> Entry | None:
        """An image from its record alone. Raises IndexRebuilding when too many ask."""
        if self._known_absent(iid):
            return None
        self._spend()
        stored = self._parts.records.find_image(iid)
        if stored is None:
            self._note_absent(iid)
            return None
        return to_entry(stored.record, "", views=0)

    def _spend(self) -> None:
        if not self._budget.take():
            raise IndexRebuilding("The index is being rebuilt, and too many ask for what is not in it yet.")

    def _known_absent(self, iid: str) -> bool:
        with self._lock:
            return iid in self._absent

    def _note_absent(self, iid: str) -> None:
        with self._lock:
            self._absent[iid] = None


def to_entry(record: ImageRecord, checked: str, *, views: int) -> Entry:
    """A record as the index will show it."""
    if isinstance(record, ReadyRecord):
        return Published(image=record.image, views=views, checked=checked)
    return Tombstone(
        iid=record.iid,
        uid=record.uid,
        rev=record.rev,
        reason=record.reason,
        code=record.code,
        detail=record.detail,
        purged=False,
    )
