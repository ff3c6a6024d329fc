"""What the bucket holds, shard by shard: the listings that checks and rebuilds work through.

Every id begins with its shard and S3 lists in the order of bytes, so one listing a prefix serves all shards in turn;
never more than one shard's entries are held.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from imagehost.storage.client import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SHARD_LENGTH = 2


@dataclass(frozen=True, slots=True)
class Listed:
    """One object as a listing shows it; `etag` is opaque and changes with the bytes."""

    object_key: str
    size_bytes: int
    modified_at_s: float
    etag: str


Group = tuple[str, list[Listed]]


class Inventory:
    """See the module. Everything raises Unavailable when the store does not answer, in the middle of a listing too."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._s3 = client
        self._bucket = bucket

    def list_below(self, prefix: str) -> Iterator[Listed]:
        """Every object below a prefix, in the order of their keys; a page of 1,000 at a time."""
        found, last = self._page(prefix, "")
        yield from found
        while last:
            found, last = self._page(prefix, last)
            yield from found

    def list_shards(
        self, prefixes: Sequence[str], only: Collection[str] | None = None
    ) -> Iterator[tuple[str, Mapping[str, list[Listed]]]]:
        """For each shard that has anything below the prefixes, in order: what it has, by prefix (each of them a key).

        `only` these shards, each listed by itself, and each answered even when it has nothing; None for all. Keys that
        do not begin with a shard come under whatever their two characters are."""
        if only is not None:
            for shard in sorted(only):
                yield shard, {prefix: list(self.list_below(prefix + shard)) for prefix in prefixes}
            return
        groups = {prefix: self._groups(prefix) for prefix in prefixes}
        heads = {prefix: next(each, None) for prefix, each in groups.items()}
        while rest := [head for head in heads.values() if head]:
            shard = min(head[0] for head in rest)
            here: dict[str, list[Listed]] = {}
            for prefix, head in heads.items():
                here[prefix] = head[1] if head and head[0] == shard else []
                if head and head[0] == shard:
                    heads[prefix] = next(groups[prefix], None)
            yield shard, here

    def _groups(self, prefix: str) -> Iterator[Group]:
        start = len(prefix)
        for shard, entries in groupby(self.list_below(prefix), lambda e: e.object_key[start : start + SHARD_LENGTH]):
            yield shard, list(entries)

    @translated
    def _page(self, prefix: str, after: str) -> tuple[list[Listed], str]:
        """The objects behind the key `after`, and the last key of them where more may follow, else an empty one."""
        answer = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=prefix, StartAfter=after)
        found = [
            Listed(entry["Key"], entry["Size"], entry["LastModified"].timestamp(), entry["ETag"])
            for entry in answer.get("Contents", [])
        ]
        return found, found[-1].object_key if found and answer.get("IsTruncated") else ""
