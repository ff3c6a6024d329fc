"""A bench on which things can be broken behind imagehost's back, by the drivers alone, and a check of its shard."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from imagehost import ids
from imagehost.services.findings import Finding, Report
from imagehost.services.fsck import Fsck
from tests.consistency import read_world
from tests.contract.services.conftest import Bench

DAY_S = 86_400.0


class Wreck:
    """The bench's user, whose shard is checked; `clock` ages what is in the bucket."""

    def __init__(self, bench: Bench, environment: Mapping[str, str]) -> None:
        self.bench, self.environment, self.uid = bench, environment, bench.uid
        self.shard = ids.shard_of(bench.uid)
        self.redis = bench.raw.client
        self.s3: Any = bench.parts.objects._s3
        self.bucket = bench.parts.config.bucket
        self.due = f"due:{{{self.shard}}}"
        self.meta = f"meta:{{{self.shard}}}"
        self.user = f"user:{{{self.uid[:2]}}}{self.uid[2:]}"
        self.list = f"{self.user}:images"

    def check(self, *, later_s: float = 0.0, **how: Any) -> Report:
        """A check of the shard alone, with nothing too young to be seen, and without patience."""
        how.setdefault("min_age_s", 0)
        now_s = self.bench.parts.presigner.now_s
        return Fsck(self.bench.parts, clock=lambda: now_s() + later_s, patience_s=0).check([self.shard], **how)

    def codes(self, **how: Any) -> list[str]:
        return [finding.code for finding in self.check(**how).findings]

    def repair(self, **how: Any) -> list[Finding]:
        return self.check(repair=True, **how).findings

    def image(self, iid: str) -> str:
        """The Redis key of an image."""
        return f"img:{{{iid[:2]}}}{iid[2:]}"

    def set(self, iid: str, **fields: str) -> None:
        self.redis.hset(self.image(iid), mapping=fields)

    def put(self, object_key: str, data: bytes = b"x") -> str:
        self.s3.put_object(Bucket=self.bucket, Key=object_key, Body=data)
        return object_key

    def get(self, object_key: str) -> bytes:
        data: bytes = self.s3.get_object(Bucket=self.bucket, Key=object_key)["Body"].read()
        return data

    def remove(self, object_key: str) -> bytes:
        """Remove an object; its bytes, to put it back."""
        data = self.get(object_key)
        self.s3.delete_object(Bucket=self.bucket, Key=object_key)
        return data

    def record(self, iid: str) -> str:
        return f"records/{iid[:2]}/{iid}.json"

    def account(self) -> str:
        return f"accounts/{self.shard}/{self.uid}.json"

    def change(self, object_key: str, **fields: Any) -> bytes:
        """Overwrite fields of a record; its bytes before."""
        before = self.get(object_key)
        changed = {name: value for name, value in (json.loads(before) | fields).items() if value is not None}
        self.put(object_key, json.dumps(changed).encode())
        return before

    def put_dead(self, iid: str, *, rev: int) -> None:
        """A dead record, whatever stood there."""
        facts = {"op": "o", "v": 1, "iid": iid, "uid": self.uid, "state": "dead", "reason": "deleted"}
        self.put(self.record(iid), json.dumps(facts | {"ops": ["o"], "rev": rev}).encode())

    def original(self, iid: str) -> str:
        key: str = json.loads(self.get(self.record(iid)))["key"]
        return key

    def world(self) -> Any:
        """All there is of the user's shard, to see that nothing has changed."""
        return read_world(self.environment, self.uid[:2]), self.redis.hgetall(self.meta)


Plant = Callable[[Wreck], Any]


def epochs(wreck: Wreck) -> Iterator[str | None]:
    """The shard's epoch, and the one that it is settled for."""
    yield from wreck.redis.hmget(wreck.meta, "epoch", "settled")
