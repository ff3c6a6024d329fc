"""Presigned URLs: the only way in and out of the bucket for clients and viewers.

A PUT is refused outside incoming/, a GET outside uploads/ and variants/. A GET is signed at the start of a fixed window
and good for two, so that everyone gets the same URL all window long and caches keep what is behind it; the windows of
different images start at different times, so that a site's URLs do not all change at once.
"""

import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.credentials import Credentials

from imagehost.storage import object_keys
from imagehost.storage.sigv4 import QuerySigner

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """A URL, the headers that must go with it, and when it ends (whole seconds)."""

    url: str
    headers: Mapping[str, str]
    expires_at_s: int


@dataclass(frozen=True, slots=True)
class Window:
    """The span of time in which an image's URLs stay the same."""

    starts_at_s: int
    length_s: int

    @property
    def ends_at_s(self) -> int:
        return self.starts_at_s + self.length_s

    @property
    def expires_at_s(self) -> int:
        """When URLs signed in this window end: one more window later, so one fresh from a cache is good for a
        window."""
        return self.starts_at_s + 2 * self.length_s


class Presigner:
    """Signs URLs of one bucket as `client` (made for the public endpoint) would address it. Never asks the network, but
    where boto3 refreshes credentials that are about to end."""

    def __init__(
        self,
        client: "S3Client",
        credentials: Credentials,
        bucket: str,
        window_s: int,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._window_s = window_s
        self._clock = clock
        example = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "x"})
        base_url = example.split("?", 1)[0].removesuffix("x")
        self._signer = QuerySigner(base_url, client.meta.region_name, credentials)
        parts = urlsplit(base_url)
        self.origin = f"{parts.scheme}://{parts.netloc}"  # which browsers dial, of every URL from here

    def now_s(self) -> float:
        """The time by which this signs, seconds since the epoch."""
        return self._clock()

    def window(self, iid: str) -> Window:
        """The window of an image that runs now."""
        offset = int.from_bytes(hashlib.sha256(iid.encode()).digest()[:8]) % self._window_s
        now = int(self.now_s())
        return Window((now - offset) // self._window_s * self._window_s + offset, self._window_s)

    def put(self, object_key: str, *, size_bytes: int, mime: str, sha256: str | None, expires_in_s: int) -> SignedUrl:
        """A URL to PUT exactly these bytes: length and type are signed, and the hash if the client gave one."""
        if not object_key.startswith(object_keys.INCOMING):
            raise ValueError("clients write to incoming/ only")
        headers = {"content-type": mime}
        if sha256 is not None:
            headers["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(sha256)).decode()
        now = int(self.now_s())
        url = self._signer.sign("PUT", object_key, {}, headers | {"content-length": str(size_bytes)}, now, expires_in_s)
        return SignedUrl(url, headers, now + expires_in_s)

    def get(
        self,
        object_key: str,
        window: Window,
        *,
        mime: str,
        disposition: str,
        cache_control: str,
        method: str = "GET",
        ends_at_s: int | None = None,
    ) -> SignedUrl:
        """A URL to GET (or HEAD) an object as `mime`, the same all window long. It ends with the next window, or before
        that at `ends_at_s`."""
        expires_at_s = ends_at_s or window.expires_at_s
        lasts_s = expires_at_s - window.starts_at_s
        url = self._read(object_key, method, mime, disposition, cache_control, window.starts_at_s, lasts_s)
        return SignedUrl(url, {}, expires_at_s)

    def get_for(
        self, object_key: str, expires_in_s: int, *, mime: str, disposition: str, cache_control: str
    ) -> SignedUrl:
        """A URL to GET an object that ends in exactly so many seconds from now."""
        now = int(self.now_s())
        url = self._read(object_key, "GET", mime, disposition, cache_control, now, expires_in_s)
        return SignedUrl(url, {}, now + expires_in_s)

    def _read(
        self,
        object_key: str,
        method: str,
        mime: str,
        disposition: str,
        cache_control: str,
        signed_at_s: int,
        expires_in_s: int,
    ) -> str:
        if not object_key.startswith((object_keys.UPLOADS, object_keys.VARIANTS)):
            raise ValueError("viewers read from uploads/ and variants/ only")
        overrides = {
            "response-content-type": mime,
            "response-content-disposition": disposition,
            "response-cache-control": cache_control,
        }
        return self._signer.sign(method, object_key, overrides, {}, signed_at_s, expires_in_s)
