"""Our signer against botocore's, over requests of every kind, and against the example that AWS publishes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock
from urllib.parse import quote, urlencode

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, RefreshableCredentials
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imagehost.storage.sigv4 import QuerySigner

BASES = st.sampled_from(
    [
        "https://images.s3.eu-central-1.amazonaws.com/",
        "https://s3.us-east-1.amazonaws.com/images/",
        "http://localhost:23456/images/",
        "http://store.example.org:80/images/",
        "https://store.example.org:443/",
        "https://store.example.org:80/",
        "http://[::1]:9000/images/",
        "https://Images.Example.org/",
    ]
)
VISIBLE = st.characters(exclude_categories=["Cs", "Cc"])
TEXT = st.text(VISIBLE, max_size=40)
KEYS = st.text("abcXYZ019._-~ !'()*&=+@:,;$?#%/äé写🖼", min_size=1, max_size=60)
QUERIES = st.dictionaries(
    st.sampled_from(
        ["response-content-type", "response-content-disposition", "response-cache-control", "versionId", "partNumber"]
    ),
    TEXT.filter(bool),
)
HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "content-length", "x-amz-checksum-sha256", "if-none-match", "x-amz-meta-a"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30),
)
SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
TIMES = st.integers(0, 4_102_444_799)  # to the end of the year 2099


@contextmanager
def botocore_at(time_s: int) -> Iterator[None]:
    now = datetime.fromtimestamp(time_s, UTC).replace(tzinfo=None)
    with mock.patch("botocore.auth.get_current_datetime", return_value=now):
        yield


def botocores(
    credentials: Credentials,
    region: str,
    method: str,
    url: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    signed_at_s: int,
    expires_in_s: int,
) -> str:
    """The URL that botocore's own signer makes."""
    if query:
        url += "?" + urlencode(query, quote_via=quote, safe="-_.~")
    request = AWSRequest(method=method, url=url, headers=dict(headers))
    with botocore_at(signed_at_s):
        S3SigV4QueryAuth(credentials.get_frozen_credentials(), "s3", region, expires=expires_in_s).add_auth(request)
    return str(request.url)


@settings(max_examples=1000)
@given(
    base=BASES,
    region=st.sampled_from(["us-east-1", "eu-central-1", "auto", "cn-north-1"]),
    method=st.sampled_from(["GET", "HEAD", "PUT"]),
    object_key=KEYS,
    query=QUERIES,
    headers=HEADERS,
    access_key=SECRETS,
    secret_key=SECRETS,
    token=st.none() | SECRETS,
    signed_at_s=TIMES,
    expires_in_s=st.integers(1, 604_800),
)
@example(
    base="https://images.s3.eu-central-1.amazonaws.com/",
    region="eu-central-1",
    method="PUT",
    object_key="incoming/a",
    query={},
    headers={"content-type": "image/png"},
    access_key="AKIA/+=",
    secret_key="a/+=",
    token="t/+==",
    signed_at_s=1_709_251_199,  # the last second of a 29th of February
    expires_in_s=1,
)
def test_a_signature_is_byte_for_byte_botocores(
    base: str,
    region: str,
    method: str,
    object_key: str,
    query: dict[str, str],
    headers: dict[str, str],
    access_key: str,
    secret_key: str,
    token: str | None,
    signed_at_s: int,
    expires_in_s: int,
) -> None:
    credentials = Credentials(access_key, secret_key, token)
    ours = QuerySigner(base, region, credentials).sign(method, object_key, query, headers, signed_at_s, expires_in_s)
    url = base + quote(object_key, safe="/-_.~")
    assert ours == botocores(credentials, region, method, url, query, headers, signed_at_s, expires_in_s)


def test_a_signature_is_that_of_the_example_that_aws_publishes() -> None:
    credentials = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    signer = QuerySigner("https://examplebucket.s3.amazonaws.com/", "us-east-1", credentials)
    url = signer.sign("GET", "test.txt", {}, {}, int(datetime(2013, 5, 24, tzinfo=UTC).timestamp()), 86_400)
    assert url.endswith("&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")


def test_spaces_around_and_inside_of_a_header_are_signed_as_they_arrive() -> None:
    credentials, headers = Credentials("a", "b"), {"content-type": "  image/png;  q=1 "}
    ours = QuerySigner("https://s.example/", "auto", credentials).sign("PUT", "incoming/a", {}, headers, 0, 60)
    assert ours == botocores(credentials, "auto", "PUT", "https://s.example/incoming/a", {}, headers, 0, 60)


def test_credentials_that_are_refreshed_are_followed() -> None:
    given_out, ended = iter("12"), list[bool]()

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(hours=1 if ended else 0)

    def refresh() -> dict[str, Any]:
        ends_at = now() + timedelta(minutes=50)
        number = next(given_out)
        return {
            "access_key": f"key{number}",
            "secret_key": f"secret{number}",
            "token": f"token{number}",
            "expiry_time": ends_at.isoformat(),
        }

    metadata = refresh()
    credentials = RefreshableCredentials(
        metadata["access_key"],
        metadata["secret_key"],
        metadata["token"],
        datetime.fromisoformat(metadata["expiry_time"]),
        refresh,
        "a role",
        time_fetcher=now,
    )
    signer = QuerySigner("https://s.example/", "auto", credentials)

    def is_signed_by(number: int) -> bool:
        frozen = Credentials(f"key{number}", f"secret{number}", f"token{number}")
        expected = botocores(frozen, "auto", "GET", "https://s.example/uploads/a", {}, {}, 0, 60)
        return signer.sign("GET", "uploads/a", {}, {}, 0, 60) == expected

    assert is_signed_by(1)
    ended.append(True)
    assert is_signed_by(2)


@pytest.mark.parametrize("day", [0, 1, 59, 11_016, 19_782, 47_540])
def test_the_last_second_of_a_day_and_the_first_of_the_next_are_signed_with_their_own_days(day: int) -> None:
    credentials = Credentials("a", "b")
    signer = QuerySigner("https://s.example/", "auto", credentials)
    for signed_at_s in ((day + 1) * 86_400 - 1, (day + 1) * 86_400):
        expected = botocores(credentials, "auto", "GET", "https://s.example/uploads/a", {}, {}, signed_at_s, 60)
        assert signer.sign("GET", "uploads/a", {}, {}, signed_at_s, 60) == expected
