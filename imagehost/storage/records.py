"""Records: JSON objects that are only ever created (`If-None-Match: *`) or replaced (`If-Match`), never written
blindly.

A write has three outcomes: done; ConditionFailed (412: somebody was faster); OutcomeUnknown (409, 5xx, time-out, reset:
it may have landed, or may land later). After the last two the caller reads the record and decides; nothing here does.
"""

import json
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from botocore.exceptions import ClientError
from pydantic import TypeAdapter, ValidationError

from imagehost import metrics
from imagehost.errors import ConditionFailed, OutcomeUnknown, Unavailable
from imagehost.models import AccountRecord, Claim, DeadRecord, ImageRecord, ReadyRecord
from imagehost.storage import object_keys
from imagehost.storage.client import DRIVER_ERRORS, is_missing, status_of, translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import PutObjectRequestTypeDef

SCHEMA_VERSION = 1
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """A record and its etag, which is opaque: it serves to replace exactly this state."""

    record: T
    etag: str


def _ready(fields: dict[str, Any]) -> ReadyRecord:
    return _READY.validate_python({"op": fields.pop("op", None), "ops": fields.pop("ops", None), "image": fields})


def _without_nones(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


_READY = TypeAdapter(ReadyRecord)
_DEAD = TypeAdapter(DeadRecord)
_ACCOUNT = TypeAdapter(AccountRecord)
_CLAIM = TypeAdapter(Claim)


def to_json(record: ImageRecord | AccountRecord | Claim) -> bytes:
    """A record's bytes: `op` first, then the schema's version."""
    fields = asdict(record)
    head: dict[str, Any] = {"op": fields.pop("op"), "v": SCHEMA_VERSION}
    if isinstance(record, ReadyRecord):
        image = fields.pop("image")
        head |= {"iid": image.pop("iid"), "uid": image.pop("uid"), "state": "ready"}
        head |= {"rev": image.pop("rev"), "version": image.pop("version"), **image}
    elif isinstance(record, DeadRecord):
        head |= {"iid": fields.pop("iid"), "uid": fields.pop("uid"), "state": "dead", "reason": fields.pop("reason")}
    return json.dumps(_without_nones(head | fields), ensure_ascii=False, separators=(",", ":")).encode()


def parse_image_record(data: bytes) -> ImageRecord:
    """The reverse of `to_json`; raises ValueError for anything that is not an image's record of a known schema."""
    fields = _fields(data)
    state = fields.pop("state", None)
    if state not in ("ready", "dead"):
        raise ValueError(f"state {state!r}")
    return _ready(fields) if state == "ready" else _DEAD.validate_python(fields)


def _fields(data: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(data)
    except RecursionError as exc:
        raise ValueError("nested too deep") from exc
    if not isinstance(fields, dict) or fields.pop("v", None) != SCHEMA_VERSION:
        raise ValueError("another schema")
    return fields


class Records:
    """The records of images, accounts and user names. All methods raise Unavailable when the store does not answer."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._s3 = client
        self._bucket = bucket

    def find_image(self, iid: str) -> Stored[ImageRecord] | None:
        """An image's record."""
        if (found := self._get(object_keys.image_record(iid))) is None:
            return None
        try:
            return Stored(parse_image_record(found.record), found.etag)
        except (ValueError, ValidationError) as exc:
            raise Unavailable("The record of this image cannot be read.") from exc

    def write_image(self, record: ImageRecord, *, etag: str | None = None) -> None:
        """Create the record, or replace the one with `etag`. Raises ConditionFailed or OutcomeUnknown."""
        self._put(object_keys.image_record(record.iid), to_json(record), etag)

    def find_account(self, uid: str) -> Stored[AccountRecord] | None:
        """An account's record."""
        return self._find(object_keys.account_record(uid), _ACCOUNT)

    def write_account(self, record: AccountRecord, *, etag: str | None = None) -> None:
        """Create the record, or replace the one with `etag`. Raises ConditionFailed or OutcomeUnknown."""
        self._put(object_keys.account_record(record.uid), to_json(record), etag)

    def find_claim(self, name: str) -> Stored[Claim] | None:
        """Who has claimed a user name."""
        return self._find(object_keys.username_claim(name), _CLAIM)

    def write_claim(self, claim: Claim) -> None:
        """Claim a name; a claim is never changed. Raises ConditionFailed or OutcomeUnknown."""
        self._put(object_keys.username_claim(claim.name), to_json(claim), None)

    def _find(self, object_key: str, adapter: "TypeAdapter[T]") -> Stored[T] | None:
        if (found := self._get(object_key)) is None:
            return None
        try:
            return Stored(adapter.validate_python(_fields(found.record)), found.etag)
        except (ValueError, ValidationError) as exc:
            raise Unavailable("A record cannot be read.") from exc

    @translated
    def _get(self, object_key: str) -> Stored[bytes] | None:
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=object_key)
        except ClientError as exc:
            if is_missing(exc):
                return None
            raise
        with closing(answer["Body"]) as body:
            return Stored(body.read(), answer["ETag"])

    def _put(self, object_key: str, data: bytes, etag: str | None) -> None:
        request: PutObjectRequestTypeDef = {
            "Bucket": self._bucket,
            "Key": object_key,
            "Body": data,
            "ContentType": "application/json",
            "CacheControl": "no-store",
        }
        if etag is None:
            request["IfNoneMatch"] = "*"
        else:
            request["IfMatch"] = etag
        try:
            self._s3.put_object(**request)
        except ClientError as exc:
            status = status_of(exc)
            if status == 412 or (etag is not None and is_missing(exc)):
                raise ConditionFailed("The record is in another state.") from exc
            metrics.ERRORS.labels("s3").inc()
            if status == 409 or status >= 500:
                raise OutcomeUnknown("The storage did not say whether it has written.") from exc
            raise Unavailable("The storage refuses to write.") from exc
        except DRIVER_ERRORS as exc:
            metrics.ERRORS.labels("s3").inc()
            raise OutcomeUnknown("The storage did not say whether it has written.") from exc

    @translated
    def remove_image(self, iid: str, etag: str) -> None:
        """Remove the record of a dead image, which nobody changes any more. Raises ConditionFailed when it is not the
        one with `etag`, Unavailable when it may still be there."""
        object_key = object_keys.image_record(iid)
        try:  # a store that cannot remove conditionally says so, or removes all the same
            self._s3.delete_object(Bucket=self._bucket, Key=object_key, IfMatch=etag)
        except ClientError as exc:
            if status_of(exc) == 412 or is_missing(exc):
                raise ConditionFailed("The record is in another state.") from exc
            if status_of(exc) != 501:
                raise
            self._s3.delete_object(Bucket=self._bucket, Key=object_key)
