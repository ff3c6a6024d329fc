"""A master that Sentinels watch dies under a steady load: no wrong answer, and nothing acknowledged is lost."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from imagehost.index.client import connect as connect_index
from tests.faults.load import User, all_stands, steady_load, wait_for_progress
from tests.faults.processes import Connect, own_bucket, processes
from tests.sentinels import Sentinels, running_sentinels


@pytest.fixture
def sentinels(tmp_path: Path) -> Iterator[Sentinels]:
    with running_sentinels(tmp_path) as sentinels:
        yield sentinels


@pytest.fixture
def environ(sentinels: Sentinels, store: Mapping[str, str]) -> Mapping[str, str]:
    return own_bucket(store, IMAGEHOST_LEASE_S="1", IMAGEHOST_MAX_PENDING="100000", REDIS_URL=sentinels.url)


@pytest.fixture
def connect(environ: Mapping[str, str]) -> Iterator[Connect]:
    """Makes the services of one more process."""
    with processes(environ) as connect:
        yield connect


def test_user_password_and_database_are_those_of_the_url(sentinels: Sentinels) -> None:
    for server in sentinels.servers:
        server.call("ACL SETUSER", "ann", "reset", "on", ">p@ss", "~*", "+@all")
    url = sentinels.url.replace("://", "://ann:p%40ss@").replace("?", "/3?")
    client = connect_index(url)
    assert client.acl_whoami() == "ann"
    assert client.client_info()["db"] == 3
    client.close()


def test_a_master_that_dies_under_load_costs_no_answer(
    sentinels: Sentinels, connect: Connect, environ: Mapping[str, str]
) -> None:
    with steady_load([connect(), connect()], 4) as users:
        wait_for_progress(users, 5)
        sentinels.master.kill()
        wait_for_progress(users, 10)
    print("failures", [user.failures for user in users], "slowest", [user.slowest_s for user in users])
    all_stands(connect(), users, environ)


def test_nothing_acknowledged_is_undone_when_a_stale_replica_takes_over(
    sentinels: Sentinels, connect: Connect, environ: Mapping[str, str]
) -> None:
    services = connect()
    user = User([services], 0)
    for _ in range(3):
        user.publish()
    edited, deleted, _ = user.titles
    sentinels.freeze_replica()
    user.edit(edited)
    user.delete(deleted)
    user.publish()
    sentinels.master.kill()
    for one in (services, connect()):
        for iid in user.titles:
            user.view(iid, one)
    assert user.wrong == []
    all_stands(services, [user], environ)
