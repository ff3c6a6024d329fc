"""Lists, due entries, accounts and epochs on a real server."""

import pytest

from imagehost import ids
from imagehost.config import load_config
from imagehost.errors import IndexRebuilding, Unavailable
from imagehost.index import client
from imagehost.index.scripts import Scripts
from imagehost.index.shards import ShardIndex
from imagehost.models import Position
from imagehost.services.parts import Parts
from tests.contract.builders import account, dead, ready
from tests.contract.raw import Raw


def _walk(parts: Parts, uid: str, limit: int) -> list[str]:
    seen: list[str] = []
    after: Position | None = None
    while True:
        page = parts.images.list_page(uid, limit, after=after) if after else parts.images.list_page(uid, limit)
        seen += [published.image.iid for published in page.items]
        if page.next is None:
            return seen
        assert len(page.items) == limit
        after = page.next


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_following_cursors_gives_each_image_once_though_many_have_the_same_time(
    parts: Parts, uid: str, epoch: str, limit: int
) -> None:
    times = (5,) * 11 + (9, 9, 1, 1, 7)
    images = [(ready(uid, ids.new_iid(uid), created_at_ms=time_ms)) for time_ms in times]
    for record in images:
        parts.images.apply(record, epoch)
    expected = sorted(((r.image.created_at_ms, r.iid) for r in images), reverse=True)
    assert _walk(parts, uid, limit) == [iid for _, iid in expected]


def test_a_cursor_survives_the_end_of_the_image_that_it_stands_on(parts: Parts, uid: str, epoch: str) -> None:
    records = [ready(uid, ids.new_iid(uid), created_at_ms=time_ms) for time_ms in (4, 3, 3, 2)]
    for record in records:
        parts.images.apply(record, epoch)
    whole = _walk(parts, uid, 100)
    page = parts.images.list_page(uid, 2)
    assert page.next is not None
    last = page.items[-1].image
    parts.images.apply(dead(uid, last.iid, rev=2), epoch)
    rest = parts.images.list_page(uid, 10, after=page.next)
    assert [published.image.iid for published in rest.items] == whole[2:]


def test_pages_by_number_count_the_whole_list(parts: Parts, uid: str, epoch: str) -> None:
    for time_ms in range(5):
        parts.images.apply(ready(uid, ids.new_iid(uid), created_at_ms=time_ms), epoch)
    page = parts.images.list_page(uid, 2, start=4)
    assert (len(page.items), page.total, page.next) == (1, 5, None)
    assert parts.images.list_page(uid, 2, start=40).items == ()


def test_a_list_of_a_wiped_shard_is_rebuilding_not_empty(parts: Parts, raw: Raw, uid: str) -> None:
    meta = f"meta:{{{uid[:2]}}}"
    epoch = raw.client.hget(meta, "epoch")
    raw.client.delete(meta)
    try:
        assert ids.shard_of(uid) in parts.shards.list_wiped()
        with pytest.raises(IndexRebuilding):
            parts.images.list_page(uid, 10)
    finally:
        raw.client.hset(meta, "epoch", epoch)
    assert parts.shards.list_wiped() == []


def test_beginning_shards_again_keeps_their_epochs(parts: Parts, uid: str, epoch: str) -> None:
    parts.shards.begin([ids.shard_of(uid)])
    assert parts.shards.find_epoch(ids.shard_of(uid)) == epoch


def test_an_intent_is_due_a_lease_later_and_only_its_own_operation_clears_it(parts: Parts, raw: Raw, uid: str) -> None:
    iid = ids.new_iid(uid)
    parts.due.note_intent("a", iid, 60_000)
    parts.due.note_intent("b", iid, 0)
    parts.due.note_intent("b", iid, 0)
    due = [entry for entry in parts.due.list_due({}) if entry.iid == iid]
    assert [(entry.kind, entry.op) for entry in due] == [("check", "b")]
    assert due[0].epoch is not None
    parts.due.clear_intent("c", iid)
    assert set(raw.due(iid)) == {"check:a", "check:b"}
    parts.due.clear(due[0])
    parts.due.clear_intent("a", iid)
    parts.due.clear_intent("a", iid)
    assert raw.due(iid) == {}


def test_an_account_has_exactly_the_keys_of_its_latest_record_and_keeps_its_counters(
    parts: Parts, raw: Raw, uid: str, epoch: str
) -> None:
    iid = ids.new_iid(uid)
    parts.images.apply(ready(uid, iid), epoch)
    for record in (
        account(uid, 2, "k1", "k2"),
        account(uid, 1),
        account(uid, 3, "k2"),
        account(uid, 2, "k1", "k2"),
    ):
        parts.accounts.apply(record, epoch)
    assert parts.accounts.find_key(uid, "k1").api_key is None
    assert parts.accounts.find_key(uid, "k2").api_key == account(uid, 3, "k2").api_keys[0]
    profile = parts.accounts.find_profile(uid)
    assert profile is not None
    assert (profile.username, profile.created_at_ms, len(profile.api_keys)) == ("ann", 3, 1)
    assert (profile.usage.used_bytes, profile.usage.used_count) == (7, 1)


def test_a_user_with_counters_but_no_record_has_no_profile(parts: Parts, uid: str, epoch: str) -> None:
    parts.images.apply(ready(uid, ids.new_iid(uid)), epoch)
    assert parts.accounts.find_profile(uid) is None


def test_a_redis_that_does_not_answer_is_unavailable_not_an_error_of_the_driver(environment: dict[str, str]) -> None:
    config = load_config({**environment, "REDIS_URL": "unix:///nowhere/redis.sock"})
    nowhere = client.connect(config.redis_url.get_secret_value())
    shards = ShardIndex(nowhere, Scripts(nowhere))
    with pytest.raises(Unavailable):
        shards.ping()


def test_a_cursor_skips_nothing_though_newer_images_go_while_it_is_followed(parts: Parts, uid: str, epoch: str) -> None:
    records = [ready(uid, ids.new_iid(uid), created_at_ms=time_ms) for time_ms in range(6)]
    for record in records:
        parts.images.apply(record, epoch)
    page = parts.images.list_page(uid, 2)
    assert page.next is not None
    for record in records[4:]:
        parts.images.apply(dead(uid, record.iid, rev=2), epoch)
    rest = parts.images.list_page(uid, 2, after=page.next)
    assert [published.image.iid for published in rest.items] == [records[3].iid, records[2].iid]


def test_images_of_the_same_time_stand_in_the_order_of_their_bytes(parts: Parts, uid: str, epoch: str) -> None:
    endings = ("a", "B", "Z", "z", "0", "aB")  # where a dictionary would have another order
    iids = [ids.shard_of(uid) + ending.rjust(22, "x") for ending in endings]
    for iid in iids:
        parts.images.apply(ready(uid, iid, created_at_ms=5), epoch)
    assert _walk(parts, uid, 1) == sorted(iids, reverse=True)
    last = sorted(iids)[0]
    gone = Position(5, last[:-1] + chr(ord(last[-1]) + 1))  # a cursor on an image that is not there
    rest = parts.images.list_page(uid, 10, after=gone)
    assert [published.image.iid for published in rest.items] == [last]
