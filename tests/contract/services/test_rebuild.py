"""Making the index anew from the bucket: of all shards or of some, interrupted, wiped once more, beside a service."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from imagehost.build import build_services
from imagehost.config import load_config
from imagehost.errors import ConditionFailed, Unavailable
from imagehost.ids import SHARDS, shard_of
from imagehost.index import keyspace
from imagehost.models import ReadyRecord
from imagehost.services import rebuild
from imagehost.services.facade import Services
from imagehost.services.parts import Parts
from imagehost.services.rebuild import Rebuild, Rebuilt
from imagehost.storage import object_keys
from imagehost.storage.records import to_json
from tests import synthetic
from tests.contract.builders import edited
from tests.contract.raw import Raw
from tests.stack import embedded_stack

IMAGES, USERS, DEAD, MANY = 80, 8, 8, 1_000


class Stop(Exception):
    """Whoever runs a rebuild wants to end it."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """A stack of its own, because all of its index is wiped."""
    with embedded_stack(tmp_path_factory.mktemp("rebuild") / "data") as environment:
        yield environment


@pytest.fixture(scope="module")
def services(environment: Mapping[str, str]) -> Iterator[Services]:
    """Over a bucket with some records."""
    made = build_services(load_config(environment))
    accounts = [synthetic.account(IMAGES // USERS, DEAD // USERS) for _ in range(USERS)]
    synthetic.store(made.parts, [record for record, _ in accounts], [r for _, images in accounts for r in images])
    yield made
    made.parts.close()


@pytest.fixture(scope="module")
def parts(services: Services) -> Parts:
    return services.parts


@pytest.fixture
def raw(environment: Mapping[str, str]) -> Iterator[Raw]:
    """Redis, which has just lost everything."""
    made = Raw(environment["REDIS_URL"])
    made.client.flushall()
    yield made
    made.client.close()


def assert_all_there(services: Services, raw: Raw) -> None:
    """Every account with its images, and exact counters."""
    assert len(list(services.dump.lines())) == USERS + IMAGES
    for uid in services.parts.survey.scan()[1]:
        raw.check_counters(uid)


def test_an_account_whose_maker_died_before_its_claim_is_in_no_dump(services: Services, raw: Raw) -> None:
    services.rebuild.run()
    before, (account, _) = list(services.dump.lines()), synthetic.account(0)
    nobodys = replace(account, username="died-young", api_keys=(), rev=1)
    services.parts.records.write_account(nobodys)
    try:
        raw.client.flushall()
        services.rebuild.run()
        assert list(services.dump.lines()) == before
    finally:
        services.parts.objects.remove([object_keys.account_record(nobodys.uid)])


def test_all_is_there_again_and_a_second_rebuild_has_nothing_to_do(services: Services, raw: Raw) -> None:
    heard: list[tuple[int, int]] = []
    rebuilt = services.rebuild.run(lambda done, total: heard.append((done, total)))
    everything = USERS + IMAGES + DEAD
    assert rebuilt == Rebuilt(shards=1024, accounts=USERS, images=IMAGES, dead=DEAD, unreadable=[])
    assert heard == [(done, everything) for done in range(1, everything + 1)]
    assert services.parts.shards.list_wiped() == []
    assert all(state.settled for state in services.parts.shards.read_states().values())
    assert_all_there(services, raw)
    assert services.rebuild.run() == Rebuilt(shards=0, accounts=0, images=0, dead=0, unreadable=[])


def test_a_thousand_images_of_one_account_come_back_in_the_order_of_their_list(services: Services, raw: Raw) -> None:
    parts = services.parts
    taken = {listed.object_key.split("/")[1] for listed in parts.inventory.list_below(object_keys.RECORDS)}
    owner, records = next(made for made in iter(lambda: synthetic.account(MANY), None) if made[0].uid[:2] not in taken)
    synthetic.store(parts, [owner], records)
    assert services.rebuild.run().images == IMAGES + MANY
    page = parts.images.list_page(owner.uid, 100, start=MANY - 100)
    assert page.total == MANY
    assert [entry.image for entry in page.items] == [r.image for r in records[99::-1] if isinstance(r, ReadyRecord)]
    raw.check_counters(owner.uid)
    _remove(parts, object_keys.account_record(owner.uid), f"{object_keys.RECORDS}{shard_of(owner.uid)}/")


def test_a_rebuild_that_was_ended_is_finished_by_the_next_which_passes_over_whole_shards(
    services: Services, raw: Raw
) -> None:
    def stop_in_the_middle(done: int, total: int) -> None:
        if done > total // 2:
            raise Stop

    with pytest.raises(Stop):
        services.rebuild.run(stop_in_the_middle)
    left = services.parts.shards.list_wiped()
    assert 0 < len(left) < len(SHARDS)
    rebuilt = services.rebuild.run()
    assert rebuilt.shards == len(left)
    assert 0 < rebuilt.images < IMAGES
    assert_all_there(services, raw)


def test_a_whole_shard_is_left_alone(services: Services, raw: Raw) -> None:
    services.rebuild.run()
    first, second = sorted(services.parts.survey.scan()[1], key=shard_of)[:2]
    for uid in (first, second):
        raw.client.hset(keyspace.user(uid), "username", "as it was")
    raw.client.delete(keyspace.meta(shard_of(first)), keyspace.user(first))
    assert services.rebuild.run().shards == 1
    assert raw.user(first)["username"] != "as it was"
    assert raw.user(second)["username"] == "as it was"


def test_shards_wiped_once_more_in_the_middle_are_begun_again(services: Services, raw: Raw) -> None:
    wipes = iter([raw.client.flushall])

    def wipe(done: int, total: int) -> None:
        if done == total // 2 and (flushall := next(wipes, None)):
            flushall()

    services.rebuild.run(wipe)
    assert services.parts.shards.list_wiped() == []
    assert_all_there(services, raw)


def test_a_redis_that_was_restarted_in_the_middle_is_not_believed_to_have_kept_all(
    services: Services, raw: Raw
) -> None:
    shards, lost = services.parts.shards, list[str]()

    def restart(done: int, total: int) -> None:
        """The shard that is being applied is as it was when its rebuild began, and the next to connect notices."""
        if done != total // 2 + 6 or lost:
            return
        wiped = shards.list_wiped()
        here = next(name for name in raw.client.scan_iter("img:*") if name[5:7] in wiped)[5:7]
        lost.extend(name for name in raw.client.scan_iter(f"*{{{here}}}*") if not name.startswith("meta:"))
        raw.client.delete(*lost)
        for shard in wiped:
            shards._scripts("renew_epoch", [keyspace.meta(shard)], "another:run", "another epoch", 0)

    services.rebuild.run(restart)
    assert lost
    assert_all_there(services, raw)


def test_a_redis_that_loses_its_index_again_and_again_is_given_up(
    services: Services, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "ROUNDS", 2)
    wipes: list[int] = []

    def wipe(done: int, total: int) -> None:
        if done == total:
            wipes.append(done)
            raw.client.flushall()

    with pytest.raises(Unavailable, match="again and again"):
        services.rebuild.run(wipe)
    assert len(wipes) == 2


def test_what_changes_meanwhile_is_not_undone_by_the_record_that_was_read_before(services: Services, raw: Raw) -> None:
    parts = services.parts
    owner, (old, gone, *_) = synthetic.account(images=2)
    assert isinstance(old, ReadyRecord)
    synthetic.store(parts, [owner], [old, gone])
    new, dead = edited(old, title="newer"), replace(synthetic.deleted(owner.uid), iid=gone.iid, rev=gone.rev + 1)
    late = synthetic.published(owner.uid)

    class Slow:
        """The index, into which somebody faster writes first."""

        def apply(self, record: Any, epoch: str) -> Any:
            if record.iid == old.iid:
                for newer in (new, dead, late):
                    parts.images.apply(newer, "an epoch before the wipe")
            return parts.images.apply(record, epoch)

    slow: Any = Slow()
    Rebuild(replace(parts, images=slow)).run()
    assert raw.image(old.iid)["title"] == "newer"
    assert raw.image(gone.iid)["state"] == "dead"
    assert set(raw.listed(owner.uid)) == {old.iid, late.iid}
    raw.check_counters(owner.uid)
    _remove(parts, object_keys.account_record(owner.uid), *map(object_keys.image_record, (old.iid, gone.iid)))


def test_two_at_once_make_one_index(services: Services, raw: Raw) -> None:
    other = iter([services.rebuild.run])

    def run_the_other(done: int, total: int) -> None:
        if done == total // 2 and (run := next(other, None)):
            run()

    services.rebuild.run(run_the_other)
    assert_all_there(services, raw)


def test_what_cannot_be_read_is_reported_and_keeps_nothing_else_out(
    services: Services, raw: Raw, caplog: pytest.LogCaptureFixture
) -> None:
    parts = services.parts
    owner, (image, moved) = synthetic.account(images=2)
    synthetic.store(parts, [owner], [image])
    shard, here = shard_of(owner.uid), "0" * 22
    wrong = {
        f"records/{shard}/{shard}{here}.json": b'{"v":1,"state":"ready"}',
        f"records/{shard}/{shard}{here[1:]}1.json": b"\xff not JSON",
        f"records/{shard}/{shard}{here[1:]}2.json": b'{"v":99}',
        f"records/{shard}/{shard}{here[1:]}3.json": to_json(moved),
        f"records/{shard}/a-note.txt": b"{}",
        f"accounts/{shard}/{shard}{here}.json": b"",
    }
    _put(parts, wrong)
    rebuilt = services.rebuild.run()
    assert [line.split(": ", 1)[0] for line in rebuilt.unreadable] == sorted(wrong)
    assert (rebuilt.shards, rebuilt.accounts, rebuilt.images) == (1024, USERS + 1, IMAGES + 1)
    assert set(raw.listed(owner.uid)) == {image.iid}
    logged = {getattr(record, "object_key", "") for record in caplog.records if record.msg == "record_unreadable"}
    assert logged == set(wrong)
    _remove(parts, *wrong, object_keys.account_record(owner.uid), object_keys.image_record(image.iid))


def test_a_store_that_does_not_answer_ends_it_and_declares_nothing_whole_that_is_not(
    services: Services, raw: Raw
) -> None:
    class Silent:
        """Records of which the tenth account's images do not come."""

        def find_account(self, uid: str) -> Any:
            return services.parts.records.find_account(uid)

        def find_image(self, _iid: str) -> Any:
            raise Unavailable("The storage does not answer.") from ConditionFailed()

    silent: Any = Silent()
    with pytest.raises(Unavailable, match="storage does not answer"):
        Rebuild(replace(services.parts, records=silent)).run()
    assert len(services.parts.shards.list_wiped()) == len(SHARDS)
    assert services.rebuild.run().images == IMAGES
    assert len(raw.client.keys("meta:*")) == len(SHARDS)


def test_a_record_that_goes_while_it_is_rebuilt_is_none_and_one_that_is_only_listed_is_reported(
    services: Services, raw: Raw
) -> None:
    parts = services.parts
    gone, listed = synthetic.deleted(SHARDS[0] + "1" * 22), synthetic.deleted(SHARDS[0] + "2" * 22)
    synthetic.store(parts, [], [gone, listed])

    class Forgetful:
        """Records that are listed and then not there."""

        find_account = parts.records.find_account

        def find_image(self, iid: str) -> Any:
            if iid == gone.iid:
                _remove(parts, object_keys.image_record(iid))
            return None if iid in (gone.iid, listed.iid) else parts.records.find_image(iid)

    forgetful: Any = Forgetful()
    rebuilt = Rebuild(replace(parts, records=forgetful)).run()
    object_key = object_keys.image_record(listed.iid)
    assert rebuilt.unreadable == [f"{object_key}: the storage lists it and does not have it"]
    assert rebuilt.images == IMAGES
    assert raw.image(gone.iid) == {}
    _remove(parts, object_key)


def _put(parts: Parts, objects: Mapping[str, bytes]) -> None:
    for object_key, data in objects.items():
        parts.records._put(object_key, data, None)


def _remove(parts: Parts, *keys: str) -> None:
    assert parts.objects.remove_all(*keys)
