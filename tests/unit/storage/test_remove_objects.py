"""Removing many objects: no request has more to do than a busy store gets done in its time."""

import boto3
from botocore.stub import Stubber

from imagehost.storage.objects import REMOVED_AT_ONCE, Objects


def test_many_objects_are_removed_by_several_requests_each_of_them_once() -> None:
    s3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="s")
    names = [f"uploads/{number}" for number in range(2 * REMOVED_AT_ONCE + 1)]
    with Stubber(s3) as stub:
        for start in range(0, len(names), REMOVED_AT_ONCE):
            wanted = [{"Key": name} for name in names[start : start + REMOVED_AT_ONCE]]
            stub.add_response("delete_objects", {}, {"Bucket": "b", "Delete": {"Objects": wanted, "Quiet": True}})
        assert Objects(s3, "b").remove(names)
        stub.assert_no_pending_responses()


def test_what_one_request_could_not_remove_is_told_though_others_could() -> None:
    s3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="s")
    with Stubber(s3) as stub:
        stub.add_response("delete_objects", {"Errors": [{"Key": "uploads/0", "Code": "InternalError"}]})
        assert not Objects(s3, "b").remove([f"uploads/{number}" for number in range(REMOVED_AT_ONCE + 1)])
