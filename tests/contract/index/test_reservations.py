"""reserve_upload, begin_complete, release_lease and drop_reservation on a real server, each replayed."""

import threading
import time

import pytest

from imagehost import ids
from imagehost.errors import IndexRebuilding, QuotaExceeded, TooManyPending
from imagehost.models import Details, Reservation
from imagehost.services.parts import Parts
from tests.contract.builders import dead, ready, reserve
from tests.contract.raw import Raw

LEASE_MS = 60_000


def test_a_reservation_holds_quota_and_is_due_at_its_deadline(parts: Parts, raw: Raw, uid: str) -> None:
    iid = ids.new_iid(uid)
    reserved = reserve(parts, uid, iid, size_bytes=10, hold_ms=5_000)
    assert reserved.deadline_ms - reserved.created_at_ms == 5_000
    assert abs(reserved.created_at_ms - time.time() * 1000) < 5_000
    assert raw.counters(uid) == (0, 0, 10, 1)
    assert raw.due(iid) == {"upload:op": reserved.deadline_ms}
    entry = parts.images.find(iid).entry
    assert isinstance(entry, Reservation)
    assert (entry.uid, entry.size, entry.begun, entry.filename) == (uid, 10, False, "a.png")


def test_a_replayed_reservation_answers_the_same_and_reserves_once(parts: Parts, raw: Raw, uid: str) -> None:
    iid = ids.new_iid(uid)
    first = reserve(parts, uid, iid)
    assert reserve(parts, uid, iid) == first
    assert raw.counters(uid) == (0, 0, 10, 1)


def test_another_operation_cannot_reserve_the_same_id(parts: Parts, uid: str) -> None:
    iid = ids.new_iid(uid)
    reserve(parts, uid, iid)
    with pytest.raises(RuntimeError, match="exists"):
        reserve(parts, uid, iid, op="another")


def test_bytes_over_the_quota_are_not_reserved(parts: Parts, raw: Raw, uid: str) -> None:
    reserve(parts, uid, ids.new_iid(uid), size_bytes=995)
    iid = ids.new_iid(uid)
    with pytest.raises(QuotaExceeded) as caught:
        reserve(parts, uid, iid, size_bytes=6)
    assert caught.value.extensions["used"] == {"bytes": 995, "images": 1}
    assert caught.value.extensions["allowed"] == {"bytes": 1_000, "images": 10}
    assert raw.image(iid) == {}
    assert raw.due(iid) == {}
    reserve(parts, uid, ids.new_iid(uid), size_bytes=5)


def test_images_over_the_quota_are_not_reserved(parts: Parts, uid: str, epoch: str) -> None:
    for _ in range(10):
        assert parts.images.apply(ready(uid, ids.new_iid(uid)), epoch) == "ok"
    with pytest.raises(QuotaExceeded):
        reserve(parts, uid, ids.new_iid(uid))


def test_pending_uploads_over_the_cap_are_not_reserved(parts: Parts, raw: Raw, uid: str) -> None:
    for _ in range(5):
        reserve(parts, uid, ids.new_iid(uid))
    with pytest.raises(TooManyPending) as caught:
        reserve(parts, uid, ids.new_iid(uid))
    assert int(caught.value.headers["Retry-After"]) > 0
    assert raw.counters(uid)[3] == 5


def test_of_many_requests_at_the_last_place_exactly_one_is_admitted(parts: Parts, raw: Raw, uid: str) -> None:
    reserve(parts, uid, ids.new_iid(uid), size_bytes=991)
    admitted, refused = [], []

    def ask() -> None:
        try:
            admitted.append(reserve(parts, uid, ids.new_iid(uid), size_bytes=9))
        except QuotaExceeded as exc:
            refused.append(exc)

    threads = [threading.Thread(target=ask) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(admitted), len(refused)) == (1, 23)
    assert raw.counters(uid) == (0, 0, 1_000, 2)


def test_a_wiped_shard_admits_nothing(parts: Parts, raw: Raw, uid: str) -> None:
    meta = f"meta:{{{uid[:2]}}}"
    epoch = raw.client.hget(meta, "epoch")
    raw.client.delete(meta)
    try:
        with pytest.raises(IndexRebuilding):
            reserve(parts, uid, ids.new_iid(uid))
    finally:
        raw.client.hset(meta, "epoch", epoch)


def test_the_lease_goes_to_one_version_and_a_replay_by_it_is_ok(parts: Parts, raw: Raw, uid: str) -> None:
    iid = ids.new_iid(uid)
    reserve(parts, uid, iid)
    assert parts.images.begin_complete(iid, uid, "v1", LEASE_MS).answer == "ok"
    assert parts.images.begin_complete(iid, uid, "v1", LEASE_MS).answer == "ok"
    busy = parts.images.begin_complete(iid, uid, "v2", LEASE_MS)
    assert busy.answer == "busy"
    assert 0 < busy.retry_after_ms <= LEASE_MS
    assert raw.image(iid)["begun"] == "1"


def test_beginning_moves_the_due_entry_two_leases_ahead_and_never_back(parts: Parts, raw: Raw, uid: str) -> None:
    iid = ids.new_iid(uid)
    deadline_ms = reserve(parts, uid, iid, hold_ms=1_000).deadline_ms
    parts.images.begin_complete(iid, uid, "v1", LEASE_MS)
    moved = raw.due(iid)["upload:op"]
    assert moved >= deadline_ms - 1_000 + 2 * LEASE_MS
    parts.images.release_lease(iid, "v1")
    parts.images.begin_complete(iid, uid, "v2", 1)
    assert raw.due(iid)["upload:op"] == moved


def test_a_released_lease_can_be_taken_again_and_only_its_holder_releases_it(parts: Parts, uid: str) -> None:
    iid = ids.new_iid(uid)
    reserve(parts, uid, iid)
    parts.images.begin_complete(iid, uid, "v1", LEASE_MS)
    assert not parts.images.release_lease(iid, "v2")
    assert parts.images.release_lease(iid, "v1")
    assert not parts.images.release_lease(iid, "v1")
    assert parts.images.begin_complete(iid, uid, "v2", LEASE_MS).answer == "ok"


def test_a_lease_that_has_run_out_can_be_taken(parts: Parts, uid: str) -> None:
    iid = ids.new_iid(uid)
    reserve(parts, uid, iid)
    parts.images.begin_complete(iid, uid, "v1", 1)
    deadline_s = time.monotonic() + 5
    while parts.images.begin_complete(iid, uid, "v2", LEASE_MS).answer == "busy":
        assert time.monotonic() < deadline_s


def test_begin_complete_says_why_there_is_nothing_to_begin(parts: Parts, uid: str, epoch: str) -> None:
    def begin(iid: str, by: str = uid) -> str:
        return parts.images.begin_complete(iid, by, "v", LEASE_MS).answer

    published, removed, foreign = ids.new_iid(uid), ids.new_iid(uid), ids.new_iid(uid)
    parts.images.apply(ready(uid, published), epoch)
    parts.images.apply(dead(uid, removed), epoch)
    reserve(parts, uid, foreign)
    assert begin(ids.new_iid(uid)) == "gone"
    assert begin(published) == "ready"
    assert begin(removed) == "gone"
    assert begin(foreign, by=ids.new_uid()) == "gone"


def test_dropping_undoes_a_reservation_only_after_its_deadline_and_once(parts: Parts, raw: Raw, uid: str) -> None:
    early, late = ids.new_iid(uid), ids.new_iid(uid)
    reserve(parts, uid, early)
    reserve(parts, uid, late, hold_ms=0)
    assert parts.images.drop_reservation(early, uid) == "early"
    assert parts.images.drop_reservation(late, uid) == "ok"
    assert parts.images.drop_reservation(late, uid) == "no"
    assert raw.image(late) == {}
    assert raw.due(late) == {}
    assert raw.counters(uid) == (0, 0, 10, 1)


def test_a_begun_upload_is_never_dropped(parts: Parts, uid: str) -> None:
    iid = ids.new_iid(uid)
    reserve(parts, uid, iid, hold_ms=0)
    parts.images.begin_complete(iid, uid, "v1", 1)
    assert parts.images.drop_reservation(iid, uid) == "no"


def test_details_with_any_text_come_back_as_they_were(parts: Parts, uid: str) -> None:
    iid = ids.new_iid(uid)
    details = Details(
        filename="Größe ☃.png",
        mime="image/png",
        private=True,
        title="„“",
        tags=("a,b", "ç"),
        metadata={"prompt": "x\ny", "n": [1, None, {"f": 0.5}]},
        kind="room",
    )
    parts.images.reserve(
        iid,
        uid,
        "op",
        details,
        size_bytes=1,
        sha256="cd" * 32,
        hold_ms=1_000,
        quota_bytes=10,
        quota_images=1,
        max_pending=1,
    )
    entry = parts.images.find(iid).entry
    assert isinstance(entry, Reservation)
    assert {name: getattr(entry, name) for name in Details.__slots__} == {
        name: getattr(details, name) for name in Details.__slots__
    }
    assert entry.sha256 == "cd" * 32
