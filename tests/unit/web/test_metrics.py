"""`GET /metrics`, what requests leave in it, and the readiness that comes from the same look at the index."""

import pytest
from flask.testing import FlaskClient

from imagehost.errors import Unavailable
from imagehost.index.backlog import Backlog, BacklogReader
from imagehost.storage.objects import Objects
from imagehost.web import answers
from tests.samples import Samples
from tests.unit.web.conftest import Caller, MakeApp


def scrape(client: FlaskClient) -> Samples:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return Samples(answer.text)


@pytest.fixture
def fresh(make_app: MakeApp) -> FlaskClient:
    """An app that has not asked its dependencies anything yet."""
    return make_app(IMAGEHOST_DEV="1").test_client()


def test_anybody_gets_prometheus_text(client: FlaskClient) -> None:
    answer = client.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "# TYPE imagehost_requests_total counter" in answer.text


def test_a_request_is_counted_by_its_rule_and_never_by_its_path(client: FlaskClient, caller: Caller) -> None:
    iid = "4k" + "a" * 22
    before = scrape(client)
    for _ in range(3):
        client.get(f"/api/v1/image/{iid}/meta?marker=mark4711", headers=caller.headers)
    client.get(f"/nowhere/{iid}")
    client.open("/health", method="BREW")
    text = client.get("/metrics").text
    after = Samples(text)

    def grown(method: str, route: str, status: int) -> float:
        labels = {"method": method, "route": route, "status": str(status)}
        return after("requests_total", **labels) - before("requests_total", **labels)

    assert grown("GET", "/api/v1/image/<iid>/meta", 404) == 3
    assert grown("GET", "none", 404) == 1
    assert grown("other", "none", 405) == 1
    assert grown("GET", "/metrics", 200) == 1
    timed = {"route": "/api/v1/image/<iid>/meta"}
    assert after("request_seconds_count", **timed) - before("request_seconds_count", **timed) == 3
    for secret in (iid, "mark4711", "nowhere", "BREW", caller.uid, caller.headers["X-API-Key"]):
        assert secret not in text


def test_what_goes_wrong_is_counted_with_its_status(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    labels = {"method": "GET", "route": "/health/ready", "status": "500"}
    before = scrape(client)("requests_total", **labels)
    with monkeypatch.context() as patch:
        patch.setattr("imagehost.services.health.Health.check", fail)
        assert client.get("/health/ready").status_code == 500
    assert scrape(client)("requests_total", **labels) - before == 1


def test_the_lag_of_the_sweeper_is_looked_up(fresh: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BacklogReader, "look", lambda _: Backlog(lag_s=12.5, due_entries=3, wiped=0))
    found = scrape(fresh)
    assert (found("sweeper_lag_seconds"), found("due_entries")) == (12.5, 3)


def test_without_redis_there_are_metrics_all_the_same(fresh: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: BacklogReader) -> Backlog:
        raise Unavailable()

    monkeypatch.setattr(BacklogReader, "look", fail)
    found = scrape(fresh)
    assert "sweeper_lag_seconds" not in found
    assert "requests_total" in found


@pytest.mark.parametrize(
    "backlog,dependency,state",
    [(Backlog(601.0, 1, 0), "sweeper", "late"), (Backlog(0.0, 0, 1), "index", "rebuilding")],
)
def test_a_degraded_node_goes_on_serving(
    fresh: FlaskClient, monkeypatch: pytest.MonkeyPatch, backlog: Backlog, dependency: str, state: str
) -> None:
    monkeypatch.setattr(BacklogReader, "look", lambda _: backlog)
    answer = fresh.get("/health/ready")
    assert answer.status_code == 200
    assert "Retry-After" not in answer.headers
    assert answer.get_json()["status"] == "degraded"
    assert answer.get_json()["dependencies"] == {"redis": "ok", "s3": "ok", "index": "ok", "sweeper": "ok"} | {
        dependency: state
    }
    answers.Ready.model_validate(answer.get_json(), strict=True)


def test_a_node_without_its_store_is_not_ready(fresh: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Objects) -> None:
        raise Unavailable()

    monkeypatch.setattr(Objects, "ping", fail)
    answer = fresh.get("/health/ready")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert (answer.get_json()["status"], answer.get_json()["dependencies"]["s3"]) == ("unavailable", "unavailable")
    answers.Ready.model_validate(answer.get_json(), strict=True)
