"""What the index holds of accounts and published images, a few hashes at a time: an installation may have more of them
than fit into memory. It changes nothing."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import redis

from imagehost.index import hashes, keyspace
from imagehost.index.client import translated
from imagehost.index.survey import chunks

CHUNK = 500  # hashes held at once


class Contents:
    """Nothing here is atomic over several keys; all methods raise Unavailable when Redis does not answer, in the middle
    of an iteration too."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client

    @translated
    def list_owned(self, iids: Iterable[str]) -> dict[str, list[str]]:
        """The published ones of these images, by owner; each owner's sorted."""
        owned: dict[str, list[str]] = {}
        for some in chunks(sorted(iids), CHUNK):
            pipe = self._redis.pipeline(transaction=False)
            for iid in some:
                pipe.hmget(keyspace.image(iid), "state", "owner_uid")
            for iid, (state, uid) in zip(some, pipe.execute(), strict=True):
                if state == "ready":
                    owned.setdefault(uid, []).append(iid)
        return owned

    @translated
    def read_user(self, uid: str) -> tuple[dict[str, str], list[tuple[str, int]]]:
        """A user's hash, and the list of their images with its scores, lowest first."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hgetall(keyspace.user(uid))
        pipe.zrange(keyspace.user_images(uid), 0, -1, withscores=True)
        fields, places = pipe.execute()
        return fields, [(iid, int(score)) for iid, score in places]

    def read_images(self, iids: Sequence[str]) -> Iterator[dict[str, str]]:
        """The hashes of these images in this order, whole, without those that are not published (any more)."""
        for some in chunks(iids, CHUNK):
            found = zip(some, self._read(some), strict=True)
            yield from (hashes.whole(iid, fields) for iid, fields in found if fields.get("state") == "ready")

    @translated
    def _read(self, iids: Sequence[str]) -> list[dict[str, str]]:
        pipe = self._redis.pipeline(transaction=False)
        for iid in iids:
            pipe.hgetall(keyspace.image(iid))
        answers: list[Any] = pipe.execute()
        return answers
