import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from unittest import mock
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from imagehost.config import load_config
from imagehost.ids import new_iid, new_uid
from imagehost.storage import client as storage_client
from imagehost.storage.presign import Presigner, Window
from tests.unit.settings import CREDENTIALS, REQUIRED, SIGNER
from tests.unit.strategies import IDS, MIMES, hexes

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NOW_S = 1_700_000_123
PLACES = {
    "embedded": {"S3_ENDPOINT_URL": "http://localhost:23456"},
    "aws": {"AWS_REGION": "us-east-1"},
    "aws, another region": {"AWS_REGION": "eu-central-1", "S3_ADDRESSING": "virtual"},
    "aws, by path": {"AWS_REGION": "eu-central-1", "S3_ADDRESSING": "path"},
    "another store": {"S3_ENDPOINT_URL": "https://store.example.org:8443", "S3_ADDRESSING": "virtual"},
    "temporary credentials": {"AWS_SESSION_TOKEN": "token/with+signs=="},
}
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
# A slash too many is mended by botocore's own serialiser; ours are made by object_keys.
NAMES = st.text("abcXYZ019._-~ !'()*&=+@:,;$?#%äé写", min_size=1, max_size=30)


class Place:
    """A signer, and botocore's own for the same bucket, credentials and endpoint."""

    def __init__(self, **environ: str) -> None:
        config = load_config(REQUIRED | CREDENTIALS | environ)
        self.client: S3Client = storage_client.connect(config, endpoint_url=config.s3_public_endpoint_url)
        self.bucket = config.bucket
        self.signer = Presigner(
            self.client, storage_client.find_credentials(config), config.bucket, 900, clock=lambda: NOW_S + 0.9
        )


@pytest.fixture(scope="module", params=PLACES.values(), ids=list(PLACES))
def place(request: pytest.FixtureRequest) -> Place:
    return Place(**request.param)


@pytest.fixture(scope="module")
def signer() -> Presigner:
    return Place(**PLACES["embedded"]).signer


@contextmanager
def botocore_at(time_s: int) -> Iterator[None]:
    """botocore's own signer, at this time."""
    now = datetime.fromtimestamp(time_s, UTC).replace(tzinfo=None)
    with mock.patch("botocore.auth.get_current_datetime", return_value=now):
        yield


def test_urls_are_signed_by_the_signers_own_identity_where_one_is_named() -> None:
    window = Window(NOW_S, 900)
    for environ, key_id in (
        (SIGNER, "AKIDSIGNER"),
        (SIGNER | {"AWS_SESSION_TOKEN": "t"}, "AKIDSIGNER"),
        ({}, "AKIDEXAMPLE"),
    ):
        url = (
            Place(**PLACES["aws"], **environ)
            .signer.get("uploads/x", window, mime="image/png", disposition="inline", cache_control="private")
            .url
        )
        assert parameters(url)["X-Amz-Credential"].startswith(f"{key_id}/")
        assert "X-Amz-Security-Token" not in parameters(url)


def parameters(url: str) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query, strict_parsing=True).items()}


@given(
    name=NAMES, size_bytes=st.integers(1, 10**12), mime=MIMES, sha256=hexes(64), expires_in_s=st.integers(1, 604_800)
)
def test_a_put_is_byte_for_byte_botocores(
    place: Place, name: str, size_bytes: int, mime: str, sha256: str, expires_in_s: int
) -> None:
    key, checksum = f"incoming/u/i/{name}", base64.b64encode(bytes.fromhex(sha256)).decode()
    signed = place.signer.put(key, size_bytes=size_bytes, mime=mime, sha256=sha256, expires_in_s=expires_in_s)
    params = {"Bucket": place.bucket, "Key": key, "ContentType": mime, "ContentLength": size_bytes}
    with botocore_at(NOW_S):
        expected = place.client.generate_presigned_url(
            "put_object", Params=params | {"ChecksumSHA256": checksum}, ExpiresIn=expires_in_s
        )
    assert signed.url == expected
    assert signed.headers == {"content-type": mime, "x-amz-checksum-sha256": checksum}
    assert signed.expires_at_s == NOW_S + expires_in_s


@given(name=NAMES, mime=MIMES, disposition=TEXT, cache_control=TEXT, method=st.sampled_from(["GET", "HEAD"]), iid=IDS)
def test_a_get_and_a_head_are_byte_for_byte_botocores(
    place: Place, name: str, mime: str, disposition: str, cache_control: str, method: str, iid: str
) -> None:
    key, window = f"uploads/u/i/v/{name}", place.signer.window(iid)
    signed = place.signer.get(
        key, window, mime=mime, disposition=disposition, cache_control=cache_control, method=method
    )
    params = {
        "Bucket": place.bucket,
        "Key": key,
        "ResponseContentType": mime,
        "ResponseContentDisposition": disposition,
        "ResponseCacheControl": cache_control,
    }
    with botocore_at(window.starts_at_s):
        expected = place.client.generate_presigned_url(
            "get_object" if method == "GET" else "head_object", Params=params, ExpiresIn=2 * window.length_s
        )
    assert signed.url == expected
    assert signed.headers == {}
    assert signed.expires_at_s == window.starts_at_s + 2 * window.length_s


@given(name=NAMES, expires_in_s=st.integers(1, 604_800))
def test_a_get_for_a_time_is_byte_for_byte_botocores(place: Place, name: str, expires_in_s: int) -> None:
    key = f"variants/u/i/v/{name}"
    signed = place.signer.get_for(key, expires_in_s, mime="image/png", disposition="inline", cache_control="private")
    params = {
        "Bucket": place.bucket,
        "Key": key,
        "ResponseContentType": "image/png",
        "ResponseContentDisposition": "inline",
        "ResponseCacheControl": "private",
    }
    with botocore_at(NOW_S):
        assert signed.url == place.client.generate_presigned_url("get_object", Params=params, ExpiresIn=expires_in_s)
    assert signed.expires_at_s == NOW_S + expires_in_s


def test_a_put_always_signs_host_length_and_type_and_the_hash_if_there_is_one(signer: Presigner) -> None:
    plain = signer.put("incoming/a", size_bytes=5, mime="image/png", sha256=None, expires_in_s=60)
    hashed = signer.put("incoming/a", size_bytes=5, mime="image/png", sha256="00" * 32, expires_in_s=60)
    assert parameters(plain.url)["X-Amz-SignedHeaders"] == "content-length;content-type;host"
    assert parameters(hashed.url)["X-Amz-SignedHeaders"] == "content-length;content-type;host;x-amz-checksum-sha256"
    assert parameters(plain.url)["X-Amz-Expires"] == "60"
    assert plain.headers == {"content-type": "image/png"}


@pytest.mark.parametrize(
    "key",
    ["uploads/u/i/v/a.png", "variants/u/i/v/a.webp", "records/4k/x.json", "incoming", "", "/incoming/a", "Incoming/a"],
)
def test_a_put_outside_of_staging_is_refused(signer: Presigner, key: str) -> None:
    with pytest.raises(ValueError, match="incoming"):
        signer.put(key, size_bytes=1, mime="image/png", sha256=None, expires_in_s=60)


@pytest.mark.parametrize(
    "key", ["incoming/u/i/a.png", "records/4k/x.json", "accounts/4k/x.json", "meta/x", "", "/uploads/a"]
)
def test_a_get_of_what_is_not_published_is_refused(signer: Presigner, key: str) -> None:
    with pytest.raises(ValueError, match="uploads"):
        signer.get(key, Window(0, 900), mime="image/png", disposition="inline", cache_control="private")
    with pytest.raises(ValueError, match="uploads"):
        signer.get_for(key, 60, mime="image/png", disposition="inline", cache_control="private")


class Clock:
    now_s = float(NOW_S)

    def __call__(self) -> float:
        return self.now_s


def at_time(clock: Clock, window_s: int) -> Presigner:
    place = Place(**PLACES["embedded"])
    return Presigner(place.client, Credentials("a", "b"), place.bucket, window_s, clock=clock)


def test_a_url_stays_the_same_inside_a_window_and_changes_with_it() -> None:
    clock, iid = Clock(), "4k" + "a" * 22
    signer = at_time(clock, 900)

    def url(time_s: float) -> str:
        clock.now_s = time_s
        window = signer.window(iid)
        return signer.get("uploads/a", window, mime="image/png", disposition="inline", cache_control="x").url

    window = signer.window(iid)
    inside = {url(window.starts_at_s + s) for s in (0, 0.5, 1, 450, 899, 899.999)}
    assert len(inside) == 1
    assert url(window.ends_at_s) not in inside
    assert url(window.starts_at_s - 0.001) not in inside


@given(iid=IDS, now_s=st.floats(10**9, 2 * 10**9), window_s=st.integers(1, 302_400))
def test_a_window_holds_now_and_its_urls_are_good_for_at_least_another_one(
    iid: str, now_s: float, window_s: int
) -> None:
    window = CLOCKED.at(now_s, window_s).window(iid)
    assert window.starts_at_s <= now_s < window.ends_at_s
    assert window.ends_at_s - window.starts_at_s == window_s
    assert window.expires_at_s - now_s > window_s
    assert window.expires_at_s - window.starts_at_s <= 604_800


class _Clocked:
    """A signer whose time and window change without making another client."""

    def __init__(self) -> None:
        self._clock = Clock()
        self._signer = at_time(self._clock, 900)

    def at(self, now_s: float, window_s: int) -> Presigner:
        self._clock.now_s = now_s
        self._signer._window_s = window_s
        return self._signer


CLOCKED = _Clocked()


def test_the_windows_of_different_images_start_at_different_times() -> None:
    signer = CLOCKED.at(NOW_S, 900)
    uid = new_uid()
    starts = [signer.window(new_iid(uid)).starts_at_s for _ in range(300)]
    assert len(set(starts)) > 200
    assert max(starts) - min(starts) > 700
