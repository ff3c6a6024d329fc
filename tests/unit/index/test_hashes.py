from dataclasses import asdict, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagehost.index import hashes
from imagehost.models import DeadRecord, Details, Published, ReadyRecord, Reservation, Tombstone
from imagehost.storage import object_keys
from tests.unit.strategies import DEAD, OPS, READY, RESERVATIONS, SMALLEST

EPOCH = "epoch123"


def stored(*parts: str | int) -> dict[str, str]:
    """What Redis answers to HGETALL after an HSET of these fields and values."""
    return {str(name): str(value) for name, value in zip(parts[::2], parts[1::2], strict=True)}


def ready_hash(record: ReadyRecord) -> dict[str, str]:
    head = ("owner_uid", record.uid, "state", "ready", "rev", record.rev, "checked", EPOCH)
    return stored(*head, *hashes.from_record(record))


def details_of(value: Details) -> dict[str, Any]:
    return {name: v for name, v in asdict(value).items() if name in {f.name for f in fields(Details)}}


@given(READY, st.integers(0, 10**9))
def test_a_ready_image_comes_back_from_its_hash(record: ReadyRecord, views: int) -> None:
    h = ready_hash(record) | ({"views": str(views)} if views else {})
    assert hashes.to_entry(record.iid, h) == Published(image=record.image, views=views, checked=EPOCH)


@given(RESERVATIONS)
def test_a_reservation_comes_back_from_its_hash(upload: Reservation) -> None:
    head = ("owner_uid", upload.uid, "state", "pending", "op", upload.op, "size", upload.size)
    times = ("created_at", upload.created_at_ms, "deadline", upload.deadline_ms, "begun", int(upload.begun))
    asked = (upload.sha256, upload.image_expires_in_s, upload.keep_metadata)
    h = stored(*head, *times, *hashes.from_request(Details(**details_of(upload)), *asked))
    assert hashes.to_entry(upload.iid, h) == upload


@given(DEAD, OPS, st.booleans())
def test_a_dead_image_comes_back_from_its_hash(record: DeadRecord, op: str, purged: bool) -> None:
    head = ("owner_uid", record.uid, "state", "dead", "rev", record.rev, "checked", EPOCH)
    purge = () if purged else ("purge", f"purge:{op}:{record.iid}")
    assert hashes.to_entry(record.iid, stored(*head, *purge, *hashes.from_record(record))) == Tombstone(
        iid=record.iid,
        uid=record.uid,
        rev=record.rev,
        reason=record.reason,
        code=record.code,
        detail=record.detail,
        purged=purged,
    )


@given(READY | DEAD)
def test_a_hash_is_small_because_nothing_is_written_that_is_empty_or_as_usual(
    record: ReadyRecord | DeadRecord,
) -> None:
    parts = hashes.from_record(record)
    names, values = parts[::2], parts[1::2]
    for name, value in zip(names, values, strict=True):
        assert str(value) != hashes.USUAL.get(str(name), "")
        assert value is not None
        assert not isinstance(value, bool)
    assert not {("tags", "[]"), ("metadata", "{}")} & set(zip(names, values, strict=True))
    assert len(set(names)) == len(names)


def test_the_smallest_image_has_no_field_that_it_does_not_need() -> None:
    image = Details(filename="a.png", mime="image/png")
    assert stored(*hashes.from_request(image, None, None)) == {"filename": "a.png", "mime": "image/png"}


def test_text_is_written_as_it_is_and_not_escaped() -> None:
    details = Details(filename="写真.png", mime="image/png", tags=("日本", "é"), metadata={"ключ": "🙂"})
    h = stored(*hashes.from_request(details, None, None))
    assert h["filename"] == "写真.png"
    assert h["tags"] == '["日本","é"]'
    assert h["metadata"] == '{"ключ":"🙂"}'


@given(READY)
def test_an_object_key_is_written_without_what_its_image_says_already(record: ReadyRecord) -> None:
    uid, iid, version = record.uid, record.iid, record.image.version
    key = object_keys.upload(uid, iid, version, record.image.filename, record.image.mime)
    h = ready_hash(replace(record, image=replace(record.image, key=key)))
    assert h["key"].count("/") == 2
    assert hashes.whole(iid, h)["key"] == key


@given(READY, st.sampled_from(["key", "owner_uid", "version", "filename"]))
def test_a_hash_that_has_lost_a_field_is_shown_without_it(record: ReadyRecord, lost: str) -> None:
    h = ready_hash(record)
    del h[lost]
    assert hashes.whole(record.iid, h).keys() == {*h, *hashes.USUAL, "id"}


@given(READY)
def test_a_hash_of_an_older_version_which_wrote_everything_is_read_as_before(record: ReadyRecord) -> None:
    h = hashes.whole(record.iid, ready_hash(record)) | {"counted": str(record.image.size)}
    assert hashes.to_entry(record.iid, h) == Published(image=record.image, views=0, checked=EPOCH)


@pytest.mark.parametrize("h", [{}, {"views": "3"}])
def test_a_hash_without_a_state_is_nothing(h: dict[str, str]) -> None:
    assert hashes.to_entry(SMALLEST.iid, h) is None


def test_what_was_sent_is_named_only_where_it_differs_from_what_is_stored() -> None:
    record = SMALLEST
    h = ready_hash(record)
    assert "source_size" not in h
    assert "source_sha256" not in h
    found = hashes.to_entry(record.iid, h)
    assert isinstance(found, Published)
    assert found.image.source_sha256 == record.image.sha256
