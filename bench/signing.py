"""What a signed URL costs: ours, and by boto3's `generate_presigned_url`, in this process and in turns.

Every URL is of another object, as in a list: what a signer remembers of one helps it with the next only where it would
in service."""

import base64
import hashlib
import time
from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING

from bench import settings
from bench.figures import Figure, ratio
from imagehost import ids
from imagehost.storage import client as storage_client
from imagehost.storage import object_keys
from imagehost.storage.presign import Presigner

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIME, SIZE_BYTES, EXPIRES_IN_S = "image/jpeg", 2_345_678, 1800
DISPOSITION = "inline; filename=\"holiday-0815.jpg\"; filename*=UTF-8''holiday%200815.jpg"
CACHE_CONTROL = "public, max-age=1800, immutable"
SHA256 = hashlib.sha256(b"bench").hexdigest()

Sign = Callable[[str], object]


def measure(urls: int = 300, rounds: int = 9) -> list[Figure]:
    """µs of CPU time a URL, and how many times cheaper ours is."""
    figures = []
    with settings.services() as services:
        config = services.config
        client = storage_client.connect(config)
        uid, iid = ids.new_uid(), ids.new_iid
        stored = [object_keys.upload(uid, iid(uid), ids.new_version(), "holiday.jpg", MIME) for _ in range(urls)]
        staged = [object_keys.incoming(uid, iid(uid), "holiday.jpg", MIME) for _ in range(urls)]
        for name, object_keys_, ours, theirs in (
            ("get", stored, _our_get(services.parts.presigner), _boto3_get(client, config.bucket)),
            ("put", staged, _our_put(services.parts.presigner), _boto3_put(client, config.bucket)),
        ):
            mine, boto3 = [], []
            for _ in range(rounds):
                mine.append(_cost_us(ours, object_keys_))
                boto3.append(_cost_us(theirs, object_keys_))
            figures.append(Figure(f"signing.{name}", median(mine), "µs"))
            figures.append(Figure(f"signing.{name}.boto3", median(boto3), "µs"))
            figures.append(Figure(f"signing.{name}_cheaper", ratio(boto3, mine)))
        client.close()
    return figures


def _cost_us(sign: Sign, keys: list[str]) -> float:
    started_s = time.process_time()
    for object_key in keys:
        sign(object_key)
    return (time.process_time() - started_s) / len(keys) * 1e6


def _our_get(presigner: Presigner) -> Sign:
    def sign(object_key: str) -> object:
        window = presigner.window(object_key.split("/")[2])
        return presigner.get(object_key, window, mime=MIME, disposition=DISPOSITION, cache_control=CACHE_CONTROL)

    return sign


def _boto3_get(client: "S3Client", bucket: str) -> Sign:
    def sign(object_key: str) -> object:
        named = {"Bucket": bucket, "Key": object_key, "ResponseContentType": MIME}
        named |= {"ResponseContentDisposition": DISPOSITION, "ResponseCacheControl": CACHE_CONTROL}
        return client.generate_presigned_url("get_object", Params=named, ExpiresIn=EXPIRES_IN_S)

    return sign


def _our_put(presigner: Presigner) -> Sign:
    def sign(object_key: str) -> object:
        return presigner.put(object_key, size_bytes=SIZE_BYTES, mime=MIME, sha256=SHA256, expires_in_s=EXPIRES_IN_S)

    return sign


def _boto3_put(client: "S3Client", bucket: str) -> Sign:
    checksum = base64.b64encode(bytes.fromhex(SHA256)).decode()

    def sign(object_key: str) -> object:
        named = {"Bucket": bucket, "Key": object_key, "ContentType": MIME, "ChecksumSHA256": checksum}
        return client.generate_presigned_url(
            "put_object", Params=named | {"ContentLength": SIZE_BYTES}, ExpiresIn=EXPIRES_IN_S
        )

    return sign
