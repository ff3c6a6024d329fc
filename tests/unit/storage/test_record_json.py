import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from imagehost.errors import ConditionFailed, OutcomeUnknown, Unavailable
from imagehost.ids import new_uid
from imagehost.models import AccountRecord, Claim, DeadRecord, ImageRecord
from imagehost.storage.records import Records, parse_image_record, to_json
from tests.unit.strategies import ACCOUNTS, CLAIMS, DEAD, JSON, READY, SMALLEST

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RECORD, IMAGE, OP = SMALLEST, SMALLEST.image, SMALLEST.op
GARBAGE = [
    b"",
    b"{",
    b"\xff\xfe\x00",
    b"null",
    b"1",
    b'"text"',
    b"[]",
    b"[1]",
    b"{}",
    b'{"v":1}',
    b'{"v":1,"state":"ready"}',
    b'{"v":1,"state":"dead"}',
    b'{"v":1,"state":"pending"}',
    b'{"v":1,"state":["ready"]}',
    b'{"v":1,"state":"ready","op":"x","ops":null}',
    b'{"v":1,"state":"ready","op":"x","ops":7}',
    b"[" * 100_000,
    b'{"v":' + b"9" * 5_000 + b"}",
]


@pytest.fixture(scope="module")
def s3() -> "S3Client":
    return boto3.session.Session("a", "b", region_name="us-east-1").client("s3")


def answering(s3: "S3Client", data: bytes) -> Stubber:
    stub = Stubber(s3)
    answer = {"Body": StreamingBody(io.BytesIO(data), len(data)), "ETag": '"tag"'}
    stub.add_response("get_object", answer)
    return stub


@given(READY | DEAD)
def test_an_images_record_comes_back_as_it_was_written(record: ImageRecord) -> None:
    assert parse_image_record(to_json(record)) == record


@given(record=ACCOUNTS)
def test_an_accounts_record_comes_back_as_it_was_written(s3: "S3Client", record: AccountRecord) -> None:
    with answering(s3, to_json(record)):
        stored = Records(s3, "bucket").find_account(record.uid)
    assert stored is not None
    assert stored.record == record
    assert stored.etag == '"tag"'


@given(claim=CLAIMS)
def test_a_claim_comes_back_as_it_was_written(s3: "S3Client", claim: Claim) -> None:
    with answering(s3, to_json(claim)):
        stored = Records(s3, "bucket").find_claim(claim.name)
    assert stored is not None
    assert stored.record == claim


@given(READY | DEAD | ACCOUNTS | CLAIMS)
def test_a_record_begins_with_its_operation_and_schema_and_has_no_empty_members(
    record: ImageRecord | AccountRecord | Claim,
) -> None:
    data = to_json(record)
    assert data.startswith(b'{"op":"' + record.op.encode() + b'","v":1,')
    assert None not in json.loads(data).values()
    assert b"\n" not in data


def test_a_ready_record_is_flat_and_names_its_state() -> None:
    fields = json.loads(to_json(RECORD))
    assert list(fields)[:7] == ["op", "v", "iid", "uid", "state", "rev", "version"]
    assert fields["state"] == "ready"
    assert fields["ops"] == [OP]
    assert "image" not in fields


@pytest.mark.parametrize("data", GARBAGE, ids=lambda data: ascii(data[:30]))
def test_what_is_no_record_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_image_record(data)


@pytest.mark.parametrize("data", GARBAGE, ids=lambda data: ascii(data[:30]))
def test_a_record_that_cannot_be_read_is_unavailable_and_never_absent(s3: "S3Client", data: bytes) -> None:
    records, uid = Records(s3, "bucket"), new_uid()
    with answering(s3, data), pytest.raises(Unavailable):
        records.find_image(uid)
    with answering(s3, data), pytest.raises(Unavailable):
        records.find_account(uid)
    with answering(s3, data), pytest.raises(Unavailable):
        records.find_claim("ann")


@pytest.mark.parametrize("schema", [0, 2, "1", None, 1.5])
def test_a_record_of_another_schema_is_a_value_error(schema: object) -> None:
    fields = json.loads(to_json(RECORD)) | {"v": schema}
    with pytest.raises(ValueError, match="schema"):
        parse_image_record(json.dumps(fields).encode())


@pytest.mark.parametrize(
    "change",
    [{"iid": None}, {"size": "many"}, {"tags": "abc"}, {"metadata": []}, {"op": 5}, {"op": None}, {"ops": "abc"}],
)
def test_a_member_of_the_wrong_type_is_a_value_error(change: dict[str, object]) -> None:
    fields = json.loads(to_json(RECORD)) | change
    with pytest.raises(ValueError, match=r"\S"):
        parse_image_record(json.dumps(fields).encode())


@given(JSON)
def test_no_json_is_anything_but_a_record_or_a_value_error(value: object) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_image_record(json.dumps(value).encode())


@given(st.dictionaries(st.sampled_from(list(json.loads(to_json(RECORD)))), JSON, min_size=1, max_size=3))
def test_no_damaged_record_does_worse_than_a_value_error(damage: dict[str, object]) -> None:
    fields = json.loads(to_json(RECORD)) | damage
    try:
        parse_image_record(json.dumps(fields).encode())
    except ValueError:
        return


def test_members_that_a_later_version_adds_do_no_harm() -> None:
    fields = json.loads(to_json(RECORD)) | {"album": "later"}
    assert parse_image_record(json.dumps(fields).encode()) == RECORD


@pytest.mark.parametrize(
    "status, code, etag, error",
    [
        (412, "PreconditionFailed", None, ConditionFailed),
        (412, "PreconditionFailed", "x", ConditionFailed),
        (404, "NoSuchKey", "x", ConditionFailed),
        (404, "NoSuchBucket", "x", Unavailable),
        (404, "NoSuchBucket", None, Unavailable),
        (409, "ConditionalRequestConflict", None, OutcomeUnknown),
        (409, "OperationAborted", "x", OutcomeUnknown),
        (500, "InternalError", None, OutcomeUnknown),
        (503, "SlowDown", "x", OutcomeUnknown),
        (400, "InvalidRequest", None, Unavailable),
        (403, "AccessDenied", "x", Unavailable),
    ],
)
def test_each_refusal_of_a_write_has_its_meaning(
    s3: "S3Client", status: int, code: str, etag: str | None, error: type[Exception]
) -> None:
    dead = DeadRecord(op=OP, ops=(OP,), iid=IMAGE.iid, uid=IMAGE.uid, rev=2, reason="deleted")
    for record in (RECORD, replace(RECORD, ops=(OP, OP)), dead):
        with Stubber(s3) as stub:
            stub.add_client_error("put_object", service_error_code=code, http_status_code=status)
            with pytest.raises(error) as caught:
                Records(s3, "bucket").write_image(record, etag=etag)
        assert type(caught.value) is error


@pytest.mark.parametrize(
    "status, code", [(403, "AccessDenied"), (404, "NoSuchBucket"), (500, "InternalError"), (503, "SlowDown")]
)
def test_a_read_that_fails_is_unavailable_and_never_absent(s3: "S3Client", status: int, code: str) -> None:
    with Stubber(s3) as stub:
        stub.add_client_error("get_object", service_error_code=code, http_status_code=status)
        with pytest.raises(Unavailable) as caught:
            Records(s3, "bucket").find_image(IMAGE.iid)
    assert not isinstance(caught.value, OutcomeUnknown)
