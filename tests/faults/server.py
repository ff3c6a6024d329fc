"""An imagehost that reaches its S3 server through a FaultProxy; clients reach that server directly."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from PIL import Image

from tests.e2e.client import assert_problem, fetch, sha256
from tests.e2e.server import Server
from tests.faults.proxy import FaultProxy

PASSED_ON = ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_S3_BUCKET_NAME", "S3_ADDRESSING")
# The sweeper may have to wait for the last time-out of a store that did not answer.
SETTLE_S = 20.0
# What a running imagehost has in the temporary directory: lock files and counters.
KEPT = ("imagehost-gates-", "imagehost-metrics-")


class FaultedServer(Server):
    """`store` has the settings of the S3 server behind `proxy`; `work_dir` becomes the temporary directory."""

    def __init__(
        self, data_dir: Path, store: Mapping[str, str], proxy: FaultProxy, work_dir: Path, **variables: str
    ) -> None:
        self.proxy = proxy
        self.work_dir = work_dir
        self._store = store
        super().__init__(
            data_dir,
            settle_s=SETTLE_S,
            S3_ENDPOINT_URL=proxy.url,
            S3_PUBLIC_ENDPOINT_URL=store["S3_ENDPOINT_URL"],
            TMPDIR=str(work_dir),
            IMAGEHOST_DEV="1",
            IMAGEHOST_GATES="4",
            IMAGEHOST_LEASE_S="1",
            IMAGEHOST_SWEEP_S="1",
            IMAGEHOST_URL_WINDOW_S="86400",
            **{name: store[name] for name in PASSED_ON},
            **variables,
        )

    def settings(self) -> dict[str, str]:
        """How to reach the index, and the bucket past the proxy."""
        return {**self._store, "REDIS_URL": f"unix://{self.data_dir / 'run' / 'redis.sock'}"}

    def left_work(self) -> list[str]:
        """What is in the temporary directory and is no part of a running imagehost."""
        return sorted(path.name for path in self.work_dir.iterdir() if not path.name.startswith(KEPT))

    def versions_of(self, uid: str, iid: str) -> set[str]:
        """The versions under which the bucket holds bytes of an image."""
        published = [key.split("/") for key in self.objects_of(uid) if not key.startswith("incoming/")]
        return {version for _, _, owner, version, _ in published if owner == iid}


def assert_unavailable(answer: requests.Response) -> None:
    """503 with `Retry-After`."""
    assert_problem(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def port_of(store: Mapping[str, str]) -> int:
    """Where the S3 server with these settings listens."""
    return int(store["S3_ENDPOINT_URL"].rpartition(":")[2])


def target_of(uid: str, iid: str, kind: str) -> str:
    """The start of the target of every request for an image's record, or for its objects under `uploads` and so on."""
    return f"/imagehost/records/{iid[:2]}/{iid}.json" if kind == "records" else f"/imagehost/{kind}/{uid}/{iid}/"


def version_in(src: str) -> str:
    """The version of the original that a presigned URL leads to."""
    return urlsplit(src).path.split("/")[5]


def assert_served(image: Mapping[str, Any]) -> None:
    """What is behind `src` is an image and has the sha256 that the image says."""
    answer = fetch("GET", image["src"])
    assert (answer.status_code, sha256(answer.content)) == (200, image["sha256"])
    with Image.open(BytesIO(answer.content)) as decoded:
        decoded.load()
        assert decoded.size == (image["width"], image["height"])
