"""Two hundred random histories on the real stack, each with everything that can go wrong in it (machine.py)."""

import os
import time
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from imagehost.app import build_services
from imagehost.config import load_config
from imagehost.ids import SHARDS
from tests.consistency import assert_consistent
from tests.faults.machine import Histories, World
from tests.stack import running_servers

HISTORIES = 200
STEPS = 14
SHORT = {
    "IMAGEHOST_UPLOAD_URL_S": "604800",  # time is moved by hand: no URL is to end by the clock
    "IMAGEHOST_UPLOAD_GRACE_S": "2",
    "IMAGEHOST_LEASE_S": "1",
    "IMAGEHOST_SWEEP_S": "1",
    "IMAGEHOST_MAX_PENDING": "1000000",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_servers(tmp_path_factory.mktemp("histories") / "data", **SHORT) as servers:
        parts = build_services(load_config(servers.environment)).parts
        parts.shards.begin(SHARDS)
        world = World(servers, parts)
        yield world
        world.patch.undo()
        parts.close()


def test_whatever_happens_nothing_acknowledged_is_lost(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Once, or for as many minutes as SOAK_MINUTES says; HISTORIES_SEED, which the run prints at its head, shows the
    same histories again."""
    ends_at_s = time.monotonic() + 60 * float(os.environ.get("SOAK_MINUTES") or 0)
    for one in count(int(os.environ["HISTORIES_SEED"])):
        with capsys.disabled():
            print(f"\n{HISTORIES} histories, HISTORIES_SEED={one}")
        _run(world, one)
        if time.monotonic() > ends_at_s:
            break
    assert_consistent(world.servers.environment)


def _run(world: World, chosen: int) -> None:
    run_state_machine_as_test(
        seed(chosen)(type("Seeded", (Histories,), {"world": world})),
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            print_blob=True,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
