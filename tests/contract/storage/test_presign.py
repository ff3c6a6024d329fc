"""What a presigned URL allows on a real store, and everything that it must not allow."""

import base64
import hashlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests

from imagehost.config import Config
from imagehost.ids import new_iid, new_uid, new_version
from imagehost.services.parts import Parts
from imagehost.storage import client as storage_client
from imagehost.storage import object_keys
from imagehost.storage.presign import Presigner, SignedUrl

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DATA = b"\x89PNG 12345678901234567890"
SHA256 = hashlib.sha256(DATA).hexdigest()
DISPOSITION = "attachment; filename=\"a.png\"; filename*=UTF-8''%E5%86%99.png"
TIMEOUT_S = 10


@pytest.fixture
def web() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers.clear()
        yield session


@pytest.fixture
def staging() -> str:
    uid = new_uid()
    return object_keys.incoming(uid, new_iid(uid), "a.png", "image/png")


@pytest.fixture
def published(s3: "S3Client", config: Config) -> str:
    """An object that viewers may be sent to, stored under another type than it is announced as."""
    uid = new_uid()
    key = object_keys.upload(uid, new_iid(uid), new_version(), "a.png", "image/png")
    s3.put_object(Bucket=config.bucket, Key=key, Body=DATA, ContentType="text/html")
    return key


def signed_put(presigner: Presigner, key: str, *, sha256: str | None = SHA256) -> SignedUrl:
    return presigner.put(key, size_bytes=len(DATA), mime="image/png", sha256=sha256, expires_in_s=60)


def read_url(presigner: Presigner, key: str, method: str = "GET") -> str:
    window = presigner.window("4k" + "a" * 22)
    return presigner.get(
        key, window, mime="image/png", disposition=DISPOSITION, cache_control="private, max-age=7", method=method
    ).url


@pytest.mark.parametrize("sha256", [SHA256, None])
def test_exactly_the_announced_bytes_are_stored(
    presigner: Presigner, web: requests.Session, parts: Parts, staging: str, sha256: str | None
) -> None:
    signed = signed_put(presigner, staging, sha256=sha256)
    answer = web.put(signed.url, data=DATA, headers=dict(signed.headers), timeout=TIMEOUT_S)
    assert answer.status_code == 200, answer.text
    assert parts.objects.find_size(staging) == len(DATA)


OTHER_SHA = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
WRONG_PUTS = {
    "one byte more": (DATA + b"x", {}),
    "one byte less": (DATA[:-1], {}),
    "nothing": (b"", {}),
    "other bytes of the same length": (DATA[::-1], {}),
    "another type": (DATA, {"content-type": "text/html"}),
    "no type": (DATA, {"content-type": None}),
    "another hash": (DATA, {"x-amz-checksum-sha256": OTHER_SHA}),
    "no hash": (DATA, {"x-amz-checksum-sha256": None}),
    "other bytes with their own hash": (b"other", {"x-amz-checksum-sha256": OTHER_SHA}),
}


@pytest.mark.parametrize("body, changes", WRONG_PUTS.values(), ids=WRONG_PUTS.keys())
def test_anything_else_is_refused_and_not_stored(
    presigner: Presigner, web: requests.Session, parts: Parts, staging: str, body: bytes, changes: dict[str, str | None]
) -> None:
    signed = signed_put(presigner, staging)
    headers = {name: value for name, value in (dict(signed.headers) | changes).items() if value is not None}
    answer = web.put(signed.url, data=body, headers=headers, timeout=TIMEOUT_S)
    assert answer.status_code in {400, 403, 411}, answer.text
    assert parts.objects.find_size(staging) is None


def test_a_body_of_unknown_length_is_refused_and_not_stored(
    presigner: Presigner, web: requests.Session, parts: Parts, staging: str
) -> None:
    signed = signed_put(presigner, staging)
    answer = web.put(signed.url, data=iter([DATA, b"more"]), headers=dict(signed.headers), timeout=TIMEOUT_S)
    assert answer.status_code in {400, 403, 411}, answer.text
    assert parts.objects.find_size(staging) is None


def test_a_refused_put_does_not_touch_what_is_there(
    presigner: Presigner, web: requests.Session, s3: "S3Client", config: Config, staging: str
) -> None:
    signed = signed_put(presigner, staging)
    assert web.put(signed.url, data=DATA, headers=dict(signed.headers), timeout=TIMEOUT_S).ok
    assert not web.put(signed.url, data=DATA[::-1], headers=dict(signed.headers), timeout=TIMEOUT_S).ok
    assert s3.get_object(Bucket=config.bucket, Key=staging)["Body"].read() == DATA


def test_an_expired_url_is_refused(config: Config, web: requests.Session, parts: Parts, staging: str) -> None:
    client = storage_client.connect(config, endpoint_url=config.s3_public_endpoint_url)
    credentials = storage_client.find_credentials(config)
    past = Presigner(client, credentials, config.bucket, 900, clock=lambda: time.time() - 3_600)
    signed = signed_put(past, staging)
    client.close()
    answer = web.put(signed.url, data=DATA, headers=dict(signed.headers), timeout=TIMEOUT_S)
    assert answer.status_code == 403, answer.text
    assert parts.objects.find_size(staging) is None


def test_a_url_is_good_for_its_own_object_key_only(
    presigner: Presigner, web: requests.Session, parts: Parts, staging: str
) -> None:
    signed = signed_put(presigner, staging)
    for other in (staging.replace("a.png", "b.png"), staging.replace("incoming/", "uploads/"), "records/4k/x.json"):
        url = signed.url.replace(staging, other)
        assert url != signed.url
        assert web.put(url, data=DATA, headers=dict(signed.headers), timeout=TIMEOUT_S).status_code == 403
        assert parts.objects.find_size(other) is None


def test_a_url_to_put_reads_nothing_and_deletes_nothing(
    presigner: Presigner, web: requests.Session, parts: Parts, staging: str
) -> None:
    signed = signed_put(presigner, staging)
    headers = dict(signed.headers)
    assert web.put(signed.url, data=DATA, headers=headers, timeout=TIMEOUT_S).ok
    for method in ("GET", "HEAD", "DELETE", "POST"):
        assert web.request(method, signed.url, headers=headers, timeout=TIMEOUT_S).status_code in {403, 405}
    assert parts.objects.find_size(staging) == len(DATA)


def test_a_url_to_get_writes_nothing(
    presigner: Presigner, web: requests.Session, s3: "S3Client", config: Config, published: str
) -> None:
    url = read_url(presigner, published)
    for method in ("PUT", "POST", "DELETE"):
        assert web.request(method, url, data=b"evil", timeout=TIMEOUT_S).status_code in {403, 405}
    assert s3.get_object(Bucket=config.bucket, Key=published)["Body"].read() == DATA


@pytest.mark.parametrize(
    "tail", ["X-Amz-Expires=604800", "X-Amz-Signature=" + "0" * 64, "response-content-type=text%2Fhtml"]
)
def test_a_url_that_was_tampered_with_is_refused(
    presigner: Presigner, web: requests.Session, published: str, tail: str
) -> None:
    url = read_url(presigner, published)
    name = tail.split("=", maxsplit=1)[0]
    tampered = "&".join(tail if part.split("=")[0] == name else part for part in url.split("?")[1].split("&"))
    assert web.get(f"{url.split('?')[0]}?{tampered}", timeout=TIMEOUT_S).status_code == 403


def test_without_a_signature_nothing_is_given_away(presigner: Presigner, web: requests.Session, published: str) -> None:
    url = read_url(presigner, published).split("?")[0]
    answer = web.get(url, timeout=TIMEOUT_S)
    assert answer.status_code == 403
    assert DATA not in answer.content
    assert web.put(url, data=b"evil", timeout=TIMEOUT_S).status_code == 403


def test_type_name_and_caching_are_what_was_signed_and_not_what_was_stored(
    presigner: Presigner, web: requests.Session, published: str
) -> None:
    answer = web.get(read_url(presigner, published), timeout=TIMEOUT_S)
    assert answer.status_code == 200
    assert answer.content == DATA
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Content-Disposition"] == DISPOSITION
    assert answer.headers["Cache-Control"] == "private, max-age=7"


def test_a_url_signed_for_head_works_for_head(presigner: Presigner, web: requests.Session, published: str) -> None:
    answer = web.head(read_url(presigner, published, "HEAD"), timeout=TIMEOUT_S)
    assert answer.status_code == 200
    assert answer.headers["Content-Length"] == str(len(DATA))
    assert answer.headers["Content-Type"] == "image/png"


def test_a_url_for_some_seconds_works(presigner: Presigner, web: requests.Session, published: str) -> None:
    signed = presigner.get_for(published, 5, mime="image/png", disposition="inline", cache_control="no-store")
    assert web.get(signed.url, timeout=TIMEOUT_S).content == DATA


def test_everybody_gets_the_same_url_all_window_long(
    presigner: Presigner, web: requests.Session, published: str
) -> None:
    urls = set()
    for _ in range(2):
        before = presigner.window("4k" + "a" * 22)
        urls = {read_url(presigner, published) for _ in range(5)}
        if presigner.window("4k" + "a" * 22) == before:
            break
    (url,) = urls
    assert web.get(url, timeout=TIMEOUT_S).ok


def test_a_part_of_an_image_can_be_asked_for(presigner: Presigner, web: requests.Session, published: str) -> None:
    answer = web.get(read_url(presigner, published), headers={"Range": "bytes=1-3"}, timeout=TIMEOUT_S)
    assert (answer.status_code, answer.content) == (206, DATA[1:4])


def test_the_address_is_the_one_that_browsers_dial(presigner: Presigner, config: Config, published: str) -> None:
    assert config.s3_public_endpoint_url is not None
    assert urlsplit(read_url(presigner, published)).netloc == urlsplit(config.s3_public_endpoint_url).netloc
