"""Redis as it is, for tests of the scripts. Names of Redis keys are written out here, so that a change of one is
seen."""

from typing import Any

from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.cluster import raw_client

BRACES = {ord("{"): None, ord("}"): None}


class Raw:
    """A client of its own; everything of one user shares a shard."""

    def __init__(self, url: str) -> None:
        self.client: Any = raw_client(url, retry=Retry(NoBackoff(), 1))

    def user(self, uid: str) -> dict[str, str]:
        return dict(self.client.hgetall(f"user:{{{uid[:2]}}}{uid[2:]}"))

    def image(self, iid: str) -> dict[str, str]:
        return dict(self.client.hgetall(f"img:{{{iid[:2]}}}{iid[2:]}"))

    def ttl_s(self, iid: str) -> int:
        return int(self.client.ttl(f"img:{{{iid[:2]}}}{iid[2:]}"))

    def listed(self, uid: str) -> dict[str, float]:
        return dict(self.client.zrange(f"user:{{{uid[:2]}}}{uid[2:]}:images", 0, -1, withscores=True))

    def due(self, iid: str) -> dict[str, float]:
        """The due entries about one image: kind:op → score."""
        entries = self.client.zrange(f"due:{{{iid[:2]}}}", 0, -1, withscores=True)
        return {member.rsplit(":", 1)[0]: score for member, score in entries if member.endswith(iid)}

    def counters(self, uid: str) -> tuple[int, int, int, int]:
        """used bytes and images, reserved bytes and images."""
        h = self.user(uid)
        return (
            int(h.get("used_bytes", 0)),
            int(h.get("used_count", 0)),
            int(h.get("reserved_bytes", 0)),
            int(h.get("reserved_count", 0)),
        )

    def images_of(self, uid: str) -> dict[str, dict[str, str]]:
        """Every image hash of a user, by iid."""
        names = self.client.scan_iter(f"img:{{{uid[:2]}}}*", count=1000)
        hashes = {name.removeprefix("img:").translate(BRACES): self.client.hgetall(name) for name in names}
        return {iid: h for iid, h in hashes.items() if h.get("owner_uid") == uid}

    def check_counters(self, uid: str) -> None:
        """used = Σ counted, reserved = Σ pending, the list = the ready images."""
        images = self.images_of(uid)
        ready = {iid: int(h["size"]) for iid, h in images.items() if h["state"] == "ready"}
        counted = [*ready.values(), *(int(h["counted"]) for h in images.values() if "counted" in h)]
        pending = [int(h["size"]) for h in images.values() if h["state"] == "pending"]
        assert self.counters(uid) == (sum(counted), len(counted), sum(pending), len(pending))
        assert set(self.listed(uid)) == ready.keys()

    def wipe(self, shard: str) -> None:
        """Remove every key of a shard, as if its Redis had lost it."""
        for name in list(self.client.scan_iter(f"*{{{shard}}}*", count=1000)):
            self.client.delete(name)

    def pass_time(self, shard: str) -> None:
        """Let every deadline, lease and due time of a shard lie in the past."""
        for name in list(self.client.scan_iter(f"img:{{{shard}}}*", count=1000)):
            for field in {"deadline", "lease_until"} & set(self.client.hkeys(name)):
                self.client.hset(name, field, 1)
        due, meta = f"due:{{{shard}}}", f"meta:{{{shard}}}"
        if members := self.client.zrange(due, 0, -1):
            self.client.zadd(due, dict.fromkeys(members, 0))
        if self.client.hexists(meta, "check_until"):
            self.client.hset(meta, "check_until", 1)

    def forget(self, uid: str) -> None:
        """Remove everything of a user from the index."""
        due = f"due:{{{uid[:2]}}}"
        for iid in self.images_of(uid):
            self.client.delete(f"img:{{{iid[:2]}}}{iid[2:]}")
            for member in self.client.zrange(due, 0, -1):
                if member.endswith(iid):
                    self.client.zrem(due, member)
        self.client.delete(f"user:{{{uid[:2]}}}{uid[2:]}", f"user:{{{uid[:2]}}}{uid[2:]}:images")
        self.client.close()
