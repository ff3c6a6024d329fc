"""Conditional writes on a real store: the one thing that everything else rests on."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from boto3.session import Session
from botocore.config import Config as BotoConfig

from imagehost.config import Config
from imagehost.errors import ConditionFailed, OutcomeUnknown, Unavailable
from imagehost.ids import new_iid, new_op, new_uid, new_version
from imagehost.models import AccountRecord, ApiKey, Claim, DeadRecord, Image, ReadyRecord
from imagehost.services.parts import Parts
from imagehost.storage import object_keys
from imagehost.storage.records import Records, to_json

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RACERS = 8


@pytest.fixture
def records(parts: Parts) -> Records:
    return parts.records


def ready(iid: str, uid: str, *, rev: int = 1, title: str = "Тест") -> ReadyRecord:
    op, version = new_op(), new_version()
    image = Image(
        iid=iid, uid=uid, version=version, rev=rev, key=object_keys.upload(uid, iid, version, "a.png", "image/png"),
        filename="写真.png", mime="image/png", private=True, title=title, tags=("a", "é"), metadata={"n": [1, None]},
        size=5, sha256="a" * 64, source_size=6, source_sha256="b" * 64, width=1, height=2, frames=1,
        variants=("thumb.webp",), status="generated", created_at_ms=1_700_000_000_000,
    )  # fmt: skip
    return ReadyRecord(op=op, ops=(op,), image=image)


def dead(iid: str, uid: str, rev: int = 1) -> DeadRecord:
    op = new_op()
    return DeadRecord(op=op, ops=(op,), iid=iid, uid=uid, rev=rev, reason="deleted")


def new_ids() -> tuple[str, str]:
    uid = new_uid()
    return new_iid(uid), uid


def test_what_was_never_written_is_none(records: Records) -> None:
    iid, uid = new_ids()
    assert records.find_image(iid) is None
    assert records.find_account(uid) is None
    assert records.find_claim("nobody-of-this-name") is None


def test_a_record_is_read_as_it_was_written(records: Records) -> None:
    iid, uid = new_ids()
    record = ready(iid, uid)
    records.write_image(record)
    stored = records.find_image(iid)
    assert stored is not None
    assert stored.record == record


def test_a_record_is_stored_as_json_that_nobody_caches(records: Records, s3: "S3Client", config: Config) -> None:
    iid, uid = new_ids()
    record = ready(iid, uid)
    records.write_image(record)
    answer = s3.get_object(Bucket=config.bucket, Key=object_keys.image_record(iid))
    assert answer["Body"].read() == to_json(record)
    assert answer["ContentType"] == "application/json"
    assert answer["CacheControl"] == "no-store"


def test_an_account_and_a_claim_are_read_as_they_were_written(records: Records) -> None:
    uid, op = new_uid(), new_op()
    api_key = ApiKey(kid="k" * 12, name="n", secret_sha256="c" * 64, scopes=("read",), created_at_ms=1)
    account = AccountRecord(op=op, ops=(op,), uid=uid, rev=1, username="ann", created_at_ms=1, api_keys=(api_key,))
    claim = Claim(op=op, name="contract-storage", uid=uid, created_at_ms=1)
    records.write_account(account)
    records.write_claim(claim)
    found, claimed = records.find_account(uid), records.find_claim(claim.name)
    assert found is not None
    assert claimed is not None
    assert (found.record, claimed.record) == (account, claim)
    with pytest.raises(ConditionFailed):
        records.write_account(account)
    with pytest.raises(ConditionFailed):
        records.write_claim(replace(claim, op=new_op()))


def race(writes: "list[tuple[Records, ReadyRecord | DeadRecord, str | None]]") -> list[int]:
    """Write all at once; the places of those that won. Everybody else must have heard that they lost."""
    barrier = threading.Barrier(len(writes))

    def write(place: int) -> bool:
        records, record, etag = writes[place]
        barrier.wait()
        try:
            records.write_image(record, etag=etag)
        except ConditionFailed:
            return False
        return True

    with ThreadPoolExecutor(len(writes)) as pool:
        return [place for place, won in enumerate(pool.map(write, range(len(writes)))) if won]


def test_of_many_who_create_a_record_at_once_exactly_one_wins(records: Records) -> None:
    for _ in range(2):
        iid, uid = new_ids()
        rivals = [ready(iid, uid) if n % 2 else dead(iid, uid) for n in range(RACERS)]
        (winner,) = race([(records, rival, None) for rival in rivals])
        stored = records.find_image(iid)
        assert stored is not None
        assert stored.record == rivals[winner]


def test_of_many_who_replace_a_record_at_once_exactly_one_wins(records: Records) -> None:
    for _ in range(2):
        iid, uid = new_ids()
        records.write_image(ready(iid, uid))
        before = records.find_image(iid)
        assert before is not None
        rivals = [ready(iid, uid, rev=2, title=f"title {n}") for n in range(RACERS)]
        (winner,) = race([(records, rival, before.etag) for rival in rivals])
        after = records.find_image(iid)
        assert after is not None
        assert after.record == rivals[winner]
        assert after.etag != before.etag


def test_a_record_is_created_once_and_never_again(records: Records) -> None:
    iid, uid = new_ids()
    first = ready(iid, uid)
    records.write_image(first)
    for rival in (first, ready(iid, uid), dead(iid, uid)):
        with pytest.raises(ConditionFailed):
            records.write_image(rival)
    stored = records.find_image(iid)
    assert stored is not None
    assert stored.record == first


def test_a_state_that_has_passed_cannot_be_replaced(records: Records) -> None:
    iid, uid = new_ids()
    records.write_image(ready(iid, uid))
    stale = records.find_image(iid)
    assert stale is not None
    second = ready(iid, uid, rev=2)
    records.write_image(second, etag=stale.etag)
    for etag in (stale.etag, '"0123456789abcdef0123456789abcdef"'):
        with pytest.raises(ConditionFailed):
            records.write_image(dead(iid, uid, 3), etag=etag)
    stored = records.find_image(iid)
    assert stored is not None
    assert stored.record == second
    records.write_image(dead(iid, uid, 3), etag=stored.etag)


def test_what_does_not_exist_cannot_be_replaced(records: Records) -> None:
    iid, uid = new_ids()
    with pytest.raises(ConditionFailed):
        records.write_image(ready(iid, uid), etag='"0123456789abcdef0123456789abcdef"')
    assert records.find_image(iid) is None


def test_a_bucket_that_does_not_exist_is_unavailable_and_never_empty(s3: "S3Client") -> None:
    iid, uid = new_ids()
    with pytest.raises(Unavailable):
        Records(s3, "no-such-bucket").write_image(ready(iid, uid))
    with pytest.raises(Unavailable):
        Records(s3, "no-such-bucket").find_image(iid)


def test_wrong_credentials_are_unavailable(config: Config) -> None:
    iid, uid = new_ids()
    with records_at(config.s3_endpoint_url or "", config.bucket) as stranger:
        with pytest.raises(Unavailable) as caught:
            stranger.write_image(ready(iid, uid))
        assert type(caught.value) is Unavailable
        with pytest.raises(Unavailable):
            stranger.find_image(iid)


@contextmanager
def records_at(endpoint_url: str, bucket: str = "imagehost") -> Iterator[Records]:
    """Records behind a client that waits for nobody and has made-up credentials."""
    client = Session("AKIDEXAMPLE", "secret", region_name="us-east-1").client(
        "s3",
        endpoint_url=endpoint_url,
        config=BotoConfig(
            connect_timeout=0.5,
            read_timeout=0.5,
            retries={"total_max_attempts": 1, "mode": "standard"},
            s3={"addressing_style": "path"},
        ),
    )
    yield Records(client, bucket)
    client.close()


@contextmanager
def silent_server(*, listening: bool) -> Iterator[str]:
    """An address where connections are refused, or accepted and never answered."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if listening:
            server.listen()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("listening", [False, True])
def test_a_store_that_does_not_answer_leaves_a_write_unknown_and_a_read_unavailable(listening: bool) -> None:
    iid, uid = new_ids()
    with silent_server(listening=listening) as url, records_at(url) as records:
        with pytest.raises(OutcomeUnknown):
            records.write_image(ready(iid, uid))
        with pytest.raises(Unavailable) as caught:
            records.find_image(iid)
        assert not isinstance(caught.value, OutcomeUnknown)
