"""One examination of the bucket: its clients, the object keys that it may write, and their removal.

It writes below meta/doctor/, and, because presigned URLs go nowhere else, below incoming/ and uploads/ for a user who
does not exist: a running service never meets any of it.
"""

import http
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

import urllib3
from botocore.exceptions import ClientError

from imagehost import ids
from imagehost.config import Config
from imagehost.storage import object_keys
from imagehost.storage.client import DRIVER_ERRORS, connect, find_credentials, is_missing, status_of
from imagehost.storage.presign import Presigner

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIME = "image/png"
BODY = b"imagehost doctor was here\n"
URL_S = 60
LONG_AGO_S = 3600.0


class Probe:
    """Everything that checks need; a context manager, whose end removes what was written and closes the clients.

    Raises ConfigError without credentials. Connects to nothing yet. Checks may share one between threads.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.bucket = config.bucket
        self._credentials = find_credentials(config)
        self.client = connect(config)
        self._run = ids.new_op()
        self._uid = ids.new_uid()
        self._written: dict[str, None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()
        self.client.close()

    @cached_property
    def presigner(self) -> Presigner:
        """Signs for the address that browsers dial."""
        return self._presigner(time.time)

    @cached_property
    def late_presigner(self) -> Presigner:
        """Signs URLs that have expired."""
        return self._presigner(lambda: time.time() - LONG_AGO_S)

    def _presigner(self, clock: Callable[[], float]) -> Presigner:
        return Presigner(self._public, self._credentials, self.bucket, URL_S, clock=clock)

    @cached_property
    def _public(self) -> "S3Client":
        """Only ever signs, and never connects."""
        return connect(self.config, endpoint_url=self.config.s3_public_endpoint_url)

    def key(self, name: str) -> str:
        """An object key that nobody else uses."""
        return self._noted(object_keys.doctor_probe(self._run, name))

    def staging_key(self) -> str:
        """A new object key for a presigned PUT."""
        return self._noted(object_keys.incoming(self._uid, ids.new_iid(self._uid), "doctor", MIME))

    def published_key(self) -> str:
        """A new object key for a presigned GET."""
        return self._noted(object_keys.upload(self._uid, ids.new_iid(self._uid), ids.new_version(), "doctor", MIME))

    def _noted(self, object_key: str) -> str:
        self._written[object_key] = None
        return object_key

    def put(self, object_key: str, body: bytes = BODY, mime: str = MIME) -> str:
        """Write an object; its etag. Raises the driver's errors, as everything here."""
        answer = self.client.put_object(Bucket=self.bucket, Key=object_key, Body=body, ContentType=mime)
        return answer["ETag"]

    def find(self, object_key: str) -> bytes | None:
        """An object's bytes; None when there is none."""
        try:
            answer = self.client.get_object(Bucket=self.bucket, Key=object_key)
        except ClientError as exc:
            if is_missing(exc):
                return None
            raise
        with closing(answer["Body"]) as body:
            return body.read()

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterable[bytes] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """One plain HTTP request over a connection of its own, straight to the store as the page's browser goes:
        nothing is added that would be signed, nothing repeated, no redirect followed. Raises urllib3's errors."""
        chunked = body is not None and not isinstance(body, bytes)
        # A store may end a connection behind a refusal: no other request is to meet that.
        with urllib3.PoolManager(timeout=urllib3.Timeout(connect=3, read=15), retries=False) as http:
            return http.request(method, url, headers=dict(headers or {}), body=body, chunked=chunked, redirect=False)

    def bucket_url(self) -> str:
        """Where the bucket is for browsers, unsigned, with a slash at its end."""
        key = self.published_key()
        url = self.presigner.get_for(key, URL_S, mime=MIME, disposition="inline", cache_control="no-store").url
        return url.split("?", 1)[0].removesuffix(key)

    @property
    def endpoint(self) -> str:
        """Where the app reaches the store."""
        return self.client.meta.endpoint_url

    @cached_property
    def greeting(self) -> "Greeting":
        """How the store answers at all."""
        try:
            answer = self.client.head_bucket(Bucket=self.bucket)
        except ClientError as exc:
            return Greeting(status_of(exc), exc.response["ResponseMetadata"]["HTTPHeaders"])
        return Greeting(http.HTTPStatus.OK, answer["ResponseMetadata"]["HTTPHeaders"])

    @cached_property
    def versioning(self) -> str:
        """`Enabled`, `Suspended`, or `Off` when it never was on."""
        return self.client.get_bucket_versioning(Bucket=self.bucket).get("Status", "Off")

    def remove(self) -> bool:
        """Remove everything written, old versions too; False when some may be left."""
        try:
            for object_key in self._written:
                self.client.delete_object(Bucket=self.bucket, Key=object_key)
                self._remove_versions(object_key)
        except DRIVER_ERRORS:
            return False
        self._written.clear()
        return True

    def _remove_versions(self, object_key: str) -> None:
        with suppress(ClientError):  # a store that knows no versions
            if self.versioning == "Off":
                return
            found = self.client.list_object_versions(Bucket=self.bucket, Prefix=object_key)
            for version in (*found.get("Versions", ()), *found.get("DeleteMarkers", ())):
                self.client.delete_object(Bucket=self.bucket, Key=object_key, VersionId=version["VersionId"])


class Greeting:
    """What the store's first answer says about it."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        self.status = status
        self._headers = headers
        self._heard_at = datetime.now(UTC)

    @property
    def server(self) -> str:
        """The name that the store gives itself."""
        return self._headers.get("server") or "The store"

    @property
    def ahead_s(self) -> float | None:
        """How far its clock is ahead of ours; None when it does not say."""
        try:
            return (parsedate_to_datetime(self._headers["date"]) - self._heard_at).total_seconds()
        except (KeyError, ValueError, TypeError):  # TypeError: a date without a zone
            return None
