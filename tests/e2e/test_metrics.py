"""What a monitoring system sees: every process's counts in one scrape, and readiness by dependency."""

import pytest

from tests.e2e.client import Client
from tests.e2e.server import Server, eventually
from tests.images import corner, encode
from tests.samples import Samples

SMALL = encode(corner(), "image/png")


@pytest.fixture(scope="module")
def server(hasty_server: Server) -> Server:
    return hasty_server


@pytest.fixture
def anonymous(server: Server) -> Client:
    return Client(server.url)


def scrape(anonymous: Client) -> Samples:
    answer = anonymous.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return Samples(answer.text)


def test_the_requests_of_all_workers_are_counted_by_rule(anonymous: Client) -> None:
    labels = {"method": "GET", "route": "/health", "status": "200"}
    before = scrape(anonymous)
    for _ in range(30):
        anonymous.get("/health")
    for _ in range(4):
        after = scrape(anonymous)
        assert after("requests_total", **labels) - before("requests_total", **labels) == 30
        timed = [found("request_seconds_count", route="/health") for found in (before, after)]
        assert timed[1] - timed[0] == 30


def test_uploads_are_counted_by_their_outcome(account: Client, anonymous: Client) -> None:
    before = scrape(anonymous)
    image = account.upload(SMALL, "image/png")
    account.complete(image["id"])
    broken = account.send_bytes(SMALL[:-40], "image/png")
    for _ in range(2):
        assert account.complete(broken).status_code == 422
    assert account.complete("4k" + "0" * 22).status_code == 404
    after = scrape(anonymous)

    def grown(name: str, **labels: str) -> float:
        return after(name, **labels) - before(name, **labels)

    assert grown("uploads_total", outcome="published") == 1
    assert grown("uploads_total", outcome="repeated") == 1
    assert grown("uploads_total", outcome="unreadable-image") == 2
    assert grown("uploads_total", outcome="image-not-found") == 1
    assert grown("refusals_total", code="unreadable-image") == 1
    assert grown("gate_seconds_count") == 2
    account.delete(image["id"])


def test_the_sweeper_counts_in_the_same_place(account: Client, anonymous: Client) -> None:
    labels = {"kind": "upload", "outcome": "finished"}
    before = scrape(anonymous)("swept_total", **labels)
    account.reserve(SMALL, "image/png")
    eventually(lambda: scrape(anonymous)("swept_total", **labels) > before, 15, "the reservation is swept")
    assert "sweeper_lag_seconds" in scrape(anonymous)
    assert account.usage()["pending"] == 0


def test_no_series_names_anybody_or_anything_that_is_somebodys(account: Client, anonymous: Client) -> None:
    image = account.upload(SMALL, "image/png", title="hunter2")
    account.meta(image["id"])
    anonymous.get(f"/i/{image['id']}?marker=marked-by-4711")
    text = anonymous.get("/metrics").text
    for secret in (image["id"], account.uid, account.token or "", "hunter2", "marked-by-4711", "picture"):
        assert secret not in text
    account.delete(image["id"])


def test_readiness_names_every_dependency(anonymous: Client) -> None:
    answer = anonymous.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "dependencies": {"redis": "ok", "s3": "ok", "index": "ok", "sweeper": "ok"},
    }
