"""Two hundred random histories on the real stack, each with everything that can go wrong in it (machine.py)."""

from collections.abc import Iterator

import pytest

from imagehost.build import build_services
from imagehost.config import load_config
from imagehost.ids import SHARDS
from tests.consistency import assert_consistent
from tests.faults.machine import Histories, World
from tests.faults.play import SHORT, play
from tests.stack import Servers, running_servers

HISTORIES = 200


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with running_servers(tmp_path_factory.mktemp("histories") / "data", **SHORT) as servers:
        yield servers


@pytest.fixture(scope="module")
def world(servers: Servers) -> Iterator[World]:
    parts = build_services(load_config(servers.environment)).parts
    parts.shards.begin(SHARDS)
    world = World(servers.environment, parts, servers.restart_redis)
    yield world
    world.patch.undo()
    parts.close()


def test_whatever_happens_nothing_acknowledged_is_lost(
    world: World, servers: Servers, capsys: pytest.CaptureFixture[str]
) -> None:
    play(type("Here", (Histories,), {"world": world}), HISTORIES, capsys)
    assert_consistent(servers.environment)
