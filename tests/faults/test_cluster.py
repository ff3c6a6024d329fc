"""A Redis Cluster whose masters die, and whose slots move, under a steady load: no wrong answer, and nothing that was
acknowledged is lost."""

from collections.abc import Iterator, Mapping

import pytest

from imagehost import ids
from imagehost.errors import Unavailable
from imagehost.ids import SHARDS
from imagehost.index import keyspace, patience
from imagehost.index.client import ask, servers
from imagehost.index.client import connect as connect_index
from imagehost.models import ReadyRecord
from tests.cluster import MASTERS, Cluster, running_cluster, slot_of
from tests.contract.builders import dead, edited, ready, reserve
from tests.contract.raw import Raw
from tests.faults.load import User, all_stands, steady_load, wait_for_progress
from tests.faults.processes import Connect, own_bucket, processes

USERS = 4


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def cluster(nodes: Cluster) -> Cluster:
    """Whole, and with nothing in it."""
    for node in nodes.nodes:
        if node.process.poll() is not None:
            node.start()
    nodes.thaw()
    nodes.wait_until_whole()
    for node in nodes.masters:
        node.call("FLUSHALL")
    return nodes


@pytest.fixture
def environ(cluster: Cluster, store: Mapping[str, str]) -> Mapping[str, str]:
    short = {"IMAGEHOST_LEASE_S": "1", "IMAGEHOST_UPLOAD_URL_S": "60", "IMAGEHOST_MAX_PENDING": "100000"}
    return own_bucket(store, **short, REDIS_URL=cluster.url)


@pytest.fixture
def connect(environ: Mapping[str, str]) -> Iterator[Connect]:
    """Makes the services of one more process."""
    with processes(environ) as connect:
        yield connect


def test_a_master_that_dies_under_load_costs_no_answer(
    cluster: Cluster, connect: Connect, environ: Mapping[str, str]
) -> None:
    with steady_load([connect(), connect()], USERS) as users:
        wait_for_progress(users, 5)
        cluster.master_of(users[0].uid[:2]).kill()
        wait_for_progress(users, 10)
    print("failures", [user.failures for user in users], "slowest", [user.slowest_s for user in users])
    all_stands(connect(), users, environ)


def test_slots_that_move_under_load_cost_no_answer(
    cluster: Cluster, connect: Connect, environ: Mapping[str, str]
) -> None:
    processes = [connect(), connect()]
    with steady_load(processes, USERS) as users:
        wait_for_progress(users, 5)
        for user in users:
            shard, epoch = user.uid[:2], processes[0].parts.shards.find_epoch(user.uid[:2])
            source = cluster.master_of(shard)
            cluster.move(slot_of(shard), next(node for node in cluster.masters if node is not source))
            wait_for_progress([user], 1)
            assert processes[0].parts.shards.find_epoch(shard) != epoch
        wait_for_progress(users, 5)
    print("failures", [user.failures for user in users], "slowest", [user.slowest_s for user in users])
    all_stands(connect(), users, environ)
    for user in users:
        assert user.failures == []


def test_a_script_in_a_slot_that_is_on_its_way_does_all_or_nothing(cluster: Cluster, connect: Connect) -> None:
    parts = connect().parts
    uid = ids.new_uid()
    iid, shard = ids.new_iid(uid), ids.shard_of(uid)
    epoch = parts.shards.find_epoch(shard)
    assert epoch is not None
    parts.images.apply(ready(uid, ids.new_iid(uid)), epoch)
    reserve(parts, uid, iid)  # the only entry in the due queue
    raw, master = Raw(cluster.url), cluster.master_of(shard)
    other = next(node for node in cluster.masters if node is not master)
    cluster.begin_move(slot_of(shard), other)
    try:
        published = ready(uid, iid, expires_at_ms=2_000_000_000_000)
        for record in (published, edited(published, title="b"), dead(uid, iid, rev=3)):
            assert parts.images.apply(record, epoch) == "ok"
            raw.check_counters(uid)
            assert len(raw.due(iid)) == 1
            if isinstance(record, ReadyRecord):
                assert parts.mender.rewrite_image(record)
    finally:
        for node in (other, master):
            node.call("CLUSTER SETSLOT", slot_of(shard), "STABLE")


def test_a_list_whose_images_are_on_their_way_is_whole_or_not_shown(
    cluster: Cluster, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = connect().parts
    uid = ids.new_uid()
    shard = ids.shard_of(uid)
    epoch = parts.shards.find_epoch(shard)
    assert epoch is not None
    records = [ready(uid, ids.new_iid(uid)) for _ in range(3)]
    for record in records:
        parts.images.apply(record, epoch)
    source = cluster.master_of(shard)
    other = next(node for node in cluster.masters if node is not source)
    cluster.begin_move(slot_of(shard), other)
    gone = keyspace.image(records[1].iid)
    source.call("MIGRATE", "127.0.0.1", other.port, "", 0, 5000, "KEYS", gone)
    with monkeypatch.context() as patch:
        patch.setattr(patience, "WAIT_S", 0.1)
        with pytest.raises(Unavailable):
            parts.images.list_page(uid, 10)
    cluster.move(slot_of(shard), other)
    assert {published.image.iid for published in parts.images.list_page(uid, 10).items} == {r.iid for r in records}


def test_nothing_acknowledged_is_undone_when_a_stale_replica_takes_over(
    cluster: Cluster, connect: Connect, environ: Mapping[str, str]
) -> None:
    services = connect()
    user = User([services], 0)
    for _ in range(3):
        user.publish()
    edited, deleted, _ = user.titles
    master = cluster.master_of(user.uid[:2])
    cluster.freeze_replica_of(master)
    user.edit(edited)
    user.delete(deleted)
    user.publish()
    master.kill()
    for one in (services, connect()):
        for iid in user.titles:
            user.view(iid, one)
    assert user.wrong == []
    assert services.library.get_for_viewer(edited, user.uid).image.title is not None
    all_stands(services, [user], environ)


def test_user_and_password_are_those_of_the_url(cluster: Cluster) -> None:
    for node in cluster.nodes:
        node.call("ACL SETUSER", "ann", "reset", "on", ">p@ss", "~*", "+@all")
    for password, works in (("p%40ss", True), ("wrong", False)):
        client = connect_index(cluster.url.replace("://", f"://ann:{password}@"))
        try:
            if works:
                assert [server.acl_whoami() for server, _ in servers(client)] == ["ann"] * MASTERS
            else:
                with pytest.raises(Unavailable):
                    ask(client, client.ping)
        finally:
            client.close()


def test_only_the_shards_of_the_node_that_changed_are_put_in_doubt(cluster: Cluster, connect: Connect) -> None:
    shards = connect().parts.shards
    before = shards.renew()
    master = cluster.master_of("4k")
    (lost,) = [{s for s, state in before.items() if state.node == before["4k"].node}]
    master.kill()
    after = shards.renew()
    assert {s for s in SHARDS if after[s].epoch != before[s].epoch} == lost
    assert len({after[s].node for s in lost}) == 1
    assert {s: state.epoch for s, state in connect().parts.shards.renew().items()} == {
        s: state.epoch for s, state in after.items()
    }, "who comes later finds all done"


def test_an_index_that_a_cluster_has_lost_is_made_anew(
    cluster: Cluster, connect: Connect, environ: Mapping[str, str]
) -> None:
    services = connect()
    users = [User([services], number) for number in range(3)]
    for user in users:
        user.publish()
        user.edit(next(iter(user.titles)))
    before = list(services.dump.lines())
    assert len(before) == 2 * len(users)
    for node in cluster.masters:
        node.call("FLUSHALL")
    services.rebuild.run()
    assert list(services.dump.lines()) == before
    all_stands(services, users, environ)
