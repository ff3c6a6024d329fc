"""The index as it is, read raw and shard by shard: what checks compare and dumps print. It changes nothing.

Redis cannot list one shard's keys without walking through all of them, so a survey follows what leads from one to the
other: a shard's due queue, its users' lists, and the ids that the caller knows. `scan` walks through everything, for a
caller that wants what nothing leads to as well.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import redis

from imagehost.index import keyspace
from imagehost.index.client import translated

CHUNK = 500  # keys in one pipeline


@dataclass(frozen=True, slots=True)
class ShardView:
    """What the index holds of one shard: image hashes by iid, user hashes by uid, each user's list (iid → score), the
    due queue (member → score)."""

    images: dict[str, dict[str, str]]
    users: dict[str, dict[str, str]]
    lists: dict[str, dict[str, int]]
    due: dict[str, int]


class Survey:
    """See the module. Nothing here is atomic over several keys; all methods raise Unavailable when Redis does not
    answer."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client

    @translated
    def read(self, shard: str, iids: Iterable[str], uids: Iterable[str]) -> ShardView:
        """The due queue, the given users with their lists, and every image that those, or `iids`, name."""
        wanted = sorted(set(uids))
        due = _scores(self._redis.zrange(keyspace.due(shard), 0, -1, withscores=True))
        lists = self._lists(wanted)
        known = {
            *iids,
            *(member.rsplit(":", 1)[1] for member in due),
            *(iid for held in lists.values() for iid in held),
        }
        images = self._hashes({iid: keyspace.image(iid) for iid in known})
        owners = {h["owner_uid"] for h in images.values() if "owner_uid" in h} - set(wanted)
        users = self._hashes({uid: keyspace.user(uid) for uid in (*wanted, *owners)})
        return ShardView(images, users, lists | self._lists(sorted(owners)), due)

    @translated
    def read_image(self, iid: str) -> dict[str, str]:
        """One image's hash as it is now; empty when there is none."""
        return self._hashes({iid: keyspace.image(iid)}).get(iid, {})

    @translated
    def read_user(self, uid: str) -> dict[str, str]:
        """One user's hash as it is now; empty when there is none."""
        return self._hashes({uid: keyspace.user(uid)}).get(uid, {})

    @translated
    def scan(self) -> tuple[set[str], set[str]]:
        """The ids of all images and of all users that have a key, by one walk through the whole index."""
        iids: set[str] = set()
        uids: set[str] = set()
        for name in self._redis.scan_iter(count=1000):
            kind, any_id = keyspace.parse(name)
            if kind == "img":
                iids.add(any_id)
            elif kind in ("user", "user:images"):
                uids.add(any_id)
        return iids, uids

    def _hashes(self, keys: dict[str, str]) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for some in chunks(list(keys), CHUNK):
            pipe = self._redis.pipeline(transaction=False)
            for any_id in some:
                pipe.hgetall(keys[any_id])
            found |= {any_id: h for any_id, h in zip(some, pipe.execute(), strict=True) if h}
        return found

    def _lists(self, uids: list[str]) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for some in chunks(uids, CHUNK):
            pipe = self._redis.pipeline(transaction=False)
            for uid in some:
                pipe.zrange(keyspace.user_images(uid), 0, -1, withscores=True)
            for uid, members in zip(some, pipe.execute(), strict=True):
                if members:
                    found[uid] = _scores(members)
        return found


def _scores(members: Any) -> dict[str, int]:
    return {str(member): int(score) for member, score in members}


def chunks(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """So many ids at a time."""
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
