"""A client of S3 that tries each request once and shows what happens on the wire, for the proxy's own tests."""

import http.client
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from tests.faults.proxy import FaultProxy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "proxied"
BODY = b"0123456789" * 10
PATIENCE_S = 20.0


class Caller:
    """Sends presigned requests through the proxy and looks into the store past it."""

    def __init__(self, proxy: FaultProxy, through: "S3Client", directly: "S3Client") -> None:
        self.proxy = proxy
        self.s3 = through
        self.stored = directly

    def connect(self, timeout_s: float = PATIENCE_S) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self.proxy.url).netloc, timeout=timeout_s)

    def put(self, name: str, body: bytes = BODY, headers: Mapping[str, str] | None = None) -> int:
        """The status of a PUT over a connection of its own."""
        url = self.s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": name})
        with closing(self.connect()) as connection:
            return send(connection, "PUT", url, body, headers)[0]

    def get(self, name: str, over: http.client.HTTPConnection | None = None) -> tuple[int, bytes]:
        """Status and body, over this or a new connection."""
        url = self.s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": name})
        if over is not None:
            return send(over, "GET", url)
        with closing(self.connect()) as connection:
            return send(connection, "GET", url)

    def find(self, name: str) -> bytes | None:
        """The object, read past the proxy."""
        listed = self.stored.list_objects_v2(Bucket=BUCKET, Prefix=name).get("Contents", [])
        if name not in {entry["Key"] for entry in listed}:
            return None
        return self.stored.get_object(Bucket=BUCKET, Key=name)["Body"].read()


def send(
    connection: http.client.HTTPConnection,
    method: str,
    url: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection.request(method, f"{parts.path}?{parts.query}", body, dict(headers or {}))
    answer = connection.getresponse()
    return answer.status, answer.read()


def client_for(endpoint_url: str, store: Mapping[str, str]) -> "S3Client":
    """A driver that tries once."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        region_name=store["AWS_REGION"],
        aws_access_key_id=store["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=store["AWS_SECRET_ACCESS_KEY"],
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            retries={"total_max_attempts": 1},
        ),
    )
