"""Edits and deletes when answers are lost, writes arrive late, processes die, and others change the same image."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from imagehost import ids
from imagehost.errors import (
    EditConflict,
    ImageDeleted,
    ImagehostError,
    ImageNotFound,
    NotOwner,
    OutcomeUnknown,
    RevMismatch,
)
from imagehost.models import DeadRecord, Image, ReadyRecord
from imagehost.services import changes
from tests.contract.services.conftest import Bench, Crash


def _record(bench: Bench, iid: str) -> ReadyRecord | DeadRecord:
    stored = bench.parts.records.find_image(iid)
    assert stored is not None
    return stored.record


def _image(bench: Bench, iid: str) -> Image:
    record = _record(bench, iid)
    assert isinstance(record, ReadyRecord)
    return record.image


def _reason(bench: Bench, iid: str) -> str:
    record = _record(bench, iid)
    assert isinstance(record, DeadRecord)
    return record.reason


def test_an_edit_is_in_the_record_and_in_the_index(bench: Bench) -> None:
    iid = bench.publish(title="a")
    edited = bench.services.changes.edit(bench.uid, iid, {"title": "b", "private": True})
    assert (edited.image.title, edited.image.private, edited.image.rev) == ("b", True, 2)
    assert _image(bench, iid) == edited.image
    assert bench.services.library.get_for_viewer(iid, bench.uid).image == edited.image


def test_an_edit_that_changes_nothing_makes_no_revision(bench: Bench) -> None:
    iid = bench.publish(title="a")
    assert bench.services.changes.edit(bench.uid, iid, {"title": "a"}).image.rev == 1


@pytest.mark.parametrize("fault", ["apply", "drop"])
def test_an_edit_whose_answer_was_lost_is_made_once(bench: Bench, fault: str) -> None:
    iid = bench.publish()
    bench.records.plan["write_image"] = [fault]
    assert bench.faulty.changes.edit(bench.uid, iid, {"title": "b"}).image.rev == 2
    assert bench.raw.due(iid) == {}


def test_an_edit_is_known_by_its_operation_though_others_edited_since(bench: Bench) -> None:
    iid = bench.publish()
    bench.records.plan = {"write_image": ["apply"], "find_image": ["ok", "do"]}
    bench.records.first = lambda: bench.services.changes.edit(bench.uid, iid, {"kind": "room"})
    image = bench.faulty.changes.edit(bench.uid, iid, {"title": "mine"}, if_rev=1).image
    assert (image.title, image.kind, image.rev) == ("mine", "room", 3)


def test_edits_at_the_same_time_are_merged(bench: Bench) -> None:
    iid = bench.publish()
    bench.records.plan["write_image"] = ["do"]
    bench.records.first = lambda: bench.services.changes.edit(bench.uid, iid, {"kind": "room"})
    image = bench.faulty.changes.edit(bench.uid, iid, {"title": "mine"}).image
    assert (image.title, image.kind, image.rev) == ("mine", "room", 3)


def test_an_edit_of_a_named_revision_is_not_merged(bench: Bench) -> None:
    iid = bench.publish()
    bench.services.changes.edit(bench.uid, iid, {"title": "a"})
    with pytest.raises(RevMismatch) as caught:
        bench.services.changes.edit(bench.uid, iid, {"title": "b"}, if_rev=1)
    assert caught.value.extensions["rev"] == 2
    assert bench.services.changes.edit(bench.uid, iid, {"title": "b"}, if_rev=2).image.rev == 3


def test_five_merges_are_the_most_and_the_intent_stays_for_the_sweeper(bench: Bench) -> None:
    iid = bench.publish()
    titles = iter("abcdef")
    bench.records.plan["write_image"] = ["do"] * 5
    bench.records.first = lambda: bench.services.changes.edit(bench.uid, iid, {"kind": next(titles)})
    with pytest.raises(EditConflict):
        bench.faulty.changes.edit(bench.uid, iid, {"title": "mine"})
    assert len(bench.raw.due(iid)) == 1
    bench.sweep_now(iid)


def test_an_edit_in_doubt_keeps_its_intent_and_a_late_write_reaches_the_index(bench: Bench) -> None:
    iid = bench.publish()
    bench.records.plan["write_image"] = ["late", "drop", "drop", "drop", "drop"]
    with pytest.raises(OutcomeUnknown):
        bench.faulty.changes.edit(bench.uid, iid, {"title": "late"})
    bench.records.land()
    bench.sweep_now(iid)
    assert bench.services.library.get_for_viewer(iid, bench.uid).image.title == "late"


@pytest.mark.parametrize(
    "adapter, method, step",
    [("due", "note_intent", "after"), ("records", "write_image", "after"), ("images", "apply", "before")],
)
def test_an_edit_that_died_is_either_not_made_or_finished_by_the_sweeper(
    bench: Bench, adapter: str, method: str, step: str
) -> None:
    iid = bench.publish()
    getattr(bench, adapter).plan[method] = [step]
    with pytest.raises(Crash):
        bench.faulty.changes.edit(bench.uid, iid, {"title": "b"})
    bench.sweep_now(iid)
    expected = _image(bench, iid)
    assert bench.services.library.get_for_viewer(iid, bench.uid).image == expected


def test_only_the_owner_edits_or_deletes(bench: Bench) -> None:
    public, private, other = bench.publish(), bench.publish(private=True), ids.new_uid()
    for iid, error in ((public, NotOwner), (private, ImageNotFound), (ids.new_iid(other), ImageNotFound)):
        with pytest.raises(error):
            bench.services.changes.edit(other, iid, {"title": "x"})
        with pytest.raises(error):
            bench.services.changes.delete(other, iid)
        assert bench.raw.due(iid) == {}


def test_a_delete_takes_record_bytes_and_quota_and_is_final(bench: Bench) -> None:
    iid = bench.publish()
    assert bench.services.changes.delete(bench.uid, iid)
    assert _reason(bench, iid) == "deleted"
    assert bench.objects_of(iid) == set()
    assert bench.raw.counters(bench.uid) == (0, 0, 0, 0)
    for again in (bench.services.changes.delete, bench.services.completion.complete):
        with pytest.raises(ImageDeleted):
            again(bench.uid, iid)
    with pytest.raises(ImageDeleted):
        bench.services.changes.edit(bench.uid, iid, {"title": "x"})


def test_cancelling_a_pending_upload_gives_its_quota_back(bench: Bench) -> None:
    iid = bench.request().iid
    assert bench.services.changes.delete(bench.uid, iid)
    assert _reason(bench, iid) == "cancelled"
    assert bench.raw.counters(bench.uid) == (0, 0, 0, 0)
    with pytest.raises(ImageDeleted):
        bench.services.completion.complete(bench.uid, iid)


@pytest.mark.parametrize("fault", ["apply", "drop"])
def test_a_delete_whose_answer_was_lost_is_ours(bench: Bench, fault: str) -> None:
    iid = bench.publish()
    bench.records.plan["write_image"] = [fault]
    assert bench.faulty.changes.delete(bench.uid, iid)


def test_a_delete_in_doubt_is_finished_when_its_write_lands(bench: Bench) -> None:
    iid = bench.publish()
    bench.records.plan["write_image"] = ["late", "drop", "drop", "drop", "drop"]
    with pytest.raises(OutcomeUnknown):
        bench.faulty.changes.delete(bench.uid, iid)
    assert bench.services.library.get_for_viewer(iid, bench.uid).image.iid == iid
    bench.records.land()
    bench.sweep_now(iid)
    with pytest.raises(ImageDeleted):
        bench.services.library.get_for_viewer(iid, bench.uid)


@pytest.mark.parametrize(
    "adapter, method, step",
    [
        ("due", "note_intent", "after"),
        ("records", "write_image", "after"),
        ("images", "apply", "after"),
        ("objects", "remove_all", "after"),
        ("images", "purge_done", "after"),
    ],
)
@pytest.mark.parametrize("retried", [True, False])
def test_a_delete_that_died_is_either_not_made_or_finished(
    bench: Bench, adapter: str, method: str, step: str, retried: bool
) -> None:
    iid = bench.publish()
    getattr(bench, adapter).plan[method] = [step]
    with pytest.raises(Crash):
        bench.faulty.changes.delete(bench.uid, iid)
    if retried:
        try:
            bench.services.changes.delete(bench.uid, iid)
        except ImageDeleted:
            assert isinstance(_record(bench, iid), DeadRecord)
    bench.sweep_now(iid)
    if isinstance(_record(bench, iid), DeadRecord):
        assert bench.objects_of(iid) == set()
    else:
        assert not retried
        assert bench.services.library.get_for_viewer(iid, bench.uid).image.iid == iid


def test_bytes_that_cannot_be_removed_now_are_removed_by_the_sweeper(bench: Bench) -> None:
    iid = bench.publish()
    bench.objects.adapter = _Stubborn(bench.objects.adapter)
    assert bench.faulty.changes.delete(bench.uid, iid) is False
    assert bench.objects_of(iid)
    assert bench.raw.counters(bench.uid)[1] == 1
    with pytest.raises(ImageDeleted):
        bench.services.library.get_for_viewer(iid, bench.uid)
    bench.sweep_now(iid)
    assert bench.raw.counters(bench.uid) == (0, 0, 0, 0)


class _Stubborn:
    """A store that does not delete."""

    def __init__(self, objects: object) -> None:
        self._objects = objects

    def __getattr__(self, name: str) -> object:
        return getattr(self._objects, name)

    def remove_all(self, *_prefixes: str) -> bool:
        return False


def test_edits_and_deletes_at_once_leave_a_dead_image(bench: Bench) -> None:
    iid = bench.publish()

    def act(number: int) -> int:
        try:
            if number == 3:
                bench.services.changes.delete(bench.uid, iid)
            else:
                bench.services.changes.edit(bench.uid, iid, {"title": str(number)})
        except ImagehostError as exc:
            return exc.status
        return 200

    with ThreadPoolExecutor(6) as pool:
        statuses = set(pool.map(act, range(6)))
    assert statuses <= {200, 409, 410}
    if not isinstance(_record(bench, iid), DeadRecord):
        bench.services.changes.delete(bench.uid, iid)
    bench.sweep_now(iid)
    assert bench.raw.counters(bench.uid) == (0, 0, 0, 0)


@pytest.mark.parametrize("before, after", [(1, True), (True, 1), (1, 1.0), (0, False)])
def test_an_edit_that_json_tells_apart_is_made_though_python_does_not(
    bench: Bench, before: object, after: object
) -> None:
    iid = bench.publish(metadata={"a": [before]})
    image = bench.services.changes.edit(bench.uid, iid, {"metadata": {"a": [after]}}).image
    assert image.rev == 2
    found = bench.services.library.get_for_viewer(iid, bench.uid).image.metadata["a"][0]
    assert type(found) is type(after)


@pytest.mark.parametrize("act", ["edit", "delete"])
def test_a_change_that_landed_as_the_last_of_its_writes_is_known_to_be_made(bench: Bench, act: str) -> None:
    iid = bench.publish()
    bench.records.plan["write_image"] = ["drop"] * 4 + ["apply"]
    if act == "edit":
        assert bench.faulty.changes.edit(bench.uid, iid, {"title": "b"}).image.title == "b"
    else:
        assert bench.faulty.changes.delete(bench.uid, iid)


def test_a_delete_of_a_named_revision_spares_another(bench: Bench) -> None:
    iid = bench.publish()
    bench.services.changes.edit(bench.uid, iid, {"title": "a"})
    with pytest.raises(RevMismatch):
        bench.services.changes.delete(bench.uid, iid, if_rev=1)
    assert bench.raw.due(iid) == {}
    assert bench.services.changes.delete(bench.uid, iid, if_rev=2)


@pytest.mark.parametrize("act", ["edit", "delete"])
def test_a_writer_that_finds_half_of_its_intent_gone_notes_it_again_before_its_write(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    iid, noted = bench.publish(), []
    half_s = bench.parts.config.lease_s / 2
    clock = iter((0.0, half_s + 1, half_s + 2))  # noted, looked at before the write, noted again
    monkeypatch.setattr(changes, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    bench.due.plan["note_intent"] = ["do", "do"]
    bench.due.first = lambda: noted.append(isinstance(_record(bench, iid), ReadyRecord))
    if act == "edit":
        bench.faulty.changes.edit(bench.uid, iid, {"title": "b"})
    else:
        bench.faulty.changes.delete(bench.uid, iid)
    assert noted == [True, True]
