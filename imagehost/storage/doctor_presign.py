"""Whether a presigned URL allows exactly what was signed, asked as clients do: by plain HTTP at the public endpoint."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from imagehost.checks import Verdict, failed, passed
from imagehost.storage.doctor_probe import BODY, MIME, URL_S, Probe
from imagehost.storage.presign import Presigner, SignedUrl

CURE = (
    "Use a store that verifies every signed header and x-amz-checksum-sha256, and let no proxy in front of it change "
    "requests."
)
EXPIRY_CURE = "Use a store that refuses expired URLs, and set its clock."
STRANGERS_CURE = "Close the bucket to the public: no policy, ACL or anonymous identity may read, list or write."
DISPOSITION = 'attachment; filename="doctor.png"'
CACHE_CONTROL = "private, max-age=7"
_TYPE, _HASH = "content-type", "x-amz-checksum-sha256"


def _checksum(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


@dataclass(frozen=True, slots=True)
class Lie:
    """A PUT that differs from what was signed: `headers` replace the signed ones, None leaves one out."""

    what: str
    body: bytes | tuple[bytes, ...] = BODY
    headers: Mapping[str, str | None] | None = None
    hashed: bool = True  # whether the hash was signed, too


OTHER = BODY[::-1]
LENGTHS = (  # without a hash, which would refuse them as well
    Lie("a longer body", BODY + b"x", hashed=False),
    Lie("a shorter body", BODY[:-1], hashed=False),
    Lie("a body of unknown length", (BODY,), hashed=False),
)
TYPES = (Lie("another type", headers={_TYPE: "text/html"}),)
HASHES = (Lie("other bytes of the same length", OTHER), Lie("another hash", headers={_HASH: _checksum(OTHER)}))
HEADERS = (Lie("no type", headers={_TYPE: None}), Lie("no hash", headers={_HASH: None}))


def check_upload(probe: Probe) -> Verdict:
    """The bytes that were signed for are stored."""
    object_key = probe.staging_key()
    status = _put(probe, _sign(probe.presigner, object_key), BODY)
    if status != HTTPStatus.OK or probe.find(object_key) != BODY:
        cure = "Let S3_PUBLIC_ENDPOINT_URL name the host by which clients reach the store, and pass Host on unchanged."
        return failed(f"a presigned PUT got {status}", cure)
    return passed(f"a presigned PUT to {probe.presigner.origin} is stored")


def check_upload_length(probe: Probe) -> Verdict:
    return _check_lies(probe, LENGTHS)


def check_upload_type(probe: Probe) -> Verdict:
    return _check_lies(probe, TYPES)


def check_upload_hash(probe: Probe) -> Verdict:
    return _check_lies(probe, HASHES)


def check_upload_headers(probe: Probe) -> Verdict:
    return _check_lies(probe, HEADERS)


def _check_lies(probe: Probe, lies: Iterable[Lie]) -> Verdict:
    """Each must be refused, and nothing of it stored."""
    seen = []
    for lie in lies:
        object_key = probe.staging_key()
        signed = _sign(probe.presigner, object_key, hashed=lie.hashed)
        headers = {name: value for name, value in (dict(signed.headers) | dict(lie.headers or {})).items() if value}
        status = _put(probe, SignedUrl(signed.url, headers, signed.expires_at_s), lie.body)
        if probe.find(object_key) is not None:
            return failed(f"{lie.what} was stored ({status})", CURE)
        # 501 is AWS's answer to a body of unknown length.
        if not (400 <= status < 500 or status == HTTPStatus.NOT_IMPLEMENTED):
            return failed(f"{lie.what} was not stored, and the answer was {status}", CURE)
        seen.append(f"{lie.what} ({status})")
    return passed("refused: " + ", ".join(seen))


def check_expiry(probe: Probe) -> Verdict:
    """A URL that has ended neither writes nor reads."""
    staging, published = probe.staging_key(), probe.published_key()
    status = _put(probe, _sign(probe.late_presigner, staging), BODY)
    if status != HTTPStatus.FORBIDDEN or probe.find(staging) is not None:
        return failed(f"a PUT to a URL that has expired got {status}", EXPIRY_CURE)
    probe.put(published)
    status = probe.send("GET", _read_url(probe.late_presigner, published)).status
    if status != HTTPStatus.FORBIDDEN:
        return failed(f"a GET of a URL that has expired got {status}", EXPIRY_CURE)
    return passed("expired URLs are refused (403)")


def check_download(probe: Probe) -> Verdict:
    """Type, name and caching are what the URL says, and not what was stored."""
    object_key = probe.published_key()
    probe.put(object_key, mime="application/octet-stream")
    answer = probe.send("GET", _read_url(probe.presigner, object_key))
    cure = "Use a store that honours response-content-type, -content-disposition and -cache-control in presigned URLs."
    if answer.status != HTTPStatus.OK or answer.data != BODY:
        return failed(f"a presigned GET got {answer.status}, or other bytes", cure)
    wanted = {"content-type": MIME, "content-disposition": DISPOSITION, "cache-control": CACHE_CONTROL}
    if wrong := [name for name, value in wanted.items() if answer.headers.get(name) != value]:
        return failed(f"a presigned GET answers with another {', '.join(wrong)} than was signed", cure)
    return passed("a presigned GET answers with the type, name and caching that were signed")


def check_strangers(probe: Probe) -> Verdict:
    """Without a signature nothing is read, listed or written."""
    published, staging, base = probe.published_key(), probe.staging_key(), probe.bucket_url()
    probe.put(published)
    requests: tuple[tuple[str, str, str, bytes | None], ...] = (
        ("read", "GET", base + published, None),
        ("list", "GET", base + "?list-type=2&max-keys=1", None),
        ("write", "PUT", base + staging, BODY),
    )
    done = [what for what, method, url, body in requests if probe.send(method, url, body=body).status < 400]
    if done:
        return failed(f"requests without a signature {' and '.join(done)}", STRANGERS_CURE)
    return passed("requests without a signature are refused")


def _sign(presigner: Presigner, object_key: str, *, hashed: bool = True) -> SignedUrl:
    sha256 = hashlib.sha256(BODY).hexdigest() if hashed else None
    return presigner.put(object_key, size_bytes=len(BODY), mime=MIME, sha256=sha256, expires_in_s=URL_S)


def _put(probe: Probe, signed: SignedUrl, body: bytes | tuple[bytes, ...]) -> int:
    return probe.send("PUT", signed.url, signed.headers, body).status


def _read_url(presigner: Presigner, object_key: str) -> str:
    return presigner.get_for(object_key, URL_S, mime=MIME, disposition=DISPOSITION, cache_control=CACHE_CONTROL).url
