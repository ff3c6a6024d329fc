"""A check as a whole: which shards it takes, whom it lets be, and what it does not take for a fault."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from imagehost import ids
from imagehost.errors import ImagehostError, Unavailable
from imagehost.ids import SHARDS
from imagehost.services.fsck import Fsck
from tests.contract.services.conftest import Bench, Crash, faulty
from tests.contract.services.damage import Wreck, epochs


@pytest.fixture
def wreck(bench: Bench, environment: Mapping[str, str]) -> Wreck:
    return Wreck(bench, environment)


def _repair_all(wreck: Wreck) -> None:
    """Other tests share the stack, and some have left what only a check removes."""
    Fsck(wreck.bench.parts, patience_s=0).check(repair=True, min_age_s=0)


def test_a_check_of_everything_finds_nothing_and_settles_every_shard(wreck: Wreck) -> None:
    _repair_all(wreck)
    wreck.bench.publish()
    wreck.bench.request()
    heard: list[tuple[int, int]] = []
    report = Fsck(wreck.bench.parts).check(repair=True, progress=lambda *at: heard.append(at))
    assert (report.findings, report.busy, report.moved) == ([], [], [])
    assert report.clean
    assert (heard[0][1], heard[-1]) == (len(SHARDS), (len(SHARDS), len(SHARDS)))
    assert report.counts.images >= 1
    assert report.counts.pending >= 1
    assert report.counts.accounts >= 1
    assert all(state.settled for state in wreck.bench.parts.shards.read_states().values())


def test_a_check_of_everything_finds_what_nothing_leads_to(wreck: Wreck) -> None:
    _repair_all(wreck)
    iid = wreck.bench.request().iid
    wreck.remove(f"incoming/{wreck.uid}/{iid}/photo.jpg")
    for kind_op in wreck.bench.raw.due(iid):
        wreck.redis.zrem(wreck.due, f"{kind_op}:{iid}")
    checker = Fsck(wreck.bench.parts, patience_s=0)
    assert [finding.code for finding in checker.check(repair=True).findings] == ["F5"]
    assert wreck.bench.raw.due(iid) != {}
    wreck.bench.services.changes.delete(wreck.uid, iid)


def test_what_stands_where_a_shard_would_is_reported(wreck: Wreck) -> None:
    _repair_all(wreck)
    object_key = wreck.put("records/uu/x.json")
    found = Fsck(wreck.bench.parts, patience_s=0).check().findings
    assert [(finding.code, finding.subject) for finding in found] == [("F8", object_key)]
    wreck.remove(object_key)


def test_wiped_shards_are_one_finding_and_nothing_of_them_is_touched(wreck: Wreck) -> None:
    iid = wreck.bench.publish()
    meta = wreck.redis.hgetall(wreck.meta)
    wreck.redis.delete(wreck.meta)
    wreck.redis.delete(wreck.image(iid))
    (found,) = wreck.repair()
    assert (found.code, found.subject, found.repaired) == ("W0", wreck.shard, False)
    assert "rebuild" in found.cure
    assert wreck.redis.hgetall(wreck.meta) == {}
    wreck.redis.hset(wreck.meta, mapping=meta)
    assert wreck.check(repair=True).clean


def test_a_shard_that_somebody_else_repairs_is_skipped_and_looked_at_all_the_same(wreck: Wreck) -> None:
    wreck.redis.zrem(wreck.list, wreck.bench.publish())
    shards, other = wreck.bench.parts.shards, ids.new_op()
    assert shards.take_check(wreck.shard, other, 60_000) is not None
    report = wreck.check(repair=True)
    assert (report.busy, report.findings) == ([wreck.shard], [])
    assert wreck.codes() == ["F4"]
    shards.take_check(wreck.shard, other, 0)
    report = wreck.check(repair=True)
    assert (report.busy, len(report.findings), report.clean) == ([], 1, True)


def _new_epoch(wreck: Wreck) -> Callable[[], None]:
    return lambda: wreck.redis.hset(wreck.meta, "epoch", ids.random_text(8))


@pytest.mark.parametrize("when", ["take_check", "finish_check"])
def test_a_shard_that_has_another_epoch_by_then_is_not_settled(wreck: Wreck, when: str) -> None:
    shards: Any = faulty(wreck.bench.parts.shards)
    shards.plan[when], shards.first = ["do"], _new_epoch(wreck)
    wreck.bench.parts = replace(wreck.bench.parts, shards=shards)
    report = wreck.check(repair=True)
    assert (report.moved, report.counts.accounts) == ([wreck.shard], 0)
    epoch, settled = epochs(wreck)
    assert epoch != settled
    assert wreck.check(repair=True).moved == []
    epoch, settled = epochs(wreck)
    assert epoch == settled


def test_a_check_that_loses_its_lease_ends(wreck: Wreck) -> None:
    """As one whose process was stopped for longer than that."""
    wreck.bench.publish()
    config = wreck.bench.parts.config.model_copy(update={"lease_s": 0})
    shards: Any = faulty(wreck.bench.parts.shards)
    shards.plan["take_check"] = ["ok", "do"]
    shards.first = lambda: wreck.redis.hset(wreck.meta, mapping={"check_op": "other", "check_until": "9" * 13})
    wreck.bench.parts = replace(wreck.bench.parts, config=config, shards=shards)
    report = wreck.check(repair=True)
    assert report.moved == [wreck.shard]
    assert wreck.redis.hget(wreck.meta, "check_op") == "other"
    wreck.redis.hdel(wreck.meta, "check_op", "check_until")


class Stop(Exception):
    pass


def test_a_check_can_be_ended_from_outside_and_gives_its_lease_back(wreck: Wreck) -> None:
    wreck.bench.publish()

    def stop(_done: int, _total: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        wreck.check(repair=True, progress=stop)
    assert not wreck.bench.parts.shards.read_states([wreck.shard])[wreck.shard].checking


def test_a_check_says_so_when_the_bucket_does_not_answer(wreck: Wreck) -> None:
    wreck.bench.publish()
    wreck.bench.records.plan["find_image"] = ["fail"]
    wreck.bench.parts = wreck.bench.faulty.parts
    with pytest.raises(Unavailable):
        wreck.check(repair=True)


def test_what_is_under_way_is_no_finding(wreck: Wreck) -> None:
    bench, iid = wreck.bench, wreck.bench.publish()
    begun = bench.request().iid
    bench.records.plan["write_image"] = ["after", "after"]
    with pytest.raises(Crash):  # between the record and the index, the intent noted
        bench.faulty.changes.edit(wreck.uid, iid, {"title": "new"})
    with pytest.raises(Crash):  # the same, the lease held
        bench.faulty.completion.complete(wreck.uid, begun)
    report = wreck.check()
    assert report.findings == []
    assert (report.counts.open_intents, report.counts.leases_held) == (1, 1)
    bench.expire_lease(begun)
    assert wreck.codes() == ["F3"]
    bench.sweep_now(iid)
    bench.sweep_now(begun)
    assert wreck.codes() == []


def test_a_repair_does_not_wait_for_what_is_under_way(wreck: Wreck) -> None:
    bench, begun = wreck.bench, wreck.bench.request().iid
    bench.records.plan["write_image"] = ["after"]
    with pytest.raises(Crash):
        bench.faulty.completion.complete(wreck.uid, begun)
    assert wreck.repair() == []
    assert bench.services.library.get_for_viewer(begun, None).image.iid == begun


def test_a_refusal_that_has_not_come_to_the_index_yet_is_waited_for(wreck: Wreck) -> None:
    """Of a file of the wrong size, for which nobody holds a lease."""
    iid = wreck.bench.request().iid
    wreck.put_dead(iid, rev=1)
    stored = wreck.bench.parts.records.find_image(iid)
    assert stored is not None
    epoch = wreck.redis.hget(wreck.meta, "epoch")
    late = threading.Timer(0.3, wreck.bench.parts.images.apply, (stored.record, epoch))
    late.start()
    assert Fsck(wreck.bench.parts, patience_s=1).check([wreck.shard]).findings == []
    late.join()
    wreck.bench.sweep_now(iid)


def test_one_image_that_cannot_be_repaired_keeps_no_other_from_it(wreck: Wreck) -> None:
    broken, iid = sorted((wreck.bench.publish(), wreck.bench.publish()))
    for each in (broken, iid):
        wreck.redis.zrem(wreck.list, each)
    created_at = wreck.redis.hget(wreck.image(broken), "created_at")
    mender: Any = faulty(wreck.bench.parts.mender)
    mender.plan["realign"] = ["fail", "ok", "fail", "fail"]
    parts, wreck.bench.parts = wreck.bench.parts, replace(wreck.bench.parts, mender=mender)
    found = {finding.subject: finding.repaired for finding in wreck.repair()}
    assert found == {broken: False, iid: True}
    wreck.bench.parts = parts
    assert [finding.subject for finding in wreck.repair()] == [broken]
    assert wreck.redis.zscore(wreck.list, broken) == float(created_at)


def test_a_busy_service_has_no_findings(wreck: Wreck) -> None:
    bench, stopped = wreck.bench, threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        number = 0
        while not stopped.is_set():
            number += 1
            try:
                iid = bench.publish()
                bench.services.changes.edit(wreck.uid, iid, {"title": f"{number}", "image_expires_in_s": 500 * number})
                left = bench.request().iid
                bench.services.accounts.revoke_key(
                    wreck.uid, bench.services.accounts.issue_key(wreck.uid, "k").api_key.kid
                )
                for each in (iid, left) if number % 3 else (left,):
                    bench.services.changes.delete(wreck.uid, each)
            except ImagehostError as exc:
                failed.append(exc)
                return

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    found = []
    try:
        for number in range(12):
            found += Fsck(bench.parts).check([wreck.shard], repair=number % 2 == 1, min_age_s=0).findings
    finally:
        stopped.set()
        for thread in threads:
            thread.join()
    assert failed == []
    assert found == []
