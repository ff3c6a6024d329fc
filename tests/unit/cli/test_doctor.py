"""How `imagehost doctor` tells what it found, with the examination itself replaced."""

import json
from collections.abc import Iterator

import click.testing
import pytest

from imagehost.checks import Check
from imagehost.cli.doctor import doctor
from imagehost.services.doctor import Doctor
from tests.unit.settings import CREDENTIALS, REQUIRED

OK = Check("bucket", "ok", "it answers")
WARN = Check("lifecycle", "warn", "no rule", "Add one.")
FAIL = Check("conditional-create", "fail", "2 won", "Use another store.")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> click.testing.CliRunner:
    for name, value in (REQUIRED | CREDENTIALS).items():
        monkeypatch.setenv(name, value)
    return click.testing.CliRunner()


def find(monkeypatch: pytest.MonkeyPatch, *checks: Check) -> None:
    def examine(_: Doctor) -> Iterator[Check]:
        yield from checks

    monkeypatch.setattr(Doctor, "examine", examine)


@pytest.mark.parametrize(
    "checks, outcome, exit_code", [((OK,), "ok", 0), ((OK, WARN), "warn", 0), ((WARN, FAIL, OK), "fail", 1)]
)
def test_only_a_failure_fails_the_command(
    run: click.testing.CliRunner,
    monkeypatch: pytest.MonkeyPatch,
    checks: tuple[Check, ...],
    outcome: str,
    exit_code: int,
) -> None:
    find(monkeypatch, *checks)
    assert run.invoke(doctor).exit_code == exit_code
    done = run.invoke(doctor, ["--json"])
    assert done.exit_code == exit_code
    document = json.loads(done.output)
    assert document["outcome"] == outcome
    assert [check["name"] for check in document["checks"]] == [check.name for check in checks]


def test_each_check_is_a_line_and_what_is_not_well_has_its_cure_below(
    run: click.testing.CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    find(monkeypatch, OK, WARN, FAIL)
    assert run.invoke(doctor).output.splitlines() == [
        "ok    bucket                it answers",
        "warn  lifecycle             no rule",
        "                            → Add one.",
        "fail  conditional-create    2 won",
        "                            → Use another store.",
        "1 ok, 1 warnings, 1 failures",
    ]


def test_only_a_terminal_gets_colours(run: click.testing.CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    find(monkeypatch, FAIL)
    assert "\x1b[31m" in run.invoke(doctor, color=True).output
    assert "\x1b" not in run.invoke(doctor).output


def test_a_json_document_holds_all_that_a_line_says(
    run: click.testing.CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    find(monkeypatch, FAIL)
    assert json.loads(run.invoke(doctor, ["--json"]).output) == {
        "outcome": "fail",
        "checks": [
            {"name": "conditional-create", "outcome": "fail", "seen": "2 won", "cure": "Use another store."},
        ],
    }


def test_a_configuration_that_is_none_is_told_with_its_own_exit_code(
    run: click.testing.CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEHOST_PUBLIC_URL", "nowhere")
    assert run.invoke(doctor).exit_code == 2
