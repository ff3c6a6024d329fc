"""What a check finds in the index, and repairs: each damage is planted behind imagehost's back, is found as exactly
what it is, and is gone after one repair (the bench sees to it that all is consistent then)."""

from collections.abc import Mapping

import pytest

from imagehost import ids
from tests.contract.services.conftest import Bench, Crash
from tests.contract.services.damage import Plant, Wreck, epochs


@pytest.fixture
def wreck(bench: Bench, environment: Mapping[str, str]) -> Wreck:
    return Wreck(bench, environment)


def _crashed_before_the_index(wreck: Wreck) -> None:
    iid = wreck.bench.request().iid
    wreck.bench.records.plan["write_image"] = ["after"]
    with pytest.raises(Crash):
        wreck.bench.faulty.completion.complete(wreck.uid, iid)
    wreck.bench.expire_lease(iid)


def _unknown_to_the_index(wreck: Wreck) -> None:
    iid = wreck.bench.publish()
    h = wreck.redis.hgetall(wreck.image(iid))
    wreck.redis.delete(wreck.image(iid))
    wreck.redis.zrem(wreck.list, iid)
    wreck.redis.hincrby(wreck.user, "used_bytes", -int(h["size"]))
    wreck.redis.hincrby(wreck.user, "used_count", -1)


def _edited_in_the_bucket_alone(wreck: Wreck) -> None:
    iid = wreck.bench.publish()
    wreck.change(wreck.record(iid), rev=2, title="later", op="o", ops=["o"])


def _dead_in_the_bucket_alone(wreck: Wreck) -> None:
    iid = wreck.bench.publish()
    wreck.put_dead(iid, rev=2)


def _another_title(wreck: Wreck) -> None:
    wreck.set(wreck.bench.publish(), title="of nobody")


def _a_field_less(wreck: Wreck) -> None:
    wreck.redis.hdel(wreck.image(wreck.bench.publish(tags=("a",))), "tags", "size")
    wreck.redis.hset(wreck.user, "used_bytes", 0)


def _another_reason(wreck: Wreck) -> None:
    iid = wreck.bench.request().iid
    wreck.bench.services.changes.delete(wreck.uid, iid)
    wreck.set(iid, reason="fenced", rev="0")


def _not_listed(wreck: Wreck) -> None:
    wreck.redis.zrem(wreck.list, wreck.bench.publish())


def _listed_at_another_time(wreck: Wreck) -> None:
    wreck.redis.zadd(wreck.list, {wreck.bench.publish(): 7})


def _listed_though_dead(wreck: Wreck) -> None:
    iid = wreck.bench.request().iid
    wreck.bench.services.changes.delete(wreck.uid, iid)
    wreck.redis.zadd(wreck.list, {iid: 7})


def _listed_though_unknown(wreck: Wreck) -> None:
    wreck.redis.zadd(wreck.list, {ids.new_iid(wreck.uid): 7})


def _upload_not_due(wreck: Wreck) -> None:
    wreck.bench.request()
    wreck.redis.delete(wreck.due)


def _expiry_not_due(wreck: Wreck) -> None:
    iid = wreck.bench.publish()
    wreck.bench.services.changes.edit(wreck.uid, iid, {"image_expires_in_s": 1000})
    wreck.redis.delete(wreck.due)


def _purge_not_due(wreck: Wreck) -> None:
    iid = wreck.bench.publish()
    wreck.bench.objects.plan["remove_all"] = ["before"]
    with pytest.raises(Crash):
        wreck.bench.faulty.changes.delete(wreck.uid, iid)
    wreck.redis.delete(wreck.due)


def _due_without_a_reason(wreck: Wreck) -> None:
    iid = wreck.bench.publish()
    wreck.redis.zadd(wreck.due, {f"upload:{ids.new_op()}:{iid}": 2e12})


def _due_for_an_unknown_image(wreck: Wreck) -> None:
    wreck.redis.zadd(wreck.due, {f"expire:{ids.new_op()}:{ids.new_iid(wreck.uid)}": 2e12})


def _too_much_used(wreck: Wreck) -> None:
    wreck.bench.publish()
    wreck.redis.hincrby(wreck.user, "used_bytes", 5)


def _too_little_reserved(wreck: Wreck) -> None:
    wreck.bench.request()
    wreck.redis.hset(wreck.user, "reserved_count", 0)


def _below_nothing(wreck: Wreck) -> None:
    wreck.redis.hincrby(wreck.user, "used_count", -1)


@pytest.mark.parametrize(
    "code, plant",
    [
        ("F3", _crashed_before_the_index),
        ("F3", _unknown_to_the_index),
        ("F3", _edited_in_the_bucket_alone),
        ("F3", _dead_in_the_bucket_alone),
        ("F3", _another_title),
        ("F3", _a_field_less),
        ("F3", _another_reason),
        ("F4", _not_listed),
        ("F4", _listed_at_another_time),
        ("F4", _listed_though_dead),
        ("F4", _listed_though_unknown),
        ("F5", _upload_not_due),
        ("F5", _expiry_not_due),
        ("F5", _purge_not_due),
        ("F5", _due_without_a_reason),
        ("F5", _due_for_an_unknown_image),
        ("I5", _below_nothing),
        ("I6", _too_much_used),
        ("I7", _too_little_reserved),
    ],
)
def test_a_damage_is_found_as_what_it_is_and_repaired(wreck: Wreck, code: str, plant: Plant) -> None:
    plant(wreck)
    before = wreck.world()
    assert wreck.codes() == [code]
    assert wreck.world() == before
    repaired = wreck.repair()
    assert (repaired[0].code, repaired[0].repaired) == (code, True)
    assert all(finding.repaired for finding in repaired)
    assert wreck.codes() == []
    epoch, settled = epochs(wreck)
    assert epoch == settled
    _end_all(wreck)


def _end_all(wreck: Wreck) -> None:
    """The rest is the sweeper's: staging bytes and purges, as after any day's work."""
    for iid, h in wreck.bench.raw.images_of(wreck.uid).items():
        if h["state"] != "dead":
            wreck.bench.services.changes.delete(wreck.uid, iid)
        wreck.bench.sweep_now(iid)


def _only_the_index_knows_it(wreck: Wreck) -> None:
    wreck.remove(wreck.record(wreck.bench.publish()))


def _the_index_is_ahead(wreck: Wreck) -> None:
    wreck.set(wreck.bench.publish(), rev="7")


def _alive_again(wreck: Wreck) -> None:
    iid = wreck.bench.publish()
    alive = wreck.get(wreck.record(iid))
    wreck.bench.services.changes.delete(wreck.uid, iid)
    wreck.put(wreck.record(iid), alive)


@pytest.mark.parametrize("plant", [_only_the_index_knows_it, _the_index_is_ahead, _alive_again])
def test_an_index_that_knows_more_than_the_bucket_is_never_repaired(wreck: Wreck, plant: Plant) -> None:
    plant(wreck)
    before = wreck.world()
    found = wreck.repair()
    assert [finding.code for finding in found] == ["F3"]
    assert not found[0].repaired
    assert "another bucket" in found[0].cure
    after = wreck.world()
    assert after[0] == before[0]
    assert not wreck.bench.parts.shards.read_states([wreck.shard])[wreck.shard].checking
    for iid in wreck.bench.raw.images_of(wreck.uid):
        wreck.put_dead(iid, rev=9)
    assert wreck.check(repair=True).clean


def test_a_shard_with_an_unrepaired_finding_of_the_index_is_not_settled(wreck: Wreck) -> None:
    iid = wreck.bench.publish()
    wreck.redis.hset(wreck.meta, "settled", "before")
    wreck.set(iid, rev="7")
    assert not wreck.check(repair=True).clean
    assert list(epochs(wreck))[1] == "before"
    wreck.set(iid, rev="1")
    assert wreck.check(repair=True).clean
    epoch, settled = epochs(wreck)
    assert epoch == settled


def test_what_was_not_compared_in_this_epoch_is_no_finding_and_is_compared_by_a_repair(wreck: Wreck) -> None:
    iid = wreck.bench.publish()
    wreck.set(iid, checked="before")
    wreck.redis.hset(wreck.user, "checked", "before")
    assert wreck.codes() == []
    assert wreck.repair() == []
    epoch = wreck.redis.hget(wreck.meta, "epoch")
    assert wreck.redis.hget(wreck.image(iid), "checked") == epoch
    assert wreck.redis.hget(wreck.user, "checked") == epoch


def test_an_upload_that_nothing_leads_to_is_counted_before_counters_are_corrected(wreck: Wreck) -> None:
    iid = wreck.bench.request().iid
    wreck.remove(f"incoming/{wreck.uid}/{iid}/photo.jpg")
    wreck.redis.delete(wreck.due)
    assert wreck.codes() == []
    wreck.redis.hincrby(wreck.user, "used_bytes", 5)
    assert [finding.detail for finding in wreck.repair()] == ["used_bytes is 5, not 0"]
    assert wreck.bench.raw.counters(wreck.uid)[3] == 1
    wreck.bench.services.changes.delete(wreck.uid, iid)
