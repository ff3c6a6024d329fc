"""Due work: a sorted set in the same slot as what it is about, so that noting work and the change it follows are one
step (a transactional outbox). Entries are removed by whoever finished them; a crash leaves them to the sweeper."""

from collections.abc import Mapping
from dataclasses import dataclass

import redis

from imagehost.ids import SHARDS, shard_of
from imagehost.index import keyspace
from imagehost.index.client import translated
from imagehost.index.scripts import Scripts

BATCH = 100  # entries of one shard in one sweep


@dataclass(frozen=True, slots=True)
class DueEntry:
    """One piece of due work, and the epoch of its shard when it was read (None: wiped)."""

    kind: str
    op: str
    iid: str
    epoch: str | None

    @property
    def shard(self) -> str:
        return shard_of(self.iid)

    @property
    def member(self) -> str:
        return keyspace.due_member(self.kind, self.op, self.iid)


class DueQueue:
    """See the module. All methods raise Unavailable when Redis does not answer."""

    def __init__(self, client: "redis.Redis", scripts: Scripts) -> None:
        self._redis = client
        self._scripts = scripts

    @translated
    def note_intent(self, op: str, iid: str, lease_ms: int) -> None:
        """Have the sweeper look at an image a lease from now, unless `clear` comes first."""
        self._scripts("note_intent", [keyspace.due_of(iid)], keyspace.due_member("check", op, iid), lease_ms)

    @translated
    def clear_intent(self, op: str, iid: str) -> None:
        """Withdraw the intent that the same op noted, after its last script."""
        self._scripts("clear_intent", [keyspace.due_of(iid)], keyspace.due_member("check", op, iid))

    @translated
    def clear(self, entry: DueEntry) -> None:
        """Remove an entry that was worked off, unless the image's hash still needs it (another timer, a failover)."""
        keys = [keyspace.image(entry.iid), keyspace.due_of(entry.iid)]
        self._scripts("clear_due", keys, entry.kind, entry.op, entry.iid)

    @translated
    def list_due(self, behind: Mapping[str, int]) -> list[DueEntry]:
        """What is due now by the clock of Redis, oldest first; one pipeline over all shards. At most 100 entries a
        shard, and as many more as `behind` says are known already and are left for later."""
        seconds, micros = self._redis.time()
        now_ms = seconds * 1000 + micros // 1000
        pipe = self._redis.pipeline(transaction=False)
        for shard in SHARDS:
            most = BATCH + behind.get(shard, 0)
            pipe.zrange(keyspace.due(shard), "-inf", now_ms, byscore=True, offset=0, num=most)
            pipe.hget(keyspace.meta(shard), "epoch")
        answers = pipe.execute()
        found = []
        for members, epoch in zip(answers[::2], answers[1::2], strict=True):
            for member in members:
                kind, op, iid = member.split(":", 2)
                found.append(DueEntry(kind, op, iid, epoch))
        return found
