"""Objects with bytes: staging objects, originals and derivatives. Records are records.py's, URLs presign.py's."""

import base64
import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from imagehost import metrics
from imagehost.errors import SizeMismatch
from imagehost.storage.client import DRIVER_ERRORS, is_missing, translated
from imagehost.storage.object_keys import META
from imagehost.storage.streams import Stream

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

CHUNK_BYTES = 1 << 20
REMOVED_AT_ONCE = 200  # a store may remove them one by one, and has 4 s to answer (client.py)
log = logging.getLogger(__name__)


class Objects:
    """All methods raise Unavailable when the store does not answer."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._s3 = client
        self._bucket = bucket

    @translated
    def find_size(self, object_key: str) -> int | None:
        """The bytes of an object; None when there is none (HEAD)."""
        try:
            return self._s3.head_object(Bucket=self._bucket, Key=object_key)["ContentLength"]
        except ClientError as exc:
            if is_missing(exc):
                return None
            raise

    @translated
    def download(self, object_key: str, path: Path, size_bytes: int) -> bool:
        """Write an object to `path`, read once; False when there is none. Raises SizeMismatch, without reading on, when
        it has other than size_bytes bytes."""
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=object_key)
        except ClientError as exc:
            if is_missing(exc):
                return False
            raise
        with closing(answer["Body"]) as body, path.open("wb") as file:
            if answer["ContentLength"] != size_bytes:
                raise SizeMismatch(f"{size_bytes} bytes were announced, {answer['ContentLength']} arrived.")
            for chunk in body.iter_chunks(CHUNK_BYTES):
                file.write(chunk)
        return True

    @translated
    def open(self, object_key: str, part: range | None = None) -> Stream | None:
        """An object, or a part of it, to be read as it arrives; None when there is none. The first bytes are there by
        then: a store that fails before them raises here."""
        asked = f"bytes={part.start}-{part.stop - 1}" if part else "bytes=0-"
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=object_key, Range=asked)
        except ClientError as exc:
            if is_missing(exc):
                return None
            raise
        return Stream.begin(answer["Body"], answer["ContentLength"])

    @translated
    def put_file(self, object_key: str, path: Path, mime: str) -> None:
        """Store a file; the store itself verifies the bytes that it gets against the hash of those that are read."""
        with path.open("rb") as body:
            digest = hashlib.file_digest(body, "sha256").digest()
            body.seek(0)
            self._s3.put_object(
                Bucket=self._bucket,
                Key=object_key,
                Body=body,
                ContentType=mime,
                ChecksumSHA256=base64.b64encode(digest).decode(),
            )

    def remove_all(self, *prefixes: str) -> bool:
        """Remove every object below the prefixes; False when some may be left, because the store did not do it."""
        try:
            for prefix in prefixes:
                self._remove_below(prefix)
        except DRIVER_ERRORS as exc:
            metrics.ERRORS.labels("s3").inc()
            log.warning("not_removed", extra={"prefixes": prefixes}, exc_info=exc)
            return False
        return True

    def remove(self, object_keys: Sequence[str]) -> bool:
        """Remove these objects, at most 1,000, whether they are there or not; False as for `remove_all`."""
        try:
            if object_keys:
                self._delete([{"Key": object_key} for object_key in object_keys])
        except DRIVER_ERRORS as exc:
            metrics.ERRORS.labels("s3").inc()
            log.warning("not_removed", extra={"object_keys": object_keys}, exc_info=exc)
            return False
        return True

    def _remove_below(self, prefix: str) -> None:
        for found in self._batches(prefix):
            self._delete(found)

    def _delete(self, found: list["ObjectIdentifierTypeDef"]) -> None:
        for start in range(0, len(found), REMOVED_AT_ONCE):
            some = found[start : start + REMOVED_AT_ONCE]
            answer = self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": some, "Quiet": True})
            if errors := answer.get("Errors"):
                raise ClientError({"Error": {"Message": str(errors[0].get("Code"))}}, "DeleteObjects")

    def _batches(self, prefix: str) -> Iterator[list["ObjectIdentifierTypeDef"]]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            if found := page.get("Contents"):
                yield [{"Key": entry["Key"]} for entry in found]

    @translated
    def is_empty(self) -> bool:
        """Whether the bucket holds nothing but what doctor has noted."""
        behind_meta = META[:-1] + chr(ord("/") + 1)  # greater than every object key below meta/
        first = self._first_behind("")
        return first is None or (first.startswith(META) and self._first_behind(behind_meta) is None)

    def _first_behind(self, after: str) -> str | None:
        found = self._s3.list_objects_v2(Bucket=self._bucket, MaxKeys=1, StartAfter=after).get("Contents", [])
        return found[0]["Key"] if found else None

    @translated
    def ping(self) -> None:
        """Raises Unavailable unless the bucket answers."""
        self._s3.head_bucket(Bucket=self._bucket)
