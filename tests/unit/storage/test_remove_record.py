"""Removing a record from stores that can do so conditionally, and from those that cannot."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from imagehost.errors import ConditionFailed, Unavailable
from imagehost.storage.records import Records

IID = "0k" + "I" * 22
PLACE = {"Bucket": "b", "Key": f"records/0k/{IID}.json"}


@pytest.fixture
def s3() -> Any:
    return boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="s")


def _answered(s3: Any, status: int, code: str) -> Stubber:
    stub = Stubber(s3)
    expected = {**PLACE, "IfMatch": '"e"'}
    stub.add_client_error("delete_object", code, http_status_code=status, expected_params=expected)
    return stub


@pytest.mark.parametrize("status, code", [(412, "PreconditionFailed"), (404, "NoSuchKey")])
def test_a_record_that_is_another_by_now_stays(s3: Any, status: int, code: str) -> None:
    with _answered(s3, status, code), pytest.raises(ConditionFailed):
        Records(s3, "b").remove_image(IID, '"e"')


def test_a_store_that_has_no_conditional_removal_is_asked_for_a_plain_one(s3: Any) -> None:
    with _answered(s3, 501, "NotImplemented") as stub:
        stub.add_response("delete_object", {}, PLACE)
        Records(s3, "b").remove_image(IID, '"e"')
        stub.assert_no_pending_responses()


def test_a_store_that_fails_is_unavailable(s3: Any) -> None:
    with _answered(s3, 403, "AccessDenied"), pytest.raises(Unavailable):
        Records(s3, "b").remove_image(IID, '"e"')
