"""What a check finds in the bucket: bytes that are missing, changed or nobody's, and records that are none."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from imagehost import ids
from imagehost.errors import Unavailable
from imagehost.models import DeadRecord
from tests.contract.services.conftest import Bench, Crash
from tests.contract.services.damage import DAY_S, Plant, Wreck


@pytest.fixture
def wreck(bench: Bench, environment: Mapping[str, str]) -> Wreck:
    return Wreck(bench, environment)


def _another_version(wreck: Wreck) -> None:
    place = f"{wreck.uid}/{wreck.bench.publish()}/{ids.new_version()}"
    wreck.put(f"uploads/{place}/photo.jpg")
    wreck.put(f"variants/{place}/thumb.webp")


def _of_nobody(wreck: Wreck) -> None:
    wreck.put(f"uploads/{wreck.uid}/{ids.new_iid(wreck.uid)}/{ids.new_version()}/photo.jpg")


def _a_derivative_of_nobody(wreck: Wreck) -> None:
    wreck.put(f"variants/{wreck.uid}/{ids.new_iid(wreck.uid)}/{ids.new_version()}/preview.webp")


def _of_the_dead(wreck: Wreck) -> None:
    iid = wreck.bench.publish()
    original = wreck.original(iid)
    wreck.bench.services.changes.delete(wreck.uid, iid)
    wreck.put(original)


@pytest.mark.parametrize(
    "code, plant",
    [("F1", _another_version), ("F1", _of_nobody), ("F1", _a_derivative_of_nobody), ("F2", _of_the_dead)],
)
def test_bytes_that_belong_to_none_are_found_when_they_are_old_enough_and_removed(
    wreck: Wreck, code: str, plant: Plant
) -> None:
    plant(wreck)
    before = wreck.world()
    assert wreck.codes(min_age_s=DAY_S) == []
    assert wreck.codes(min_age_s=DAY_S, later_s=DAY_S + 60) == [code]
    assert wreck.codes() == [code]
    assert wreck.world() == before
    assert [(finding.code, finding.repaired) for finding in wreck.repair()] == [(code, True)]
    assert wreck.codes() == []


def test_bytes_without_any_record_are_fenced_so_that_a_late_record_cannot_revive_the_image(wreck: Wreck) -> None:
    bench, iid = wreck.bench, wreck.bench.request().iid
    bench.records.plan["write_image"] = ["late", "before"]
    with pytest.raises(Crash):
        bench.faulty.completion.complete(bench.uid, iid)
    size = int(wreck.redis.hget(wreck.image(iid), "size"))
    wreck.redis.delete(wreck.image(iid), wreck.due)
    wreck.redis.hincrby(wreck.user, "reserved_bytes", -size)
    wreck.redis.hincrby(wreck.user, "reserved_count", -1)
    assert [(finding.code, finding.repaired) for finding in wreck.repair()] == [("F1", True)]
    bench.records.land()
    stored = bench.parts.records.find_image(iid)
    assert stored is not None
    assert isinstance(stored.record, DeadRecord)
    assert stored.record.reason == "fenced"
    assert bench.objects_of(iid) == set()


def test_bytes_of_an_upload_that_is_being_completed_are_nobodys_fault(wreck: Wreck) -> None:
    bench, iid = wreck.bench, wreck.bench.request().iid
    bench.records.plan["write_image"] = ["before"]
    with pytest.raises(Crash):
        bench.faulty.completion.complete(bench.uid, iid)
    assert bench.objects_of(iid) != set()
    assert wreck.codes() == []
    report = wreck.check(repair=True)
    assert report.findings == []
    assert (report.counts.pending, report.counts.leases_held) == (1, 1)
    assert bench.objects_of(iid) != set()
    bench.pass_deadline(iid)
    bench.sweep_now(iid)


def _lost(wreck: Wreck, iid: str) -> str:
    return wreck.original(iid)


def _lost_derivative(wreck: Wreck, iid: str) -> str:
    facts = json.loads(wreck.get(wreck.record(iid)))
    return f"variants/{wreck.uid}/{iid}/{facts['version']}/{facts['variants'][0]}"


@pytest.mark.parametrize("which", [_lost, _lost_derivative])
def test_a_published_object_that_is_missing_cannot_be_repaired(
    wreck: Wreck, which: Callable[[Wreck, str], str]
) -> None:
    object_key = which(wreck, wreck.bench.publish())
    data = wreck.remove(object_key)
    (found,) = wreck.repair()
    assert (found.code, found.repaired) == ("I1", False)
    assert "backup" in found.cure
    wreck.put(object_key, data)
    assert wreck.codes() == []


def test_an_original_of_another_size_is_found_at_once_and_of_other_bytes_by_a_deep_check(wreck: Wreck) -> None:
    original = wreck.original(wreck.bench.publish())
    data = wreck.get(original)
    wreck.put(original, data[:-1])
    assert wreck.codes() == ["I1"]
    wreck.put(original, data[:-1] + bytes([data[-1] ^ 1]))
    assert wreck.codes() == []
    assert wreck.codes(deep=True) == ["I1"]
    wreck.put(original, data)
    assert wreck.codes(deep=True) == []


def test_staging_bytes_without_an_upload_go_after_a_day_and_are_a_finding_after_four(wreck: Wreck) -> None:
    staged = wreck.put(f"incoming/{wreck.uid}/{ids.new_iid(wreck.uid)}/photo.jpg")
    pending = wreck.bench.request().iid
    assert wreck.codes(min_age_s=DAY_S, later_s=4 * DAY_S + 60) == ["F7"]
    assert wreck.check(repair=True, min_age_s=DAY_S, later_s=DAY_S - 60).counts.tidied == 0
    report = wreck.check(repair=True, min_age_s=DAY_S, later_s=DAY_S + 60)
    assert (report.findings, report.counts.tidied) == ([], 1)
    wreck.put(staged)
    assert [(f.code, f.repaired) for f in wreck.repair(min_age_s=DAY_S, later_s=4 * DAY_S + 60)] == [("F7", True)]
    wreck.put(staged)
    assert wreck.check(repair=True).counts.tidied == 1
    assert wreck.bench.services.completion.complete(wreck.uid, pending).created


def test_staging_bytes_beside_something_to_mend_go_in_the_same_check(wreck: Wreck) -> None:
    """Bytes that were sent again after the complete, and those of an attempt that died before it."""
    bench, iid = wreck.bench, wreck.bench.publish()
    staged = wreck.put(f"incoming/{wreck.uid}/{iid}/photo.jpg")
    wreck.put(f"uploads/{wreck.uid}/{iid}/{ids.new_version()}/photo.jpg")
    assert [finding.code for finding in wreck.repair()] == ["F1"]
    assert staged not in wreck.world()[0].objects
    assert bench.objects_of(iid) == {wreck.original(iid).split("/")[3]}


def test_a_dead_record_goes_after_30_days_and_not_before(wreck: Wreck) -> None:
    iid = wreck.bench.publish()
    wreck.bench.services.changes.delete(wreck.uid, iid)
    wreck.check(repair=True, later_s=30 * DAY_S - 60)
    assert wreck.bench.parts.records.find_image(iid) is not None
    assert wreck.check(later_s=30 * DAY_S + 60).counts.tidied == 0
    assert wreck.check(repair=True, later_s=30 * DAY_S + 60).counts.tidied >= 1
    assert wreck.bench.parts.records.find_image(iid) is None
    assert wreck.codes() == []
    wreck.redis.delete(wreck.image(iid))  # its tombstone ends on the same day


def test_a_store_that_forbids_to_remove_a_dead_record_keeps_no_shard_from_its_check(
    wreck: Wreck, monkeypatch: pytest.MonkeyPatch
) -> None:
    wreck.bench.services.changes.delete(wreck.uid, wreck.bench.publish())

    def forbidden(*_args: Any) -> None:
        raise Unavailable("The storage refuses.")

    monkeypatch.setattr(wreck.bench.parts.records, "remove_image", forbidden)
    report = wreck.check(repair=True, later_s=30 * DAY_S + 60)
    assert (report.findings, report.counts.tidied, report.moved) == ([], 0, [])


def test_a_record_that_died_a_moment_ago_is_as_old_as_its_death_and_not_as_its_listing(
    wreck: Wreck, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The listing is older than the record: its time is that of the record before."""
    iid, inventory = wreck.bench.publish(), wreck.bench.parts.inventory
    listing = inventory.list_shards

    def and_then_it_dies(*args: Any) -> Any:
        found = list(listing(*args))
        wreck.bench.services.changes.delete(wreck.uid, iid)
        return iter(found)

    monkeypatch.setattr(inventory, "list_shards", and_then_it_dies)
    wreck.check(repair=True, later_s=30 * DAY_S + 60)
    assert wreck.bench.parts.records.find_image(iid) is not None


@pytest.mark.parametrize(
    "change", [{"v": 9}, {"state": "half"}, {"rev": None}, {"iid": "0" * 24}, {"key": "uploads/x"}]
)
def test_a_record_that_cannot_be_read_is_reported_and_of_its_image_nothing_is_touched(
    wreck: Wreck, change: dict[str, object]
) -> None:
    iid = wreck.bench.publish()
    wreck.put(f"variants/{wreck.uid}/{iid}/{ids.new_version()}/preview.webp")
    before = wreck.change(wreck.record(iid), **change)
    broken = wreck.world()[0]
    (found,) = wreck.repair()
    assert (found.code, found.subject, found.repaired) == ("F8", iid, False)
    assert wreck.world()[0] == broken
    wreck.put(wreck.record(iid), before)
    assert wreck.check(repair=True).clean


@pytest.mark.parametrize(
    "place", ["uploads/{uid}/x", "records/{shard}/x.json", "accounts/{shard}/x", "incoming/{uid}/x/y"]
)
def test_a_key_that_imagehost_never_makes_is_reported_and_left(wreck: Wreck, place: str) -> None:
    object_key = wreck.put(place.format(uid=wreck.uid, shard=wreck.shard))
    found = wreck.repair()
    assert [(finding.code, finding.subject, finding.repaired) for finding in found] == [("F8", object_key, False)]
    wreck.remove(object_key)


def test_due_work_that_nobody_does_is_reported(wreck: Wreck) -> None:
    iid = wreck.bench.publish()
    wreck.redis.zadd(wreck.due, {f"check:op:{iid}": wreck.bench.parts.shards.now_ms() - 11 * 60_000})
    (found,) = wreck.repair()
    assert (found.code, found.subject) == ("F6", wreck.shard)
    assert "the oldest by 11 minutes" in found.detail
    wreck.bench.services.sweeper.sweep()
    assert wreck.codes() == []
