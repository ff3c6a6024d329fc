"""Making the index anew from the bucket's records: for shards that Redis has lost, and for no others.

All wiped shards are begun before the first page of a listing is read, and declared whole after the last of their
records is applied. Nothing acknowledged is missing then, for it had been applied to Redis. If that was before the wipe,
its record is older than the wipe, and the listing, which is younger, has it. If it was after, it is in the index, and
stays there unless Redis is wiped once more, restarted or failed over: then the shard cannot be declared whole, and is
begun again. Edits and deletes meanwhile may come before or after what the listing led to: the higher rev wins.

A process that dies between its record and `apply_record` may leave an image that the listing had passed by. Nobody was
told of it; its owner's next request to complete it, or the daily check, brings it in.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from imagehost.errors import Unavailable
from imagehost.ids import is_id, shard_of
from imagehost.models import AccountRecord, ImageRecord, ReadyRecord
from imagehost.services.parts import Parts
from imagehost.storage import object_keys

IN_FLIGHT = 16  # records fetched at once
ROUNDS = 5
LISTED_SINGLY = 64  # up to so many shards are listed one by one; above that one listing of all is cheaper

Progress = Callable[[int, int], None]
Kind = Literal["accounts", "images", "dead", "unreadable", "gone"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild did: shards declared whole (0: none was wiped), and what was found in them. `unreadable` are the
    object keys that hold no record as they should, each with the reason; their shards are whole without them."""

    shards: int
    accounts: int
    images: int
    dead: int
    unreadable: list[str]


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """Why what stands where a record belongs is none."""

    why: str


@dataclass(frozen=True, slots=True)
class _Fetch:
    """A record that is being read."""

    shard: str
    object_key: str
    result: "Future[AccountRecord | ImageRecord | _Unreadable | None]"


class Rebuild:
    """See the module. Any number may run at once, beside the service: all apply the same records, in any order, under
    the same epoch. One that died is finished by the next, which passes over the shards that are whole by then."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def run(self, progress: Progress | None = None) -> Rebuilt:
        """Rebuild every wiped shard; at once when there is none. `progress` hears how many records of how many are
        applied, and may raise to end it.

        An unreadable record is passed over and reported: it must not keep all others from being served. Raises
        Unavailable when bucket or Redis do not answer, or when Redis is wiped again and again."""
        shards, found = 0, Counter[Kind]()
        unreadable: dict[str, str] = {}
        with ThreadPoolExecutor(IN_FLIGHT, "rebuild") as pool:
            for _ in range(ROUNDS):
                if not (wiped := self._parts.shards.list_wiped()):
                    break
                for counts in self._round(pool, wiped, unreadable, progress):
                    shards += 1
                    found += counts
            else:
                if self._parts.shards.list_wiped():
                    raise Unavailable("Redis loses its index again and again.")
        return Rebuilt(
            shards=shards,
            accounts=found["accounts"],
            images=found["images"],
            dead=found["dead"],
            unreadable=[f"{object_key}: {why}" for object_key, why in sorted(unreadable.items())],
        )

    def _round(
        self, pool: ThreadPoolExecutor, wiped: list[str], unreadable: dict[str, str], progress: Progress | None
    ) -> Iterator[Counter[Kind]]:
        """Rebuild these shards once, and answer for each that could be declared whole what was found in it."""
        begun = ((shard, self._parts.shards.begin_rebuild(shard)) for shard in wiped)
        epochs = {shard: epoch for shard, epoch in begun if epoch is not None}
        done, total = 0, sum(1 for _ in self._list(epochs))
        for shard, fetches in groupby(self._fetch(pool, epochs), lambda fetch: fetch.shard):
            epoch, counts = epochs.pop(shard), Counter[Kind]()
            for fetch in fetches:
                counts[self._apply(fetch, epoch, unreadable)] += 1
                done += 1
                if progress is not None:
                    progress(done, total)
            if self._parts.shards.finish_rebuild(shard, epoch):
                yield counts
        for shard, epoch in epochs.items():  # nothing of these is in the bucket, now that all of it has been listed
            if self._parts.shards.finish_rebuild(shard, epoch):
                yield Counter()

    def _list(self, shards: Collection[str]) -> Iterator[tuple[str, str]]:
        """Shard and object key of all that stands where records belong, shard by shard, accounts first."""
        only = shards if len(shards) <= LISTED_SINGLY else None
        for shard, found in self._parts.inventory.list_shards([object_keys.ACCOUNTS, object_keys.RECORDS], only):
            if shard in shards and self._parts.shards.find_epoch(shard) is None:  # else somebody was faster
                for prefix in (object_keys.ACCOUNTS, object_keys.RECORDS):
                    yield from ((shard, listed.object_key) for listed in found[prefix])

    def _fetch(self, pool: ThreadPoolExecutor, epochs: Mapping[str, str]) -> Iterator[_Fetch]:
        """Read the records ahead of whoever applies them, and hand them over in the order of the listing."""
        under_way: deque[_Fetch] = deque()
        for shard, object_key in self._list(frozenset(epochs)):
            under_way.append(_Fetch(shard, object_key, pool.submit(self._read, object_key)))
            if len(under_way) >= 2 * IN_FLIGHT:  # so that no thread waits for the oldest
                yield under_way.popleft()
        yield from under_way

    def _read(self, object_key: str) -> AccountRecord | ImageRecord | _Unreadable | None:
        """The record; None when it has gone since it was listed, as a dead one does after its 30 days, and for the one
        of an account that is nobody's."""
        any_id = object_key.rsplit("/", 1)[1].removesuffix(".json")
        is_account = object_key.startswith(object_keys.ACCOUNTS)
        place = object_keys.account_record if is_account else object_keys.image_record
        if not is_id(any_id) or place(any_id) != object_key:
            return _Unreadable("no record has such a name")
        try:
            records = self._parts.records
            stored = records.find_account(any_id) if is_account else records.find_image(any_id)
            if stored is not None and isinstance(stored.record, AccountRecord) and self._is_nobodys(stored.record):
                return None
        except Unavailable as exc:
            if isinstance(exc.__cause__, ValueError):  # what was read, and not that it could not be
                return _Unreadable(str(exc.__cause__).splitlines()[0])
            raise
        if stored is None:
            return _Unreadable("the storage lists it and does not have it") if self._is_listed(object_key) else None
        named = stored.record.uid if isinstance(stored.record, AccountRecord) else stored.record.iid
        if named != any_id or shard_of(stored.record.uid) != shard_of(any_id):
            return _Unreadable("it is the record of something else")
        return stored.record

    def _is_nobodys(self, account: AccountRecord) -> bool:
        """Whether its maker died, or lost the user name to somebody else, before it was anybody's; or is at it, and
        applies it after its claim."""
        if account.rev > 1 or account.api_keys or account.username is None:
            return False
        claim = self._parts.records.find_claim(account.username)
        return claim is None or claim.record.uid != account.uid

    def _is_listed(self, object_key: str) -> bool:
        return any(listed.object_key == object_key for listed in self._parts.inventory.list_below(object_key))

    def _apply(self, fetch: _Fetch, epoch: str, unreadable: dict[str, str]) -> Kind:
        record = fetch.result.result()
        match record:
            case None:
                return "gone"
            case AccountRecord():
                self._parts.accounts.apply(record, epoch)
                return "accounts"
            case _Unreadable():
                why = record.why
            case _:
                if self._parts.images.apply(record, epoch) != "wrong_owner":
                    return "images" if isinstance(record, ReadyRecord) else "dead"
                why = "the index has this image as somebody else's"
        unreadable[fetch.object_key] = why
        log.error("record_unreadable", extra={"object_key": fetch.object_key, "detail": why})
        return "unreadable"
