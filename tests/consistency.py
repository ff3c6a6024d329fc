"""What must hold between bucket and index whenever nothing is under way, read from both directly.

It uses the drivers alone and nothing of imagehost, so that it cannot share a mistake with what it checks. The
letters are those of docs/protocol.md (invariants I…, findings F…).
"""

import functools
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from tests.cluster import raw_client

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Documents read before, by object key and ETag: whoever changes one writes another `op` into it. Without this every
# test would read again what all tests before it left.
_read: dict[tuple[str, str], dict[str, Any]] = {}


SHARDED = ("records", "accounts", "uploads", "variants", "incoming")


@dataclass(frozen=True)
class World:
    """Everything there is: `objects` maps object keys to sizes, the rest is decoded."""

    objects: dict[str, int]
    records: dict[str, dict[str, Any]]
    accounts: dict[str, dict[str, Any]]
    claims: dict[str, dict[str, Any]]
    images: dict[str, dict[str, str]]
    users: dict[str, dict[str, str]]
    lists: dict[str, dict[str, float]]
    due: dict[str, float]


@functools.cache  # making one costs more than all it is asked for after a test
def _client(endpoint_url: str, access_key_id: str, secret_access_key: str) -> "S3Client":
    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
        config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
    )


def read_world(environ: Mapping[str, str], shard: str | None = None) -> World:
    """Read bucket and index of the stack whose settings `environ` has; all of it, or one shard."""
    s3 = _client(environ["S3_ENDPOINT_URL"], environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"])
    bucket = environ["AWS_S3_BUCKET_NAME"]
    prefixes = [""] if shard is None else [f"{kind}/{shard}" for kind in SHARDED]
    listed = {
        found["Key"]: found
        for prefix in prefixes
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for found in page.get("Contents", [])
    }
    objects = {key: found["Size"] for key, found in listed.items()}

    def document(key: str) -> dict[str, Any]:
        known = (key, listed[key]["ETag"])
        if known not in _read:
            _read[known] = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        return _read[known]

    def documents(prefix: str) -> dict[str, dict[str, Any]]:
        return {key.rsplit("/", 1)[1].removesuffix(".json"): document(key) for key in objects if key.startswith(prefix)}

    records, accounts = documents("records/"), documents("accounts/")
    for name in (f"usernames/{account['username']}.json" for account in accounts.values() if "username" in account):
        found = s3.list_objects_v2(Bucket=bucket, Prefix=name).get("Contents", []) if shard else []
        listed |= {entry["Key"]: entry for entry in found}
        objects |= {entry["Key"]: entry["Size"] for entry in found}
    images: dict[str, dict[str, str]] = {}
    users: dict[str, dict[str, str]] = {}
    lists: dict[str, dict[str, float]] = {}
    due: dict[str, float] = {}
    with raw_client(environ["REDIS_URL"]) as index:
        for name in index.scan_iter(None if shard is None else f"*{{{shard}}}*", count=1000):
            kind, _, rest = name.partition(":")
            plain = rest.replace("{", "").replace("}", "")
            if kind == "img":
                images[plain] = index.hgetall(name)
            elif name.endswith(":images"):
                lists[plain.removesuffix(":images")] = dict(index.zrange(name, 0, -1, withscores=True))
            elif kind == "user":
                users[plain] = index.hgetall(name)
            elif kind == "due":
                due |= dict(index.zrange(name, 0, -1, withscores=True))
            else:
                assert kind in ("meta", "lease"), name
    return World(objects, records, accounts, documents("usernames/"), _known(images), users, lists, due)


def _known(images: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Without those of which the index knows nothing, but that they are being viewed."""
    return {iid: h for iid, h in images.items() if set(h) != {"views"}}


def assert_consistent(environ: Mapping[str, str], shard: str | None = None) -> None:
    """Fails with every finding, in all or in one shard. Call it when no request is under way."""
    findings = sorted(find_faults(read_world(environ, shard)))
    assert not findings, "\n".join(findings)


def find_faults(world: World) -> Iterator[str]:
    """Every finding, as a sentence."""
    yield from _records_and_bytes(world)
    yield from _records_and_index(world)
    yield from _counters(world)
    yield from _due(world)
    yield from _accounts(world)


def _records_and_bytes(world: World) -> Iterator[str]:
    originals, versions = set(), set()
    for iid, record in world.records.items():
        if record["state"] != "ready":
            continue
        originals.add(record["key"])
        versions.add(f"variants/{record['uid']}/{iid}/{record['version']}/")
        if world.objects.get(record["key"]) != record["size"]:
            yield f"I1 {iid}: {record['key']} has {world.objects.get(record['key'])} bytes, not {record['size']}"
        for name in record["variants"]:
            if f"variants/{record['uid']}/{iid}/{record['version']}/{name}" not in world.objects:
                yield f"I1 {iid}: its {name} is missing"
    pending = {iid for iid, h in world.images.items() if h["state"] == "pending"}
    for key in world.objects:
        if key.startswith("uploads/") and key not in originals:
            yield f"F1 no ready record names {key}"
        if key.startswith("variants/") and key.rsplit("/", 1)[0] + "/" not in versions:
            yield f"F1 no ready record's version has {key}"
        if key.startswith("incoming/") and key.split("/")[2] not in pending:
            yield f"F2 left in staging: {key}"


def _records_and_index(world: World) -> Iterator[str]:
    ready: dict[str, dict[str, float]] = defaultdict(dict)
    for iid, record in world.records.items():
        h = world.images.get(iid)
        if record["state"] == "ready":
            ready[record["uid"]][iid] = record["created_at_ms"]
        if h is None and record["state"] == "ready":
            yield f"F3 {iid} is ready and not in the index"
        if h is not None and not _same(h, record):
            yield f"F3 {iid}: the index has {h}, the record {record}"
    for iid, h in world.images.items():
        if h["state"] != "pending" and iid not in world.records:
            yield f"F3 {iid} is {h['state']} in the index and has no record"
        if "lease_version" in h:
            yield f"a lease on {iid} is left behind"
    if (listed := {uid: images for uid, images in world.lists.items() if images}) != ready:
        yield f"F4 the lists are {listed}, ready are {dict(ready)}"


def _same(h: dict[str, str], record: dict[str, Any]) -> bool:
    facts = (h["state"], int(h.get("rev", 0)), h["owner_uid"], h.get("version"))
    if facts != (record["state"], record["rev"], record["uid"], record.get("version")):
        return False
    return record["state"] == "dead" or (
        h["key"].replace("//", f"/{record['uid']}/{record['iid']}/{record['version']}/") == record["key"]
        and h["filename"] == record["filename"]
        and h.get("private", "0") == str(int(record["private"]))
        and h.get("title") == record.get("title")
        and h.get("kind") == record.get("kind")
        and json.loads(h.get("tags", "[]")) == record["tags"]
        and json.loads(h.get("metadata", "{}")) == record["metadata"]
        and (h["sha256"], int(h["size"])) == (record["sha256"], record["size"])
        and int(h.get("expires_at", 0)) == record.get("expires_at_ms", 0)
    )


def _counters(world: World) -> Iterator[str]:
    expected: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for h in world.images.values():
        count = expected[h["owner_uid"]]
        if h["state"] == "pending":
            count[2] += int(h["size"])
            count[3] += 1
        elif h["state"] == "ready" or "counted" in h:
            count[0] += int(h["size"] if h["state"] == "ready" else h["counted"])
            count[1] += 1
    names = ("used_bytes", "used_count", "reserved_bytes", "reserved_count")
    for uid in expected | world.users:
        found = [int(world.users.get(uid, {}).get(name, 0)) for name in names]
        if found != expected[uid]:
            yield f"I5-I7 {uid}: the counters are {found}, the images make {expected[uid]}"


def _due(world: World) -> Iterator[str]:
    expected = {f"upload:{h['op']}:{iid}" for iid, h in world.images.items() if h["state"] == "pending"}
    expected |= {h["purge"] for h in world.images.values() if "purge" in h}
    timers = ((iid, h) for iid, h in world.images.items() if "expires_at" in h)
    expected |= {f"expire:{h['version']}:{iid}" for iid, h in timers}
    if set(world.due) != expected:
        yield f"F5 due are {sorted(world.due)}, expected {sorted(expected)}"


def _accounts(world: World) -> Iterator[str]:
    for uid in world.accounts | world.users:
        record, h = world.accounts.get(uid), world.users.get(uid, {})
        if record is None:
            yield f"F9 the account {uid} has no record"
            continue
        if not h and not record["api_keys"] and world.claims.get(record.get("username", ""), {}).get("uid") != uid:
            continue  # whoever made it died, or lost the name: it is nobody's
        keys = {api_key["kid"]: api_key for api_key in record["api_keys"]}
        indexed = {name[4:]: json.loads(value) for name, value in h.items() if name.startswith("key:")}
        if (
            int(h.get("rev", 0)) != record["rev"]
            or h.get("username") != record.get("username")
            or set(indexed) != set(keys)
        ):
            yield f"F9 {uid}: the index has {h}, the record {record}"
        elif any(indexed[kid]["secret_sha256"] != keys[kid]["secret_sha256"] for kid in keys):
            yield f"F9 {uid}: API keys differ"
