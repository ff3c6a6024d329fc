"""Random histories played, by a seed that shows them again."""

import os
import time
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.machine import Histories

STEPS = 14
SHORT = {
    "IMAGEHOST_UPLOAD_URL_S": "604800",  # time is moved by hand: no URL is to end by the clock
    "IMAGEHOST_UPLOAD_GRACE_S": "2",
    "IMAGEHOST_LEASE_S": "1",
    "IMAGEHOST_SWEEP_S": "1",
    "IMAGEHOST_MAX_PENDING": "1000000",
}


def play(machine: type[Histories], histories: int, capsys: pytest.CaptureFixture[str]) -> None:
    """So many, once or for as many minutes as SOAK_MINUTES says; HISTORIES_SEED, which the run prints at its head,
    shows the same histories again."""
    ends_at_s = time.monotonic() + 60 * float(os.environ.get("SOAK_MINUTES") or 0)
    for one in count(int(os.environ["HISTORIES_SEED"])):
        with capsys.disabled():
            print(f"\n{histories} histories, HISTORIES_SEED={one}")
        _run(machine, histories, one)
        if time.monotonic() > ends_at_s:
            break


def _run(machine: type[Histories], histories: int, chosen: int) -> None:
    run_state_machine_as_test(
        seed(chosen)(type("Seeded", (machine,), {})),
        settings=settings(
            max_examples=histories,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            print_blob=True,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
