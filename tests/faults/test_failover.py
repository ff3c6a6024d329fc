"""A stale replica takes over, and nothing that was acknowledged is undone by it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from imagehost.embedded.programs import find_redis
from imagehost.errors import ImageDeleted, ImageNotFound, TokenInvalid
from imagehost.ids import SHARDS
from imagehost.models import Details, Published
from imagehost.services import upkeep
from imagehost.services.facade import Services
from tests import images
from tests.faults.processes import Connect, own_bucket, processes
from tests.faults.redis_pair import RedisPair, redis_pair

PNG = images.encode(images.corner(8, 8), "image/png")


class Owner:
    """A user of one imagehost; `services` are those of the process that serves the next request."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.uid = services.accounts.create().uid

    def request(self) -> str:
        details = Details(filename="a.png", mime="image/png")
        ticket = self.services.uploads.request(self.uid, details, size_bytes=len(PNG), sha256=None)
        answer = requests.put(ticket.put.url, data=PNG, headers=dict(ticket.put.headers), timeout=20)
        assert answer.status_code == 200, answer.text
        return ticket.iid

    def complete(self, iid: str) -> Published:
        return self.services.completion.complete(self.uid, iid).published

    def publish(self) -> str:
        return self.complete(self.request()).image.iid

    def edit(self, iid: str, **change: object) -> None:
        self.services.changes.edit(self.uid, iid, change)

    def delete(self, iid: str) -> None:
        assert self.services.changes.delete(self.uid, iid)

    def view(self, iid: str) -> Published:
        return self.services.library.get_for_viewer(iid, self.uid)

    def listed(self) -> set[str]:
        return {published.image.iid for published in self.services.library.list_images(self.uid, 100).items}


@pytest.fixture
def pair(store: Mapping[str, str], tmp_path: Path) -> Iterator[RedisPair]:
    program, _ = find_redis({}, tmp_path)
    with redis_pair(Path(program), tmp_path) as pair:
        yield pair


@pytest.fixture
def connect(pair: RedisPair, store: Mapping[str, str]) -> Iterator[Connect]:
    """Makes the services of one more process."""
    with processes(own_bucket(store, REDIS_URL=pair.url)) as connect:
        yield connect


def _edited_on_the_old_master(pair: RedisPair, connect: Connect, title: str) -> tuple[Owner, Services, str]:
    """An owner whose edit was acknowledged there after another process had compared what the new one shows with the
    bucket; that process; and the image."""
    owner, other = Owner(connect()), connect()
    iid = owner.publish()
    pair.freeze_replica()
    pair.promote()
    assert other.library.get_for_viewer(iid, None).image.title is None
    other.upkeep.run()
    owner.edit(iid, title=title)
    assert pair.master.client.hget(f"img:{{{iid[:2]}}}{iid[2:]}", "title") == title
    return owner, other, iid


@pytest.mark.parametrize("by", ["the same process", "another process"])
def test_nothing_acknowledged_is_undone_when_a_stale_replica_takes_over(
    pair: RedisPair, connect: Connect, by: str
) -> None:
    owner = Owner(connect())
    hidden, doomed, pending = owner.publish(), owner.publish(), owner.request()
    issued = owner.services.accounts.issue_key(owner.uid, "to be revoked")
    pair.freeze_replica()
    fresh = owner.publish()
    owner.complete(pending)
    owner.edit(hidden, private=True, title="hidden")
    owner.delete(doomed)
    owner.services.accounts.revoke_key(owner.uid, issued.api_key.kid)
    kept = owner.services.accounts.issue_key(owner.uid, "made after the replica stopped")

    pair.fail_over()
    if by == "another process":
        owner.services = connect()
    assert owner.view(fresh).image.iid == fresh
    assert owner.view(pending).image.iid == pending
    assert owner.view(hidden).image.title == "hidden"
    with pytest.raises(ImageNotFound):
        owner.services.library.get_for_viewer(hidden, None)
    with pytest.raises(ImageDeleted):
        owner.view(doomed)
    assert doomed not in owner.listed()
    with pytest.raises(TokenInvalid):
        owner.services.accounts.authenticate(issued.token)
    assert owner.services.accounts.authenticate(kept.token).uid == owner.uid

    owner.services.upkeep.run()
    assert owner.listed() == {hidden, fresh, pending}
    owner.services.sweeper.sweep()
    report = owner.services.fsck.check()
    assert report.clean, report.findings
    usage = owner.services.accounts.get_profile(owner.uid).usage
    sizes = [owner.view(iid).image.size for iid in (hidden, fresh, pending)]
    assert (usage.used_bytes, usage.used_count, usage.reserved_count) == (sum(sizes), 3, 0)


def test_edits_and_deletes_of_what_the_replica_never_heard_of_work_at_once(pair: RedisPair, connect: Connect) -> None:
    owner = Owner(connect())
    pair.freeze_replica()
    edited, deleted = owner.publish(), owner.publish()
    pair.fail_over()
    owner.edit(edited, title="after")
    owner.delete(deleted)
    assert owner.complete(edited).image.title == "after"
    with pytest.raises(ImageDeleted):
        owner.view(deleted)


def test_what_a_process_wrote_to_the_old_master_is_seen_once_it_has_found_the_new_one(
    pair: RedisPair, connect: Connect
) -> None:
    """Two masters for a while: the other process has already compared what it shows with the bucket."""
    owner, other, iid = _edited_on_the_old_master(pair, connect, "written to the old master")
    pair.master.kill()
    assert owner.view(iid).image.title == "written to the old master"
    assert other.library.get_for_viewer(iid, None).image.title == "written to the old master"


def test_a_demotion_that_breaks_no_connection_is_noticed_by_the_next_watch(pair: RedisPair, connect: Connect) -> None:
    owner = Owner(connect())
    iid = owner.publish()
    before = owner.services.parts.shards.find_epoch(iid[:2])
    pair.master.client.replicaof("127.0.0.1", 1)
    pair.master.client.replicaof("NO", "ONE")
    assert owner.services.parts.shards.find_epoch(iid[:2]) == before
    owner.services.upkeep.run()
    assert owner.services.parts.shards.find_epoch(iid[:2]) != before
    assert owner.view(iid).image.iid == iid


def test_what_a_process_wrote_to_the_old_master_before_it_died_is_seen_after_the_late_check(
    pair: RedisPair, connect: Connect
) -> None:
    _, other, iid = _edited_on_the_old_master(pair, connect, "nobody else knows")
    pair.master.kill()  # and with it the process, which asks for nothing any more

    assert other.upkeep.run() == 0, "all is settled, and it is too early for the second look"
    for shard in SHARDS:  # a minute later
        pair.replica.client.hincrby(f"meta:{{{shard}}}", "renewed_at", -upkeep.OLD_MASTER_MS)
        pair.replica.client.hincrby(f"meta:{{{shard}}}", "checked_at", -upkeep.OLD_MASTER_MS)
    assert other.upkeep.run() == len(SHARDS)
    assert other.library.get_for_viewer(iid, None).image.title == "nobody else knows"
    assert other.upkeep.run() == 0


def test_a_process_that_has_found_the_new_master_uses_no_connection_to_the_old_one(
    pair: RedisPair, connect: Connect
) -> None:
    owner = Owner(connect())
    iid = owner.publish()
    pool: Any = owner.services.parts.shards._redis.connection_pool
    two = [pool.get_connection() for _ in range(2)]
    for connection in two:
        pool.release(connection)
    pair.freeze_replica()
    pair.promote()
    two[-1].disconnect()  # the one that is used next; the other is as good as before
    assert owner.view(iid).image.iid == iid
    busy = pool.get_connection()  # the one that has found the new master
    try:
        owner.edit(iid, title="new")
    finally:
        pool.release(busy)
    name = f"img:{{{iid[:2]}}}{iid[2:]}"
    assert pair.replica.client.hget(name, "title") == "new"
    assert pair.master.client.hget(name, "title") is None
