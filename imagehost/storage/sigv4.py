"""AWS Signature Version 4 in the query of a URL, for S3: what makes a URL presigned. Pure computing; no network.

It is the project's own because every page of images signs dozens of URLs: the key of a day is derived once, and nothing
is parsed. What it makes is byte for byte what botocore's signer makes of the same request. The format:
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

import functools
import hashlib
import hmac
import string
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from botocore.credentials import Credentials

ALGORITHM = "AWS4-HMAC-SHA256"
DAY_S = 86_400
DEFAULT_PORTS = {"http": 80, "https": 443}
_UNRESERVED = string.ascii_letters + string.digits + "-_.~"
_ENCODED = {byte: chr(byte) if chr(byte) in _UNRESERVED else f"%{byte:02X}" for byte in range(256)}
_ENCODED_PATH = _ENCODED | {ord("/"): "/"}


def _encode(text: str, table: Mapping[int, str] = _ENCODED) -> str:
    """Percent-encode everything but RFC 3986's unreserved characters, as SigV4 wants it."""
    return (text if text.isascii() else text.encode().decode("latin-1")).translate(table)


_encode_value = functools.lru_cache(maxsize=1024)(_encode)  # types, names and the like come again and again


class QuerySigner:
    """Signs URLs below `base_url` (with everything that comes before an object key). Safe to share between threads.

    The credentials are asked for each time, so those that boto3 refreshes (roles) are followed; that may ask the
    network, once before they end."""

    def __init__(self, base_url: str, region: str, credentials: Credentials) -> None:
        parts = urlsplit(base_url)
        port = parts.port if parts.port != DEFAULT_PORTS.get(parts.scheme) else None
        self._host = (parts.netloc if port else parts.netloc.removesuffix(f":{parts.port}")).lower()
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._path = parts.path
        self._region = region
        self._credentials = credentials

    def sign(
        self,
        method: str,
        object_key: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        signed_at_s: int,
        expires_in_s: int,
    ) -> str:
        """The URL of one request with one method, good from `signed_at_s` on for so long. The request must carry just
        these `headers` (names in lower case) and may carry others."""
        credentials = self._credentials.get_frozen_credentials()
        day, second = divmod(signed_at_s, DAY_S)
        date = _date(day)
        scope = f"{date}/{self._region}/s3/aws4_request"
        time = f"{date}T{second // 3600:02}{second // 60 % 60:02}{second % 60:02}Z"
        signed = sorted((*headers.items(), ("host", self._host)))
        names = ";".join([name for name, _ in signed])
        pairs = [(name, _encode_value(value)) for name, value in query.items()]
        pairs += [
            ("X-Amz-Algorithm", ALGORITHM),
            ("X-Amz-Credential", _encode_value(f"{credentials.access_key}/{scope}")),
            ("X-Amz-Date", time),
            ("X-Amz-Expires", str(expires_in_s)),
            ("X-Amz-SignedHeaders", _encode_value(names)),
        ]
        if credentials.token is not None:
            pairs.append(("X-Amz-Security-Token", _encode_value(credentials.token)))
        path = self._path + _encode(object_key, _ENCODED_PATH)
        lines = "".join([f"{name}:{' '.join(value.split())}\n" for name, value in signed])
        request = f"{method}\n{path}\n{_join(sorted(pairs))}\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
        text = f"{ALGORITHM}\n{time}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        signing_key = _signing_key(credentials.secret_key, date, self._region)
        signature = hmac.digest(signing_key, text.encode(), "sha256").hex()
        return f"{self._origin}{path}?{_join(pairs)}&X-Amz-Signature={signature}"


def _join(pairs: list[tuple[str, str]]) -> str:
    return "&".join([f"{name}={value}" for name, value in pairs])


@functools.lru_cache(maxsize=8)  # windows that began yesterday are signed with yesterday's
def _signing_key(secret_key: str, date: str, region: str) -> bytes:
    derived = f"AWS4{secret_key}".encode()
    for part in (date, region, "s3", "aws4_request"):
        derived = hmac.digest(derived, part.encode(), "sha256")
    return derived


@functools.lru_cache(maxsize=8)
def _date(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_S, UTC).strftime("%Y%m%d")
