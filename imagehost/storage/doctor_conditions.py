"""Whether conditional writes are atomic: what the whole protocol rests on, and what stores most often get wrong."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from imagehost.checks import Verdict, failed, passed
from imagehost.errors import Unavailable
from imagehost.storage.client import DRIVER_ERRORS, status_of
from imagehost.storage.doctor_probe import MIME, Probe

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import PutObjectRequestTypeDef

RACERS = 32
RACERS_AT_START = 4
CURE = "Use a store with atomic conditional writes: AWS S3, Cloudflare R2, or a SeaweedFS as new as the embedded one."
# How a store says no to a condition; 409 is AWS's answer to some of those who come at the same moment.
_LOST = {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND}
# How it says that it does not know conditions.
_UNKNOWN = {HTTPStatus.BAD_REQUEST, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}


def check_create(probe: Probe, racers: int = RACERS) -> Verdict:
    """Of `racers` who create one object at once (`If-None-Match: *`), each with other bytes, exactly one must win."""
    return _race(probe, probe.key("create"), racers, None, None)


def check_replace(probe: Probe, racers: int = RACERS) -> Verdict:
    """The same with `If-Match` and the etag of what is there."""
    object_key, before = probe.key("replace"), b"before"
    return _race(probe, object_key, racers, probe.put(object_key, before), before)


def check_replace_missing(probe: Probe) -> Verdict:
    """`If-Match` on what does not exist must write nothing: else a write that is late brings a deleted record back."""
    object_key, gone = probe.key("missing"), probe.key("gone")
    etag = probe.put(gone)
    probe.client.delete_object(Bucket=probe.bucket, Key=gone)
    for key in (object_key, gone):
        status = _put(probe, key, b"never", etag)
        if probe.find(key) is not None:
            return failed(f"a write with If-Match on a missing object was stored ({status})", CURE)
        if status not in _LOST:
            return failed(f"a write with If-Match on a missing object got {status}", CURE)
    return passed("a write with If-Match on a missing object is refused")


def _race(probe: Probe, object_key: str, racers: int, etag: str | None, before: bytes | None) -> Verdict:
    """Raises Unavailable when nobody was told that it won, and somebody may have."""
    bodies = [f"racer {number} of {racers}".encode() for number in range(racers)]
    statuses = _put_at_once(probe, object_key, bodies, etag)
    won = [number for number, status in enumerate(statuses) if status == HTTPStatus.OK]
    stored = probe.find(object_key)
    if len(won) > 1:
        return failed(f"{len(won)} of {racers} concurrent writes won, where only one may", CURE)
    if won and stored != bodies[won[0]]:
        there = "nothing is" if stored is None else "other bytes are"
        return failed(f"one of {racers} concurrent writes won ({_counted(statuses)}), and {there} stored", CURE)
    if won:
        lost = sum(status in _LOST for status in statuses)
        return passed(f"1 of {racers} concurrent writes won, {lost} were refused, and the winner's bytes are stored")
    if stored == before and set(statuses) <= _LOST | _UNKNOWN:
        return failed(f"none of {racers} concurrent writes won ({_counted(statuses)})", CURE)
    raise Unavailable(f"None of {racers} concurrent writes was told that it won ({_counted(statuses)}).")


def _put_at_once(probe: Probe, object_key: str, bodies: list[bytes], etag: str | None) -> list[int]:
    """The status that each of the writers got; 0 for no answer."""
    start = threading.Barrier(len(bodies))

    def write(body: bytes) -> int:
        with suppress(*DRIVER_ERRORS):  # opens its connection, so that the writes meet each other in the store
            probe.client.head_bucket(Bucket=probe.bucket)
        start.wait()
        try:
            return _put(probe, object_key, body, etag)
        except DRIVER_ERRORS:
            return 0

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(write, bodies))


def _put(probe: Probe, object_key: str, body: bytes, etag: str | None) -> int:
    request: PutObjectRequestTypeDef = {"Bucket": probe.bucket, "Key": object_key, "Body": body, "ContentType": MIME}
    if etag is not None:
        request["IfMatch"] = etag
    else:
        request["IfNoneMatch"] = "*"
    try:
        probe.client.put_object(**request)
    except ClientError as exc:
        return status_of(exc)
    return HTTPStatus.OK


def _counted(statuses: list[int]) -> str:
    return ", ".join(f"{count} × {status or 'no answer'}" for status, count in sorted(Counter(statuses).items()))
