import json
import logging
import sys
from collections.abc import Callable
from datetime import datetime

import pytest
from flask.testing import FlaskClient

from imagehost.services.health import Health
from imagehost.web.logs import JsonFormatter, configure
from tests.unit.web.conftest import Caller

LogLines = Callable[[], list[dict[str, object]]]


def test_a_request_is_one_line_of_json(client: FlaskClient, caller: Caller, log_lines: LogLines) -> None:
    answer = client.get("/api/v1/me", headers=caller.headers)
    (line,) = log_lines()
    assert line["event"] == "request"
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/v1/me", 200)
    assert (line["uid"], line["request_id"]) == (caller.uid, answer.headers["X-Request-Id"])
    assert isinstance(line["ms"], float)
    at = datetime.fromisoformat(str(line["at"]))
    assert at.tzinfo is not None


def test_no_line_has_a_query_string_or_a_token(
    client: FlaskClient, caller: Caller, log_text: Callable[[], str]
) -> None:
    token = caller.headers["X-API-Key"]
    bearer = {"Authorization": f"Bearer {token}"}
    for headers in (caller.headers, bearer, {"X-API-Key": token + "x"}, {"Authorization": "Basic hunter2=="}):
        client.get("/api/v1/me/images?cursor=hunter2&secret=hunter2", headers=headers)
        client.get("/nowhere?hunter2", headers=headers)
        client.post("/api/v1/upload/request?hunter2", headers=headers, json={"filename": "hunter2"})
    client.get(f"/api/v1/me?token={token}")
    text = log_text()
    assert len(text.splitlines()) == 13
    assert "hunter2" not in text
    assert token not in text
    assert token.rsplit(".", 1)[1] not in text
    assert "?" not in text


def test_what_nobody_expected_is_logged_with_its_traceback_and_the_request_id(
    client: FlaskClient, log_lines: LogLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Health) -> dict[str, bool]:
        raise RuntimeError("line one\nline two")

    monkeypatch.setattr(Health, "check", fail)
    answer = client.get("/health/ready")
    unexpected, request = log_lines()
    assert unexpected["level"] == "error"
    assert "RuntimeError: line one\nline two" in str(unexpected["traceback"])
    assert unexpected["request_id"] == request["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("path", ["/a%0ab", "/a%0d%0aevent", "/%1b[2J", "/%ff", "/é%22", "/%e2%80%a8"])
def test_a_path_cannot_make_a_line_of_its_own(client: FlaskClient, log_lines: LogLines, path: str) -> None:
    client.get(path)
    assert [line["event"] for line in log_lines()] == ["request"]


def test_a_line_has_the_fields_that_were_named_and_no_empty_ones() -> None:
    record = logging.LogRecord("imagehost.x", logging.WARNING, __file__, 1, "swept", None, None)
    vars(record).update(iid="4k", kind=None, size=3, odd={1})
    line = json.loads(JsonFormatter().format(record))
    assert set(line) == {"at", "level", "logger", "event", "iid", "size", "odd"}
    assert (line["level"], line["logger"], line["event"], line["size"]) == ("warning", "imagehost.x", "swept", 3)


def test_a_traceback_stays_on_the_line() -> None:
    try:
        raise ValueError("x\ny")
    except ValueError:
        record = logging.LogRecord("a", logging.ERROR, __file__, 1, "failed", None, sys.exc_info())
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert "ValueError: x\ny" in json.loads(line)["traceback"]


def test_configuring_twice_writes_each_line_once_and_to_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    level = root.level
    monkeypatch.setattr(root, "handlers", [])
    try:
        configure()
        configure()
        logging.getLogger("imagehost.test").info("hello", extra={"n": 1})
        logging.getLogger("botocore.x").info("chatter")
    finally:
        root.setLevel(level)
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert (json.loads(line)["event"], json.loads(line)["n"]) == ("hello", 1)
    assert captured.out == ""
