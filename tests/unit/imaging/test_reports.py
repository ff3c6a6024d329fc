"""What a child may say, and that nothing else of what it says gets through."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagehost.imaging.reports import (
    MAX_LINE_BYTES,
    Accept,
    Ended,
    Failure,
    Job,
    Made,
    Refusal,
    Report,
    Sketched,
    parse_job,
    parse_report,
    to_line,
)

REPORTS: list[Report] = [
    Accept("image/png", 1, 2, 3),
    Refusal("unreadable-image", "Kaputt – schade", rule=False, certain=True, cause="OSError()"),
    Failure("memory", ""),
    Sketched("GIoKDYSlqIdPUXd3eEeHh9J/YIkI"),
    Made("thumb", 400, 300),
    Ended(-9),
]


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_arrives_as_it_was_sent(report: Report) -> None:
    line = to_line(report)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert parse_report(line) == report


@given(st.text(), st.lists(st.sampled_from(["thumb", "preview"])), st.booleans(), st.booleans())
def test_a_job_arrives_as_it_was_sent(path: str, variants: list[str], judged: bool, keep_metadata: bool) -> None:
    job = Job(path.encode("utf-8", "replace").decode(), "/w", tuple(variants), 1, 2, judged, keep_metadata)
    assert parse_job(to_line(job)) == job


@given(st.binary())
def test_no_bytes_raise_anything_but_value_error(line: bytes) -> None:
    with suppress(ValueError):
        pytest.fail(f"{line!r} became {parse_report(line)}")


@pytest.mark.parametrize(
    "raw",
    [
        {"is": "Job"},
        {"is": ["Accept"]},
        {"is": "Accept", "mime": "text/html", "width": 1, "height": 1, "frames": 1},
        {"is": "Accept", "mime": "image/png", "width": 0, "height": 1, "frames": 1},
        {"is": "Accept", "mime": "image/png", "width": True, "height": 1, "frames": 1},
        {"is": "Accept", "mime": "image/png", "width": "1", "height": 1, "frames": 1},
        {"is": "Accept", "mime": "image/png", "width": 1, "height": 1, "frames": 1, "path": "/etc/passwd"},
        {"is": "Made", "name": "thumb"},
        {"is": "Sketched", "placeholder": "A" * 400},
        {"is": "Sketched", "placeholder": "<script>"},
        {"is": "Sketched", "placeholder": None},
        {"is": "Failure", "kind": "memory", "cause": "x" * MAX_LINE_BYTES},
        [],
        None,
    ],
)
def test_reports_that_say_anything_else_are_nonsense(raw: object) -> None:
    with pytest.raises(ValueError, match=r"report|verdict|placeholder|Expecting"):
        parse_report(json.dumps(raw).encode())


def test_a_report_that_nests_without_end_is_nonsense() -> None:
    with pytest.raises(ValueError, match="nests"):
        parse_report(b"[" * MAX_LINE_BYTES)
