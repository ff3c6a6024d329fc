"""AWS Signature Version 4 in the query of a URL, for S3: what makes a URL presigned. Pure computing; no network.

It is the project's own because every page of images signs dozens of URLs: the key of a day is derived once, and nothing
is parsed. What it makes is byte for byte what botocore's signer makes of the same request. The format:
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

import functools
import hashlib
import hmac
import re
import string
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from botocore.credentials import Credentials

ALGORITHM = "AWS4-HMAC-SHA256"
DAY_S = 86_400
DEFAULT_PORTS = {"http": 80, "https": 443}
_UNRESERVED = string.ascii_letters + string.digits + "-_.~"
_ENCODED = {byte: chr(byte) if chr(byte) in _UNRESERVED else f"%{byte:02X}" for byte in range(256)}
_ENCODED_PATH = _ENCODED | {ord("/"): "/"}
_PLAIN_PATH = re.compile(f"[{re.escape(_UNRESERVED)}/]*")  # as all our object keys are: seen sooner than encoded


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
        number, second = divmod(signed_at_s, DAY_S)
        day = _day(number, self._region, credentials.access_key, credentials.secret_key)
        time = f"{day.date}T{second // 3600:02}{second // 60 % 60:02}{second % 60:02}Z"
        signed = sorted((*headers.items(), ("host", self._host)))
        names = ";".join([name for name, _ in signed])
        parameters = [f"{name}={_encode_value(value)}" for name, value in query.items()]
        parameters += [
            f"X-Amz-Algorithm={ALGORITHM}",
            f"X-Amz-Credential={day.credential}",
            f"X-Amz-Date={time}",
            f"X-Amz-Expires={expires_in_s}",
            f"X-Amz-SignedHeaders={_encode_value(names)}",
        ]
        if credentials.token is not None:
            parameters.append(f"X-Amz-Security-Token={_encode_value(credentials.token)}")
        said = "&".join(parameters)
        # By name: no name of S3's is the beginning of another. Without further ones they stand so already.
        ordered = "&".join(sorted(parameters)) if query or credentials.token is not None else said
        is_plain = _PLAIN_PATH.fullmatch(object_key)
        path = self._path + (object_key if is_plain else _encode(object_key, _ENCODED_PATH))
        lines = "".join([f"{name}:{' '.join(value.split())}\n" for name, value in signed])
        request = f"{method}\n{path}\n{ordered}\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
        text = f"{ALGORITHM}\n{time}\n{day.scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        signature = hmac.digest(day.signing_key, text.encode(), "sha256").hex()
        return f"{self._origin}{path}?{said}&X-Amz-Signature={signature}"


class _Day(NamedTuple):
    """What all signatures of one day, by one key, have in common."""

    date: str
    scope: str
    credential: str
    signing_key: bytes


@functools.lru_cache(maxsize=8)  # windows that began yesterday are signed with yesterday's
def _day(number: int, region: str, access_key: str, secret_key: str) -> _Day:
    """Of the day that is so many days after the epoch."""
    date = datetime.fromtimestamp(number * DAY_S, UTC).strftime("%Y%m%d")
    derived = f"AWS4{secret_key}".encode()
    for part in (date, region, "s3", "aws4_request"):
        derived = hmac.digest(derived, part.encode(), "sha256")
    scope = f"{date}/{region}/s3/aws4_request"
    return _Day(date, scope, _encode(f"{access_key}/{scope}"), derived)
