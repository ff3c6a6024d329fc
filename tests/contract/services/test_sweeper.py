"""The sweeper: what it undoes, what it finishes, and what it must not touch."""

from typing import Any

import pytest

from imagehost.errors import ImageDeleted, ImageNotFound, UploadNotReceived
from imagehost.models import DeadRecord, Details, Tombstone
from imagehost.services.facade import Services
from tests.contract.services.conftest import Bench, Crash


@pytest.fixture(autouse=True)
def _nothing_else_is_due(bench: Bench) -> None:
    """Other tests may have left work for it in other shards."""
    bench.services.sweeper.sweep()


def test_an_upload_that_nobody_began_is_dropped_with_its_staging_bytes(bench: Bench) -> None:
    iid = bench.request().iid
    bench.pass_deadline(iid)
    bench.sweep_now(iid)
    assert bench.parts.images.find(iid).entry is None
    assert bench.raw.counters(bench.uid) == (0, 0, 0, 0)
    with pytest.raises(ImageNotFound):
        bench.services.completion.complete(bench.uid, iid)


def test_an_upload_before_its_deadline_is_left_alone(bench: Bench) -> None:
    iid = bench.request().iid
    bench.services.sweeper.sweep()
    bench.sweep_now(iid)  # due by mistake: the script still says early
    assert bench.services.completion.complete(bench.uid, iid).created


def test_a_begun_upload_is_fenced_so_that_a_late_record_cannot_revive_it(bench: Bench) -> None:
    iid = bench.request().iid
    bench.records.plan["write_image"] = ["late", "before"]
    with pytest.raises(Crash):
        bench.faulty.completion.complete(bench.uid, iid)
    bench.pass_deadline(iid)
    bench.sweep_now(iid)
    assert bench.objects_of(iid) == set()
    bench.records.land()
    stored = bench.parts.records.find_image(iid)
    assert stored is not None
    assert isinstance(stored.record, DeadRecord)
    assert stored.record.reason == "fenced"
    with pytest.raises(ImageDeleted):
        bench.services.completion.complete(bench.uid, iid)


def test_a_record_that_landed_before_the_fence_wins(bench: Bench) -> None:
    iid = bench.request().iid
    bench.records.plan["write_image"] = ["late", "before"]
    with pytest.raises(Crash):
        bench.faulty.completion.complete(bench.uid, iid)
    bench.pass_deadline(iid)
    bench.records.land()
    bench.sweep_now(iid)
    assert bench.services.library.get_for_viewer(iid, bench.uid).image.iid == iid


def test_a_complete_that_is_faster_than_the_drop_keeps_the_upload(bench: Bench) -> None:
    """The sweeper read the hash before somebody began: the script decides."""
    iid = bench.request().iid
    bench.pass_deadline(iid)
    bench.images.plan["drop_reservation"] = ["do"]
    bench.images.first = lambda: bench.parts.images.begin_complete(iid, bench.uid, "v", 1)
    due = f"due:{{{iid[:2]}}}"
    bench.raw.client.zadd(due, {member: 0 for member in bench.raw.client.zrange(due, 0, -1) if member.endswith(iid)})
    bench.faulty.sweeper.sweep()
    bench.expire_lease(iid)
    assert bench.services.completion.complete(bench.uid, iid).created


def test_an_entry_about_nothing_is_cleared(bench: Bench) -> None:
    iid = bench.request().iid
    bench.services.changes.delete(bench.uid, iid)
    for kind in ("upload", "check", "purge"):
        bench.raw.client.zadd(f"due:{{{iid[:2]}}}", {f"{kind}:op:{iid}": 0})
    bench.services.sweeper.sweep()
    assert bench.raw.due(iid) == {}


def test_a_dead_image_without_a_hash_is_purged_from_its_record(bench: Bench) -> None:
    iid = bench.publish()
    bench.records.plan["write_image"] = ["after"]
    with pytest.raises(Crash):
        bench.faulty.changes.delete(bench.uid, iid)
    bench.sweep_now(iid)
    entry = bench.parts.images.find(iid).entry
    assert isinstance(entry, Tombstone)
    assert entry.purged
    assert bench.objects_of(iid) == set()


def test_what_cannot_be_finished_stays_due(bench: Bench) -> None:
    details = Details(filename="photo.jpg", mime="image/jpeg")
    iid = bench.services.uploads.request(bench.uid, details, size_bytes=5, sha256=None).iid
    bench.pass_deadline(iid)
    bench.records.plan["find_image"] = ["fail"]
    due = f"due:{{{iid[:2]}}}"
    bench.raw.client.zadd(due, {member: 0 for member in bench.raw.client.zrange(due, 0, -1) if member.endswith(iid)})
    bench.faulty.sweeper.sweep()
    assert len(bench.raw.due(iid)) == 1
    with pytest.raises(UploadNotReceived):
        bench.services.completion.complete(bench.uid, iid)
    bench.services.sweeper.sweep()
    assert bench.raw.due(iid) == {}


def test_one_broken_record_keeps_the_sweeper_from_no_other_image(bench: Bench) -> None:
    broken, iid = bench.request().iid, bench.request().iid
    place: Any = {"Bucket": bench.parts.config.bucket, "Key": f"records/{broken[:2]}/{broken}.json"}
    bench.parts.objects._s3.put_object(**place, Body=b"[]")
    due = f"due:{{{iid[:2]}}}"
    for each in (broken, iid):
        bench.pass_deadline(each)
    bench.raw.client.zadd(due, dict.fromkeys(bench.raw.client.zrange(due, 0, -1), 0))
    bench.services.sweeper.sweep()
    assert bench.parts.images.find(iid).entry is None
    assert bench.parts.images.find(broken).entry is not None
    bench.parts.objects._s3.delete_object(**place)
    assert bench.services.sweeper.sweep() == 0, "what failed is left alone for a while"
    Services.of(bench.parts).sweeper.sweep()
    assert bench.parts.images.find(broken).entry is None


def test_an_entry_that_breaks_the_sweeper_keeps_it_from_no_other(bench: Bench) -> None:
    first, second = bench.request().iid, bench.request().iid
    for iid in (first, second):
        bench.pass_deadline(iid)
    due = f"due:{{{first[:2]}}}"
    bench.raw.client.zadd(due, dict.fromkeys(bench.raw.client.zrange(due, 0, -1), 0))
    bench.records.plan["find_image"] = ["break"]
    assert bench.faulty.sweeper.sweep() == 1
    bench.services.sweeper.sweep()
    assert bench.parts.images.find(first).entry is bench.parts.images.find(second).entry is None


def test_work_of_a_kind_that_this_version_does_not_know_is_left_to_the_one_that_does(bench: Bench) -> None:
    iid = bench.publish()
    due = f"due:{{{iid[:2]}}}"
    bench.raw.client.zadd(due, {f"webhook:op:{iid}": 0})
    bench.services.sweeper.sweep()
    assert bench.raw.due(iid) == {"webhook:op": 0}
    bench.raw.client.zrem(due, f"webhook:op:{iid}")
