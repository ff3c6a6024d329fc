"""Images that delete themselves: only a timer that the owner set, only when it has run out, and for good."""

import time
from copy import copy
from dataclasses import replace

import pytest

from imagehost.errors import ImageDeleted, ImageNotFound
from imagehost.models import DeadRecord, ReadyRecord
from imagehost.services.facade import Services
from tests.contract.services.conftest import Bench, Crash


def _at(bench: Bench, seconds_later: float) -> Services:
    """The services on a machine whose clock shows a later time."""
    presigner = copy(bench.parts.presigner)
    presigner._clock = lambda: time.time() + seconds_later
    return Services.of(replace(bench.parts, presigner=presigner))


def _publish(bench: Bench, in_s: int) -> str:
    iid = bench.publish()
    bench.services.changes.edit(bench.uid, iid, {"image_expires_in_s": in_s})
    return iid


def _due(bench: Bench, iid: str) -> float:
    return next((score for kind_op, score in bench.raw.due(iid).items() if kind_op.startswith("expire:")), 0.0)


def test_the_timer_of_an_upload_begins_when_it_is_published(bench: Bench) -> None:
    ticket = bench.request(image_expires_in_s=600)
    before_ms = time.time() * 1000
    image = bench.services.completion.complete(bench.uid, ticket.iid).published.image
    assert image.expires_at_ms is not None
    assert before_ms + 600_000 - 1 <= image.expires_at_ms <= time.time() * 1000 + 600_000
    assert _due(bench, ticket.iid) == image.expires_at_ms


def test_when_its_time_is_over_an_image_is_deleted_with_its_bytes_and_its_quota(bench: Bench) -> None:
    iid = _publish(bench, 60)
    bench.raw.pass_time(iid[:2])
    bench.services.sweeper.sweep()
    assert bench.services.library.get_for_viewer(iid, None).image.iid == iid, "due by a clock that is ahead: not yet"
    assert _due(bench, iid) > time.time() * 1000, "and it comes up again when it is really due"
    bench.raw.pass_time(iid[:2])
    _at(bench, 61).sweeper.sweep()
    stored = bench.parts.records.find_image(iid)
    assert stored is not None
    assert isinstance(stored.record, DeadRecord)
    assert stored.record.reason == "expired"
    assert bench.objects_of(iid) == set()
    assert bench.raw.counters(bench.uid) == (0, 0, 0, 0)
    assert bench.raw.due(iid) == {}
    with pytest.raises(ImageDeleted):
        bench.services.changes.edit(bench.uid, iid, {"title": "too late"})


def test_from_that_moment_nobody_sees_it_swept_or_not(bench: Bench) -> None:
    iid = _publish(bench, 60)
    late = _at(bench, 61)
    with pytest.raises(ImageNotFound):
        late.library.get_for_viewer(iid, None)
    with pytest.raises(ImageDeleted):
        late.library.get_for_viewer(iid, bench.uid)
    with pytest.raises(ImageDeleted):
        late.changes.edit(bench.uid, iid, {"image_expires_in_s": None})
    with pytest.raises(ImageDeleted):
        late.completion.complete(bench.uid, iid)
    assert late.library.list_images(bench.uid, 10).items == ()
    assert bench.services.library.get_for_viewer(iid, None).image.iid == iid


@pytest.mark.parametrize("in_s", [None, 600])
def test_a_timer_that_was_stopped_or_set_anew_does_not_run_out(bench: Bench, in_s: int | None) -> None:
    iid = _publish(bench, 60)
    edited = bench.services.changes.edit(bench.uid, iid, {"image_expires_in_s": in_s, "title": "kept"})
    assert _due(bench, iid) == (edited.image.expires_at_ms or 0)
    bench.raw.pass_time(iid[:2])
    _at(bench, 61).sweeper.sweep()
    assert bench.services.library.get_for_viewer(iid, None).image.title == "kept"


def test_a_timer_that_was_stopped_on_another_master_does_not_run_out(bench: Bench) -> None:
    """The due entry is older than the record: the record decides."""
    iid = _publish(bench, 60)
    (member,) = (f"{kind_op}:{iid}" for kind_op in bench.raw.due(iid))
    bench.services.changes.edit(bench.uid, iid, {"image_expires_in_s": None})
    bench.raw.client.zadd(f"due:{{{iid[:2]}}}", {member: 0})
    _at(bench, 61).sweeper.sweep()
    assert bench.services.library.get_for_viewer(iid, None).image.iid == iid
    assert bench.raw.due(iid) == {}


@pytest.mark.parametrize("fault", ["drop", "apply", "late"])
def test_an_end_that_is_in_doubt_is_looked_at_again(bench: Bench, fault: str) -> None:
    iid = _publish(bench, 60)
    bench.raw.pass_time(iid[:2])
    late = _at(bench, 61)
    faulty = Services.of(replace(late.parts, records=bench.records))
    bench.records.plan["write_image"] = [fault]
    faulty.sweeper.sweep()
    bench.records.land()
    Services.of(late.parts).sweeper.sweep()
    with pytest.raises(ImageDeleted):
        bench.services.library.get_for_viewer(iid, bench.uid)
    assert bench.raw.counters(bench.uid) == (0, 0, 0, 0)


def test_an_edit_that_is_faster_than_the_timer_keeps_the_image(bench: Bench) -> None:
    iid = _publish(bench, 60)
    bench.raw.pass_time(iid[:2])
    late = _at(bench, 61)
    bench.records.plan["write_image"] = ["do"]
    bench.records.first = lambda: bench.services.changes.edit(bench.uid, iid, {"image_expires_in_s": 900})
    Services.of(replace(late.parts, records=bench.records)).sweeper.sweep()
    Services.of(late.parts).sweeper.sweep()
    stored = bench.parts.records.find_image(iid)
    assert stored is not None
    assert isinstance(stored.record, ReadyRecord)
    assert bench.services.library.get_for_viewer(iid, None).image.expires_at_ms is not None


def test_a_sweeper_that_is_slower_than_another_finishes_too_and_complains_of_nothing(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    iid = _publish(bench, 60)
    bench.raw.pass_time(iid[:2])
    late = _at(bench, 61)
    bench.records.plan["write_image"] = ["do"]
    bench.records.first = Services.of(late.parts).sweeper.sweep
    assert Services.of(replace(late.parts, records=bench.records)).sweeper.sweep() == 1
    assert [record.getMessage() for record in caplog.records if record.levelname != "INFO"] == []
    assert bench.raw.due(iid) == {}
    assert bench.raw.counters(bench.uid) == (0, 0, 0, 0)


@pytest.mark.parametrize("step", ["before", "after"])
def test_a_sweeper_that_dies_at_the_end_of_an_image_leaves_it_to_the_next(bench: Bench, step: str) -> None:
    iid = _publish(bench, 60)
    bench.raw.pass_time(iid[:2])
    late = _at(bench, 61)
    bench.records.plan["write_image"] = [step]
    with pytest.raises(Crash):
        Services.of(replace(late.parts, records=bench.records)).sweeper.sweep()
    Services.of(late.parts).sweeper.sweep()
    with pytest.raises(ImageDeleted):
        bench.services.library.get_for_viewer(iid, bench.uid)
    assert bench.raw.due(iid) == {}


def test_a_deleted_image_has_no_timer_left(bench: Bench) -> None:
    iid = _publish(bench, 60)
    bench.services.changes.delete(bench.uid, iid)
    assert bench.raw.due(iid) == {}
