"""One imagehost for end-to-end tests: it can be ended and started again, and its bucket and index be looked into."""

import contextlib
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from tests import blackbox
from tests.consistency import assert_consistent
from tests.e2e.client import API, Client, fetch

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "imagehost"


def eventually(true: Callable[[], bool], within_s: float, what: str) -> None:
    """Poll until `true`; fails, naming `what`, when it does not come."""
    deadline_s, pause = time.monotonic() + within_s, threading.Event()
    while not true():
        assert time.monotonic() < deadline_s, f"not within {within_s} s: {what}"
        pause.wait(0.05)


class Server:
    """`settle_s` is how long its sweeper may be at work behind a test's back before all must be consistent."""

    def __init__(self, data_dir: Path, *, settle_s: float = 0.0, **variables: str) -> None:
        self._variables = {"PORT": str(blackbox.free_port()), **variables}
        self._settle_s = settle_s
        self.data_dir = data_dir
        self.running = blackbox.start(data_dir, **self._variables)

    @property
    def url(self) -> str:
        return self.running.url

    @property
    def s3_origin(self) -> str:
        """Where browsers reach the bucket."""
        return f"http://localhost:{self._embedded()['s3_port']}"

    def environ(self) -> dict[str, str]:
        """What a command needs to find this server."""
        return blackbox.clean_environ(**self._variables, IMAGEHOST_DATA_DIR=str(self.data_dir))

    def settings(self) -> dict[str, str]:
        """How to reach bucket and index directly."""
        made = self._embedded()
        return {
            "REDIS_URL": f"unix://{self.data_dir / 'run' / 'redis.sock'}",
            "S3_ENDPOINT_URL": f"http://127.0.0.1:{made['s3_port']}",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": made["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": made["secret_access_key"],
            "AWS_S3_BUCKET_NAME": BUCKET,
        }

    def new_account(self) -> Client:
        """A throw-away account."""
        answer = fetch("POST", f"{self.url}{API}/dev/issue-key")
        assert answer.status_code == 201, answer.text
        return Client(self.url, answer.json()["token"], answer.json()["uid"])

    def objects_of(self, uid: str) -> list[str]:
        """The keys of every object of a user: staging objects, originals and derivatives."""
        with self._s3() as s3:
            pages = [
                s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{p}/{uid}/") for p in ("incoming", "uploads", "variants")
            ]
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def assert_nothing_left(self, account: Client) -> None:
        """No quota used or reserved, and no bytes in the bucket."""
        assert account.usage() == {"bytes": 0, "images": 0, "reserved_bytes": 0, "pending": 0}
        assert self.objects_of(account.uid) == []

    def remove_object(self, object_key: str) -> None:
        with self._s3() as s3:
            s3.delete_object(Bucket=BUCKET, Key=object_key)

    def replace_object(self, object_key: str, data: bytes) -> None:
        with self._s3() as s3:
            s3.put_object(Bucket=BUCKET, Key=object_key, Body=data)

    def assert_consistent(self) -> None:
        deadline_s, pause = time.monotonic() + self._settle_s, threading.Event()
        while True:
            try:
                assert_consistent(self.settings())
                return
            except AssertionError:
                if time.monotonic() > deadline_s:
                    raise
            pause.wait(0.2)

    def stop(self) -> int:
        """End it as Ctrl-C does; its exit code."""
        return blackbox.stop(self.running)

    def kill(self) -> None:
        """End the supervisor without a chance to tidy up."""
        self.running.process.send_signal(signal.SIGKILL)
        self.running.process.wait()

    def end(self) -> None:
        """Stop it for good, without waiting for what is under way: the second signal says so."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self.running.process.send_signal(number)
        self.running.process.wait(15)

    def start(self) -> None:
        """Start again, on the same data directory and port."""
        self.running = blackbox.start(self.data_dir, **self._variables)

    def _embedded(self) -> dict[str, str]:
        made: dict[str, str] = json.loads((self.data_dir / "embedded.json").read_text(encoding="utf-8"))
        return made

    @contextlib.contextmanager
    def _s3(self) -> "Iterator[S3Client]":
        settings = self.settings()
        client = boto3.client(
            "s3",
            endpoint_url=settings["S3_ENDPOINT_URL"],
            region_name=settings["AWS_REGION"],
            aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
            config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
        )
        with contextlib.closing(client):
            yield client
