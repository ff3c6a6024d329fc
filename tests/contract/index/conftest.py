"""A user of its own for each test of the index, whose traces are removed afterwards (no record stands behind them).
Every test runs on one server and on a cluster."""

import contextlib
from collections.abc import Iterator, Mapping

import pytest

from imagehost import ids
from imagehost.services.parts import Parts
from tests.cluster import running_cluster
from tests.consistency import assert_consistent
from tests.contract.conftest import open_parts
from tests.contract.raw import Raw


@pytest.fixture(scope="session", params=["server", "cluster"])
def environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, stack: Mapping[str, str]
) -> Iterator[Mapping[str, str]]:
    """The settings of a running stack, whose Redis is one or many."""
    with contextlib.ExitStack() as opened:
        if request.param == "server":
            yield stack
        else:
            cluster = opened.enter_context(running_cluster(tmp_path_factory.mktemp("cluster")))
            yield {**stack, "REDIS_URL": cluster.url}


@pytest.fixture(scope="session")
def parts(environment: Mapping[str, str]) -> Iterator[Parts]:
    """The adapters on that stack. Not the fixture above: pytest would keep its adapters for all other tests."""
    yield from open_parts(environment)


@pytest.fixture
def raw(parts: Parts) -> Raw:
    """Redis itself, to see what a script did."""
    return Raw(parts.config.redis_url.get_secret_value())


@pytest.fixture
def uid(raw: Raw, environment: Mapping[str, str]) -> Iterator[str]:
    """A fresh user id."""
    fresh = ids.new_uid()
    yield fresh
    raw.check_counters(fresh)
    raw.forget(fresh)
    assert_consistent(environment, fresh[:2])


@pytest.fixture
def epoch(parts: Parts, uid: str) -> str:
    """The epoch of the user's shard."""
    found = parts.shards.find_epoch(ids.shard_of(uid))
    assert found is not None
    return found
