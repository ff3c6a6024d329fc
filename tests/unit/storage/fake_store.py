"""A small S3 over HTTP that verifies presigned URLs and honours conditions, unless it is told to be at fault.

Faults are words in `faults`; each is looked up where the store does what it spoils.
"""

import base64
import functools
import hashlib
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from imagehost.config import Config
from imagehost.storage import client as storage_client
from imagehost.storage import doctor_probe
from tests.unit.settings import CREDENTIALS, config

PAGE = "http://127.0.0.1:8000"
BUCKET = "pictures"
STAGING_RULE = "<Rule><Status>Enabled</Status><Filter><Prefix>incoming/</Prefix></Filter>{}</Rule>"
TWO_DAYS = "<Expiration><Days>2</Days></Expiration>"
OVERRIDES = ("Content-Type", "Content-Disposition", "Cache-Control")


class Race:
    """Lets nobody write before a second one has been allowed to."""

    def __init__(self) -> None:
        self._allowed = 0
        self._second = threading.Event()

    def allow(self) -> None:
        self._allowed += 1
        if self._allowed == 2:
            self._second.set()

    def wait(self) -> None:
        self._second.wait(5)


@dataclass
class FakeStore:
    """What it holds and how it is set up; `refusal` is what all requests of the driver get instead of an answer."""

    port: int = 0
    faults: set[str] = field(default_factory=set)
    skew_s: float | None = 0.0
    versioning: str | None = ""
    rules: str | None = STAGING_RULE.format(TWO_DAYS)
    refusal: int = 0
    objects: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    earlier: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    races: dict[str, Race] = field(default_factory=dict)

    def reset(self) -> None:
        """As it was at first: without faults, and empty."""
        vars(self).update(vars(FakeStore(self.port)))

    def config(self, **changes: str) -> Config:
        """The configuration that names it."""
        places = {
            "S3_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "S3_PUBLIC_ENDPOINT_URL": f"http://localhost:{self.port}",
            "S3_ADDRESSING": "path",
        }
        return config(**(places | changes))

    def write(self, key: str, body: bytes, mime: str, condition: str) -> int:
        """The status of a PUT."""
        with self.lock:
            status = self._judge(key, condition)
            race = self.races.setdefault(key, Race())
            if condition and status == 200:
                race.allow()
        if "races" in self.faults and condition and status == 200:
            race.wait()
        with self.lock:
            if status == 200 or (status == 412 and "writes what it refuses" in self.faults):
                if key in self.objects:
                    self.earlier[key] = self.objects[key]
                self.objects[key] = (body, mime)
        return status

    def _judge(self, key: str, condition: str) -> int:
        if condition and "knows no conditions" in self.faults:
            return 501
        if condition and "is unsure" in self.faults:
            return 403
        if "ignores conditions" in self.faults or not condition:
            return 200
        if condition == "*":
            return 412 if key in self.objects else 200
        if key not in self.objects:
            return 200 if "replaces what is missing" in self.faults else 404
        return 200 if condition == etag(self.objects[key][0]) else 412

    def read(self, key: str) -> tuple[bytes, str] | None:
        if "reads late" in self.faults and key in self.earlier:
            return self.earlier[key]
        return self.objects.get(key)

    def remove(self, key: str) -> None:
        if "deletes late" not in self.faults:
            self.objects.pop(key, None)
            if "lists late" not in self.faults:
                self.earlier.pop(key, None)

    def listed(self, prefix: str) -> list[str]:
        if "lists nothing" in self.faults:
            return []
        return sorted(key for key in (self.objects | self.earlier) if key.startswith(prefix))


def etag(body: bytes) -> str:
    return f'"{hashlib.md5(body).hexdigest()}"'


class Handler(BaseHTTPRequestHandler):
    """Path-style S3; each request is one of the driver's (with an Authorization), a presigned one, or a stranger's."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body of an answer would wait for each other
    store: ClassVar[FakeStore]

    has_refused = False

    def parse_request(self) -> bool:
        """False, and the end of the connection without an answer, where the last request over it was refused."""
        if self.has_refused and "hangs up behind a refusal" in self.store.faults:
            self.close_connection = True
            return False
        return super().parse_request()

    def do_HEAD(self) -> None:
        self.answer(self.store.refusal or 200)

    def do_GET(self) -> None:
        url, query = self._parts()
        if (status := self._admit()) != 200:
            self.answer(status)
        elif "versioning" in query:
            self._configuration("VersioningConfiguration", self.store.versioning)
        elif "lifecycle" in query:
            self._configuration("LifecycleConfiguration", self.store.rules)
        elif "versions" in query:
            self.answer(200, b"<ListVersionsResult/>")
        elif "list-type" in query:
            found = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in self.store.listed(query["prefix"]))
            self.answer(200, f"<ListBucketResult>{found}</ListBucketResult>".encode())
        elif (held := self.store.read(url)) is None:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self.answer(200, held[0], {"Content-Type": held[1], "ETag": etag(held[0]), **self._overrides(query)})

    def do_PUT(self) -> None:
        url, _ = self._parts()
        length = self.headers.get("Content-Length")
        self.close_connection = length is None
        body = self.rfile.read(int(length)) if length else b"of unknown length"
        status = self._admit()
        claimed = self.headers.get("x-amz-checksum-sha256")
        if claimed and "ignores checksums" not in self.store.faults and status == 200:
            status = 200 if claimed == base64.b64encode(hashlib.sha256(body).digest()).decode() else 400
        if status == 200:
            condition = self.headers.get("If-None-Match") or self.headers.get("If-Match") or ""
            status = self.store.write(url, body, self.headers.get("Content-Type", ""), condition)
        elif "stores what it refuses" in self.store.faults:
            self.store.write(url, body, "", "")
        self.answer(status, headers={"ETag": etag(body), **self._cors()})

    def do_DELETE(self) -> None:
        self.store.remove(self._parts()[0])
        self.answer(204)

    def do_OPTIONS(self) -> None:
        headers = self._cors()
        if headers:
            headers["Access-Control-Allow-Methods"] = "GET" if "allows no PUT" in self.store.faults else "PUT, GET"
            more = "" if "allows no hash" in self.store.faults else ", x-amz-checksum-sha256"
            headers["Access-Control-Allow-Headers"] = f"content-type{more}"
        self.answer(200 if headers else 403, headers=headers)

    def _cors(self) -> dict[str, str]:
        origin = self.headers.get("Origin")
        if origin is None or "has no CORS" in self.store.faults:
            return {}
        if origin != PAGE and "allows every origin" not in self.store.faults:
            return {}
        exposed = "ETag" if "exposes little" in self.store.faults else "ETag, x-amz-checksum-sha256"
        return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": exposed}

    def _overrides(self, query: Mapping[str, str]) -> dict[str, str]:
        wanted = {name: query.get(f"response-{name.lower()}") for name in OVERRIDES}
        return {
            name: value
            for name, value in wanted.items()
            if value and f"ignores {name.lower()}" not in self.store.faults
        }

    def _parts(self) -> tuple[str, dict[str, str]]:
        """The object key (empty: the bucket), and the query."""
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        return unquote(url.path).removeprefix(f"/{BUCKET}").removeprefix("/"), {"prefix": "", **query}

    def _admit(self) -> int:
        if "Authorization" in self.headers:
            return self.store.refusal or 200
        _, query = self._parts()
        if "X-Amz-Signature" not in query:
            verb = "list" if "list-type" in query else self.command
            return 200 if f"lets strangers {verb}" in self.store.faults else 403
        signed_at = time.mktime(time.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ")) - time.timezone
        if time.time() > signed_at + int(query["X-Amz-Expires"]) and "never expires" not in self.store.faults:
            return 403
        return 200 if "verifies nothing" in self.store.faults or self._is_signed(query) else 403

    def _is_signed(self, query: Mapping[str, str]) -> bool:
        base, tail = self.path.split("?", 1)
        kept = "&".join(part for part in tail.split("&") if not part.startswith("X-Amz-Signature="))
        names = [name for name in query["X-Amz-SignedHeaders"].split(";") if name != "host"]
        headers = {name: self.headers.get(name, "") for name in names}
        request = AWSRequest(self.command, f"http://{self.headers['Host']}{base}?{kept}", headers=headers)
        request.context["timestamp"] = query["X-Amz-Date"]
        credentials = ReadOnlyCredentials(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"], None)
        auth = S3SigV4QueryAuth(credentials, "s3", "us-east-1")
        text = auth.string_to_sign(request, auth.canonical_request(request))
        return auth.signature(text, request) == query["X-Amz-Signature"]

    def _configuration(self, name: str, inside: str | None) -> None:
        if inside is None:
            self.answer(501, b"<Error><Code>NotImplemented</Code></Error>")
        elif name == "LifecycleConfiguration" and not inside:
            self.answer(404, b"<Error><Code>NoSuchLifecycleConfiguration</Code></Error>")
        else:
            self.answer(200, f"<{name}>{inside}</{name}>".encode())

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.has_refused = status >= 400 and "Authorization" not in self.headers
        self.send_response_only(status)
        self.send_header("Server", "FakeStore")
        if self.store.skew_s is not None:
            self.send_header("Date", formatdate(time.time() + self.store.skew_s, usegmt=True))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Nothing."""


class Server(ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True


@contextmanager
def fake_store() -> Iterator[FakeStore]:
    """One that runs until the end of the block; examinations share their clients, because making one takes long."""
    store = FakeStore()
    server = Server(("127.0.0.1", 0), type("HandlerOfOne", (Handler,), {"store": store}))
    store.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(doctor_probe, "connect", functools.cache(storage_client.connect))
            yield store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
