"""Images in the index: reservations, leases, published images, tombstones, and each owner's list of them.

It never decides what is true: `apply` brings it up to a record, everything else admits, leases, schedules or reads.
Every method but the views is one atomic round trip; all raise Unavailable when Redis does not answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

import redis

from imagehost.errors import IndexRebuilding, QuotaExceeded, TooManyPending
from imagehost.ids import shard_of
from imagehost.index import hashes, keyspace
from imagehost.index.accounts import to_key_lookup
from imagehost.index.client import translated
from imagehost.index.scripts import Scripts
from imagehost.models import Details, ImageRecord, KeyLookup, Lookup, Page, Position, Published, ReadyRecord

TOMBSTONE_S = 30 * 86_400
PENDING_RETRY_S = 60


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """An API key of the owner that a script is to find good: the hash of the secret that was shown, and the scope that
    it needs."""

    kid: str
    secret_sha256: str
    scope: str
    now_ms: int


@dataclass(frozen=True, slots=True)
class Reserved:
    """A reservation's times, both by the clock of Redis, and the API key that was found good with it, if one was."""

    created_at_ms: int
    deadline_ms: int
    api_key: KeyLookup | None


@dataclass(frozen=True, slots=True)
class Begun:
    """The answer to begin_complete; `retry_after_ms` only with `busy`."""

    answer: Literal["ok", "busy", "ready", "rejected", "gone"]
    retry_after_ms: int = 0


class ImageIndex:
    """See the module."""

    def __init__(self, client: "redis.Redis", scripts: Scripts) -> None:
        self._redis = client
        self._scripts = scripts

    @translated
    def find(self, iid: str, api_key: tuple[str, str] | None = None) -> Lookup:
        """What is known of an id (of the right form), and the epoch of its shard, read together; and of an API key
        (uid and kid) of the same shard."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hmget(keyspace.meta(shard_of(iid)), "epoch", "settled")
        pipe.hgetall(keyspace.image(iid))
        if api_key is not None:
            pipe.hmget(keyspace.user(api_key[0]), keyspace.api_key_field(api_key[1]), "checked")
        (epoch, settled), fields, *beside = pipe.execute()
        api_keys = [to_key_lookup(value, checked, epoch) for value, checked in beside]
        return Lookup(hashes.to_entry(iid, fields), epoch, epoch is not None and epoch == settled, *api_keys)

    @translated
    def reserve(
        self,
        iid: str,
        uid: str,
        op: str,
        details: Details,
        *,
        size_bytes: int,
        sha256: str | None,
        image_expires_in_s: int | None = None,
        keep_metadata: bool = False,
        hold_ms: int,
        quota_bytes: int,
        quota_images: int,
        max_pending: int,
        api_key: KeyCheck | None = None,
    ) -> Reserved | None:
        """Reserve quota for an upload until now + hold_ms; None, having changed nothing, unless `api_key` is found good
        at the same moment. A replay with the same op answers the same, without the API key.

        Raises QuotaExceeded, TooManyPending or IndexRebuilding, having changed nothing.
        """
        answer = self._scripts(
            "reserve_upload",
            [
                keyspace.image(iid),
                keyspace.user(uid),
                keyspace.due_of(iid),
                keyspace.meta(shard_of(iid)),
            ],
            iid,
            uid,
            op,
            size_bytes,
            hold_ms,
            quota_bytes,
            quota_images,
            max_pending,
            *_to_arguments(api_key),
            *hashes.from_request(details, sha256, image_expires_in_s, keep_metadata),
        )
        if answer[0] in ("ok", "dup"):
            _, created_at, deadline, *beside = answer
            return Reserved(int(created_at), int(deadline), to_key_lookup(*beside) if beside else None)
        if answer[0] == "unconfirmed":
            return None
        raise _not_reserved(answer, quota_bytes, quota_images, max_pending)

    @translated
    def begin_complete(self, iid: str, uid: str, version: str, lease_ms: int) -> Begun:
        """Take the lease on a pending upload for `version`."""
        answer = self._scripts(
            "begin_complete", [keyspace.image(iid), keyspace.due_of(iid)], iid, uid, version, lease_ms
        )
        return Begun(*answer)

    @translated
    def release_lease(self, iid: str, version: str) -> bool:
        """Give the lease back; False when `version` does not hold it."""
        return bool(self._scripts("release_lease", [keyspace.image(iid)], version) == "ok")

    @translated
    def apply(self, record: ImageRecord, epoch: str) -> Literal["ok", "old", "wrong_owner"]:
        """Bring the index up to `record`; `epoch` is the one that was read before the record was read or written."""
        if shard_of(record.uid) != shard_of(record.iid):
            return "wrong_owner"  # nobody's images are in another shard, and no script may touch two
        image = record.image if isinstance(record, ReadyRecord) else None
        answer = self._scripts(
            "apply_record",
            [
                keyspace.image(record.iid),
                keyspace.user(record.uid),
                keyspace.user_images(record.uid),
                keyspace.due_of(record.iid),
                keyspace.meta(shard_of(record.iid)),
            ],
            record.iid,
            record.uid,
            "ready" if image else "dead",
            record.rev,
            epoch,
            record.op,
            image.created_at_ms if image else 0,
            image.size if image else 0,
            image.expires_at_ms or "" if image else "",
            *hashes.from_record(record),
        )
        return cast(Literal["ok", "old", "wrong_owner"], answer)

    @translated
    def purge_done(self, iid: str, uid: str) -> bool:
        """A dead image's bytes are gone: release what it counted; its tombstone expires in 30 days."""
        keys = [keyspace.image(iid), keyspace.user(uid), keyspace.due_of(iid)]
        return bool(self._scripts("purge_done", keys, TOMBSTONE_S) == "ok")

    @translated
    def drop_reservation(self, iid: str, uid: str) -> Literal["ok", "no", "early"]:
        """Undo a reservation that was never begun and is past its deadline."""
        keys = [keyspace.image(iid), keyspace.user(uid), keyspace.due_of(iid)]
        return cast(Literal["ok", "no", "early"], self._scripts("drop_reservation", keys, iid))

    @translated
    def count_views(self, counts: Mapping[str, int]) -> None:
        """Add views to images that are in the index. Best effort: a view of an image that dies meanwhile may be counted
        on its tombstone, and a lost answer makes it count twice."""
        pipe = self._redis.pipeline(transaction=False)
        for iid, views in counts.items():
            pipe.hincrby(keyspace.image(iid), "views", views)
            pipe.hexists(keyspace.image(iid), "state")
        known = zip(counts, pipe.execute()[1::2], strict=True)
        # What the index has lost since it was looked at: nothing may be left in its place.
        for iid in [iid for iid, is_known in known if not is_known]:
            self._redis.hdel(keyspace.image(iid), "views")

    @translated
    def list_page(self, uid: str, limit: int, *, start: int = 0, after: Position | None = None, kid: str = "") -> Page:
        """A page of the user's ready images, newest first, from rank `start` or behind a position, and one of the
        user's API keys, all of one moment. Costs O(log n + page). Raises IndexRebuilding while the shard is wiped."""
        shard = shard_of(uid)
        answer = self._scripts(
            "list_page",
            [keyspace.meta(shard), keyspace.user_images(uid), keyspace.user(uid)],
            limit,
            start,
            after.created_at_ms if after else "",
            after.iid if after else "",
            keyspace.image(shard),
            keyspace.api_key_field(kid),
        )
        if not answer:
            raise IndexRebuilding()
        epoch, total, more, (value, checked), *found = answer
        entries = (hashes.to_entry(iid, dict(zip(h[::2], h[1::2], strict=True))) for iid, _, h in found)
        items = tuple(entry for entry in entries if isinstance(entry, Published))
        following = Position(int(found[-1][1]), found[-1][0]) if more else None
        return Page(items, total, following, epoch, to_key_lookup(value, checked, epoch))


def _to_arguments(check: KeyCheck | None) -> tuple[str | int, ...]:
    if check is None:
        return ("", "", "", 0)
    return keyspace.api_key_field(check.kid), check.secret_sha256, check.scope, check.now_ms


def _not_reserved(answer: list[str | int], quota_bytes: int, quota_images: int, max_pending: int) -> Exception:
    match answer:
        case ["quota", used_bytes, used_images]:
            return QuotaExceeded(
                "The upload does not fit into what is left of your quota.",
                used={"bytes": used_bytes, "images": used_images},
                allowed={"bytes": quota_bytes, "images": quota_images},
            )
        case ["too_many_pending", pending]:
            return TooManyPending(
                f"{pending} uploads have been requested and not completed; complete or delete some, or wait.",
                headers={"Retry-After": str(PENDING_RETRY_S)},
                allowed=max_pending,
            )
        case ["rebuilding"]:
            return IndexRebuilding()
        case _:
            return RuntimeError(f"a new iid exists already: {answer}")
