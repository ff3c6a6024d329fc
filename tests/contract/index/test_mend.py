"""Scripts that mend the index: what they change, and what they leave to somebody who was faster."""

from dataclasses import replace

from imagehost import ids
from imagehost.index.mend import fields_of_account, fields_of_image
from imagehost.models import AccountRecord, ApiKey, Usage
from imagehost.services.parts import Parts
from tests.contract.builders import dead, edited, ready, reserve
from tests.contract.raw import Raw

WRONG = {"used_bytes": 99, "used_count": -1, "reserved_bytes": 3, "reserved_count": 7}


def _ver(raw: Raw, uid: str) -> str:
    return raw.user(uid).get("ver", "")


def test_counters_become_what_was_counted_and_the_count_before_is_worth_nothing_then(
    parts: Parts, raw: Raw, uid: str, epoch: str
) -> None:
    parts.images.apply(ready(uid, ids.new_iid(uid)), epoch)
    reserve(parts, uid, ids.new_iid(uid))
    raw.client.hset(f"user:{{{uid[:2]}}}{uid[2:]}", mapping=WRONG)
    ver = _ver(raw, uid)
    assert parts.mender.recount(uid, ver, Usage(used_bytes=7, used_count=1, reserved_bytes=10, reserved_count=1))
    assert raw.counters(uid) == (7, 1, 10, 1)
    assert not parts.mender.recount(uid, ver, Usage(used_bytes=0, used_count=0, reserved_bytes=0, reserved_count=0))


def test_counters_that_moved_since_they_were_counted_stay(parts: Parts, raw: Raw, uid: str, epoch: str) -> None:
    iid = ids.new_iid(uid)
    none = Usage(used_bytes=0, used_count=0, reserved_bytes=0, reserved_count=0)
    for change in (
        lambda: reserve(parts, uid, iid),
        lambda: parts.images.apply(ready(uid, iid), epoch),
        lambda: parts.images.apply(dead(uid, iid, rev=2), epoch),
        lambda: parts.images.purge_done(iid, uid),
    ):
        ver = _ver(raw, uid)
        change()
        before = raw.counters(uid)
        assert not parts.mender.recount(uid, ver, none)
        assert raw.counters(uid) == before


def test_a_place_in_the_list_follows_from_the_hash(parts: Parts, raw: Raw, uid: str, epoch: str) -> None:
    iid, gone, owned = ids.new_iid(uid), ids.new_iid(uid), f"user:{{{uid[:2]}}}{uid[2:]}:images"
    parts.images.apply(ready(uid, iid, created_at_ms=5), epoch)
    for wrong in ({}, {iid: 4, gone: 1}):
        raw.client.delete(owned)
        for member, score in wrong.items():
            raw.client.zadd(owned, {member: score})
        for each in (iid, gone):
            parts.mender.realign(each, uid)
        assert raw.listed(uid) == {iid: 5}


def test_due_entries_follow_from_the_hash_and_keep_their_time(parts: Parts, raw: Raw, uid: str, epoch: str) -> None:
    pending, expiring, deleted = (ids.new_iid(uid) for _ in range(3))
    reserved = reserve(parts, uid, pending, op="op")
    record = ready(uid, expiring, expires_at_ms=9_000_000_000_000)
    parts.images.apply(record, epoch)
    killed = dead(uid, deleted)
    parts.images.apply(killed, epoch)
    raw.client.delete(f"due:{{{uid[:2]}}}")
    before_ms = parts.shards.now_ms()
    for iid in (pending, expiring, deleted):
        parts.mender.realign(iid, uid)
    assert raw.due(pending) == {"upload:op": reserved.deadline_ms}
    assert raw.due(expiring) == {f"expire:{record.image.version}": 9_000_000_000_000}
    assert raw.due(deleted).keys() == {f"purge:{killed.op}"}
    assert before_ms <= raw.due(deleted)[f"purge:{killed.op}"] <= parts.shards.now_ms(), "due now, and not for 50 years"
    raw.client.zadd(f"due:{{{uid[:2]}}}", {f"upload:op:{pending}": 3})
    parts.mender.realign(pending, uid)
    assert raw.due(pending) == {"upload:op": 3}
    parts.images.purge_done(deleted, uid)


def test_a_begun_upload_is_due_at_the_end_of_its_lease_at_the_earliest(parts: Parts, raw: Raw, uid: str) -> None:
    iid = ids.new_iid(uid)
    reserve(parts, uid, iid, op="op", hold_ms=0)
    parts.images.begin_complete(iid, uid, "v", 60_000)
    raw.client.delete(f"due:{{{uid[:2]}}}")
    parts.mender.realign(iid, uid)
    assert raw.due(iid) == {"upload:op": float(raw.image(iid)["lease_until"])}


def test_a_hash_says_what_its_record_says_and_keeps_what_only_the_index_knows(
    parts: Parts, raw: Raw, uid: str, epoch: str
) -> None:
    record = ready(uid, ids.new_iid(uid), title="right", tags=("a", "b"))
    name = f"img:{{{uid[:2]}}}{record.iid[2:]}"
    parts.images.apply(record, epoch)
    parts.images.count_views({record.iid: 1})
    right = raw.image(record.iid)
    raw.client.hset(name, mapping={"title": "wrong", "kind": "wrong", "rev": 0})
    raw.client.hdel(name, "tags")
    assert parts.mender.rewrite_image(record)
    assert raw.image(record.iid) == right
    assert {**fields_of_image(record), "checked": epoch, "views": "1"} == right


def test_a_hash_that_has_moved_on_is_not_rewritten(parts: Parts, raw: Raw, uid: str, epoch: str) -> None:
    record = ready(uid, ids.new_iid(uid))
    later = edited(record, title="later")
    parts.images.apply(later, epoch)
    assert not parts.mender.rewrite_image(record)
    parts.images.apply(dead(uid, record.iid, rev=3), epoch)
    assert not parts.mender.rewrite_image(later)
    assert raw.image(record.iid)["state"] == "dead"
    assert not parts.mender.rewrite_image(ready(uid, ids.new_iid(uid)))
    parts.images.purge_done(record.iid, uid)


def test_a_tombstone_is_rewritten_with_what_is_still_counted(parts: Parts, raw: Raw, uid: str, epoch: str) -> None:
    iid = ids.new_iid(uid)
    parts.images.apply(ready(uid, iid), epoch)
    record = dead(uid, iid, rev=2)
    parts.images.apply(record, epoch)
    right = raw.image(iid)
    raw.client.hset(f"img:{{{uid[:2]}}}{iid[2:]}", mapping={"reason": "fenced", "code": "wrong"})
    assert parts.mender.rewrite_image(record)
    assert raw.image(iid) == right
    assert "counted" in right
    parts.images.purge_done(iid, uid)


def test_an_account_has_the_api_keys_of_its_record_and_keeps_its_counters(
    parts: Parts, raw: Raw, uid: str, epoch: str
) -> None:
    api_key = ApiKey(kid="k1", name="n", secret_sha256="ab" * 32, scopes=("read",), created_at_ms=5)
    record = AccountRecord(op="o", ops=("o",), uid=uid, rev=2, username="ann", created_at_ms=3, api_keys=(api_key,))
    parts.images.apply(ready(uid, ids.new_iid(uid)), epoch)
    parts.accounts.apply(record, epoch)
    right = raw.user(uid)
    assert {name: right[name] for name in fields_of_account(record)} == fields_of_account(record)
    raw.client.hset(f"user:{{{uid[:2]}}}{uid[2:]}", mapping={"key:k2": right["key:k1"], "username": "bob"})
    assert parts.mender.rewrite_account(record)
    assert raw.user(uid) == right
    assert not parts.mender.rewrite_account(replace(record, rev=1))
