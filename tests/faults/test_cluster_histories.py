"""The random histories of test_histories.py on a Redis Cluster. There a master dies and its replica takes over, which
may have missed much of what was acknowledged; and the slot of the user's shard moves."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from imagehost.build import build_services
from imagehost.config import load_config
from imagehost.ids import SHARDS
from imagehost.storage.bucket import ensure_bucket
from tests.cluster import MASTERS, Cluster, running_cluster, slot_of, wait_until
from tests.consistency import assert_consistent
from tests.faults.history import Upload
from tests.faults.machine import DISASTERS, GOOD, TITLES, Histories, World
from tests.faults.play import SHORT, play
from tests.faults.processes import own_bucket

HISTORIES = 12


class ClusterHistories(Histories):
    """`cluster` is set by whoever runs it."""

    cluster: Cluster

    @precondition(lambda self: self.disasters < DISASTERS)
    @rule()
    def restart_redis(self) -> None:
        """The master of the shard dies."""
        self._fail_over()

    @precondition(lambda self: self.disasters < DISASTERS)
    @rule(
        target=Histories.uploads,
        data=st.sampled_from(GOOD),
        edited=Histories.uploads,
        title=TITLES,
        deleted=st.none() | Histories.uploads,
    )
    def a_replica_takes_over_that_has_missed_this(
        self, data: bytes, edited: Upload, title: str, deleted: Upload | None
    ) -> Any:
        self.cluster.freeze_replica_of(self.cluster.master_of(self.shard))
        published = self.publish(data, None)
        self.edit(edited, title, None)
        if deleted is not None:
            self.delete(deleted, None)
        self._fail_over()
        return published

    @rule(number=st.integers(0, MASTERS - 2))
    def the_slot_moves(self, number: int) -> None:
        source = self.cluster.master_of(self.shard)
        others = sorted((node for node in self.cluster.masters if node is not source), key=lambda node: node.port)
        self.cluster.move(slot_of(self.shard), others[number])

    def teardown(self) -> None:
        self.cluster.thaw()
        self.cluster.wait_until_whole()
        super().teardown()

    def _fail_over(self) -> None:
        """Reservations that the replica has missed are lost; of what was acknowledged everybody is shown all at
        once."""
        self.disasters += 1
        self._reservations_may_be_lost()
        self.cluster.fail_over(self.cluster.master_of(self.shard))
        for upload in self.known:
            self.view(upload)
        wait_until(self._finds_all_masters, "the tests' own client finds the masters")

    def _finds_all_masters(self) -> bool:
        client: Any = self.world.raw.client
        client.nodes_manager.initialize()
        return bool(client.get_primaries())


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def environ(cluster: Cluster, store: Mapping[str, str]) -> Mapping[str, str]:
    return own_bucket(store, **SHORT, REDIS_URL=cluster.url)


@pytest.fixture(scope="module")
def world(environ: Mapping[str, str]) -> Iterator[World]:
    config = load_config(environ)
    ensure_bucket(config, ["http://127.0.0.1"])
    parts = build_services(config).parts
    parts.shards.begin(SHARDS)
    world = World(environ, parts)
    yield world
    world.patch.undo()
    parts.close()


def test_whatever_happens_to_a_cluster_nothing_acknowledged_is_lost(
    world: World, cluster: Cluster, environ: Mapping[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    play(type("Here", (ClusterHistories,), {"world": world, "cluster": cluster}), HISTORIES, capsys)
    assert_consistent(environ)
