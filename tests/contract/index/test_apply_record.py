"""apply_record and purge_done: records in any order, any number of times, end in the same index."""

import itertools
from typing import Any

import pytest

from imagehost import ids
from imagehost.index.images import TOMBSTONE_S
from imagehost.models import Published, Tombstone
from imagehost.services.parts import Parts
from tests.contract.builders import dead, edited, ready, reserve
from tests.contract.raw import Raw


def test_publishing_moves_what_was_reserved_to_what_is_used(parts: Parts, raw: Raw, uid: str, epoch: str) -> None:
    iid = ids.new_iid(uid)
    reserve(parts, uid, iid, size_bytes=10)
    parts.images.begin_complete(iid, uid, "v1", 60_000)
    record = ready(uid, iid, size=7, created_at_ms=1_234)
    assert parts.images.apply(record, epoch) == "ok"
    assert raw.counters(uid) == (7, 1, 0, 0)
    assert raw.listed(uid) == {iid: 1_234}
    assert raw.due(iid) == {}
    entry = parts.images.find(iid).entry
    assert entry == Published(image=record.image, views=0, checked=epoch)
    assert not {"op", "begun", "deadline", "lease_version", "lease_until"} & set(raw.image(iid))


def test_applying_twice_changes_nothing(parts: Parts, raw: Raw, uid: str, epoch: str) -> None:
    record = ready(uid, ids.new_iid(uid))
    assert parts.images.apply(record, epoch) == "ok"
    before = raw.user(uid)
    assert parts.images.apply(record, epoch) == "old"
    assert raw.user(uid) == before


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_records_applied_in_any_order_end_at_the_last(
    parts: Parts, raw: Raw, uid: str, epoch: str, order: tuple[int, ...]
) -> None:
    iid = ids.new_iid(uid)
    first = ready(uid, iid)
    second = edited(first, title="b", private=True)
    records: tuple[Any, ...] = (first, second, edited(second, title=None), dead(uid, iid, rev=4))
    for index in order:
        parts.images.apply(records[index], epoch)
    entry = parts.images.find(iid).entry
    assert isinstance(entry, Tombstone)
    assert entry.rev == 4
    assert raw.listed(uid) == {}
    assert list(raw.due(iid)) == [f"purge:{records[3].op}"]
    assert parts.images.purge_done(iid, uid)
    assert raw.counters(uid) == (0, 0, 0, 0)


def test_views_of_an_image_that_the_index_has_lost_leave_nothing_in_its_place(
    parts: Parts, raw: Raw, uid: str, epoch: str
) -> None:
    known, lost = ready(uid, ids.new_iid(uid)), ids.new_iid(uid)
    parts.images.apply(known, epoch)
    parts.images.count_views({lost: 3, known.iid: 2})
    assert raw.image(lost) == {}
    assert parts.images.find(known.iid).entry == Published(image=known.image, views=2, checked=epoch)


def test_an_edit_replaces_what_the_index_shows_and_keeps_the_views(
    parts: Parts, raw: Raw, uid: str, epoch: str
) -> None:
    iid = ids.new_iid(uid)
    record = ready(uid, iid, title="a", tags=("x",), metadata={"k": 1})
    parts.images.apply(record, epoch)
    parts.images.count_views({iid: 2})
    bare = edited(record, title=None, tags=(), metadata={})
    assert parts.images.apply(bare, epoch) == "ok"
    assert parts.images.find(iid).entry == Published(image=bare.image, views=2, checked=epoch)
    assert raw.counters(uid) == (7, 1, 0, 0)


def test_a_dead_image_stays_counted_until_its_bytes_are_gone(parts: Parts, raw: Raw, uid: str, epoch: str) -> None:
    iid = ids.new_iid(uid)
    parts.images.apply(ready(uid, iid), epoch)
    gone = dead(uid, iid, rev=2)
    parts.images.apply(gone, epoch)
    assert raw.counters(uid) == (7, 1, 0, 0)
    assert raw.ttl_s(iid) == -1
    assert parts.images.purge_done(iid, uid)
    assert parts.images.purge_done(iid, uid)
    assert raw.counters(uid) == (0, 0, 0, 0)
    assert raw.due(iid) == {}
    assert 0 < raw.ttl_s(iid) <= TOMBSTONE_S


def test_purge_done_of_a_living_image_does_nothing(parts: Parts, raw: Raw, uid: str, epoch: str) -> None:
    iid = ids.new_iid(uid)
    parts.images.apply(ready(uid, iid), epoch)
    assert not parts.images.purge_done(iid, uid)
    assert raw.counters(uid) == (7, 1, 0, 0)


def test_a_dead_image_never_becomes_ready_again(parts: Parts, uid: str, epoch: str) -> None:
    iid = ids.new_iid(uid)
    parts.images.apply(dead(uid, iid, rev=1), epoch)
    assert parts.images.apply(ready(uid, iid, rev=9), epoch) == "old"
    assert isinstance(parts.images.find(iid).entry, Tombstone)


@pytest.mark.parametrize("shard", ["the same", "another"])
def test_a_record_of_another_owner_is_refused(parts: Parts, uid: str, epoch: str, shard: str) -> None:
    iid = ids.new_iid(uid)
    reserve(parts, uid, iid)
    other = ids.new_iid(uid if shard == "the same" else ids.new_uid())  # a user's id is of the same form
    assert parts.images.apply(ready(other, iid), epoch) == "wrong_owner"


def test_checked_is_the_epoch_that_the_caller_knew_not_the_present_one(parts: Parts, uid: str, epoch: str) -> None:
    iid = ids.new_iid(uid)
    record = ready(uid, iid)
    parts.images.apply(record, "older")
    entry = parts.images.find(iid).entry
    assert isinstance(entry, Published)
    assert entry.checked == "older"
    assert parts.images.apply(record, "other") == "old"  # stale too: not stored
    assert parts.images.apply(record, epoch) == "old"  # the present one: raised at equal rev
    entry = parts.images.find(iid).entry
    assert isinstance(entry, Published)
    assert entry.checked == epoch


def test_an_image_without_long_texts_stays_a_listpack(parts: Parts, raw: Raw, uid: str, epoch: str) -> None:
    iid = ids.new_iid(uid)
    parts.images.apply(ready(uid, iid, filename="holiday photograph 2026.png"), epoch)
    name = f"img:{{{iid[:2]}}}{iid[2:]}"
    assert raw.client.object("encoding", name) == "listpack"
