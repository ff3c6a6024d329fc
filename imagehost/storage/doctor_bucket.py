"""What the bucket is and how it is set up: whether it answers, its clock, consistency, versions, and what expires."""

from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from imagehost.checks import Verdict, doubtful, failed, judge_skew, passed
from imagehost.storage import object_keys
from imagehost.storage.client import DRIVER_ERRORS, status_of
from imagehost.storage.doctor_probe import Probe

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import LifecycleRuleOutputTypeDef

PERMANENT = (
    object_keys.UPLOADS,
    object_keys.VARIANTS,
    object_keys.RECORDS,
    object_keys.ACCOUNTS,
    object_keys.USERNAMES,
)
_CURES: dict[int, str] = {
    HTTPStatus.NOT_FOUND: "Make the bucket, or correct AWS_S3_BUCKET_NAME.",
    HTTPStatus.FORBIDDEN: "Correct the credentials and what they may do, or this machine's clock.",
    HTTPStatus.MOVED_PERMANENTLY: "Correct AWS_REGION.",
}


def check_bucket(probe: Probe) -> Verdict:
    """Whether there is a bucket that lets us in."""
    try:
        status, server = probe.greeting.status, probe.greeting.server
    except DRIVER_ERRORS as exc:
        return failed(
            f"{probe.endpoint} does not answer ({type(exc).__name__})", "Start the store, or correct S3_ENDPOINT_URL."
        )
    where = f"the bucket {probe.bucket} of {server} at {probe.endpoint}"
    if status == HTTPStatus.OK:
        return passed(f"{where} answers")
    return failed(f"{where} answers {status}", _CURES.get(status, "Look into the store's own logs."))


def refuses(probe: Probe) -> bool:
    """Whether the store has answered that we may not, or that there is no such bucket."""
    try:
        return HTTPStatus(probe.greeting.status) in _CURES
    except (*DRIVER_ERRORS, ValueError):
        return False


def check_clock(probe: Probe) -> Verdict:
    """The store's clock against ours, from the `Date` of an answer: presigned URLs begin and end by both."""
    ahead_s = probe.greeting.ahead_s
    if ahead_s is None:
        return doubtful("the store's answers have no Date", "Use a store that says what time it is (RFC 9110, 6.6.1).")
    return judge_skew("the store", ahead_s)


def check_consistency(probe: Probe) -> Verdict:
    """Whether each reader sees at once what was written, replaced and deleted."""
    object_key, cure = probe.key("consistency"), "Use a store whose reads and lists show each write at once."
    steps = (("a new object", b"first"), ("an object replaced", b"second"))
    for what, body in steps:
        probe.put(object_key, body)
        if probe.find(object_key) != body:
            return failed(f"{what} is not read as it was written", cure)
        if not _is_listed(probe, object_key):
            return failed(f"{what} is not listed at once", cure)
    probe.client.delete_object(Bucket=probe.bucket, Key=object_key)
    if probe.find(object_key) is not None:
        return failed("a deleted object is still read", cure)
    if _is_listed(probe, object_key):
        return failed("a deleted object is still listed", cure)
    return passed("reads and lists show each write, overwrite and delete at once")


def _is_listed(probe: Probe, object_key: str) -> bool:
    answer = probe.client.list_objects_v2(Bucket=probe.bucket, Prefix=object_key)
    return object_key in {found["Key"] for found in answer.get("Contents", ())}


def check_versioning(probe: Probe) -> Verdict:
    """Whether a delete removes the bytes."""
    cure = "Switch the bucket's versioning off (a bucket that never had it is best), and remove old versions."
    try:
        versioning = probe.versioning
    except ClientError as exc:
        return doubtful(
            f"the store does not say ({status_of(exc)})", "Make sure that the bucket keeps no old versions."
        )
    if versioning == "Enabled":
        return failed("it is on: deleted images stay in the bucket", cure)
    if versioning == "Suspended":
        return doubtful("it is suspended: what was deleted while it was on may still be there", cure)
    return passed("off")


def check_lifecycle(probe: Probe) -> Verdict:
    """Whether the store itself removes abandoned staging objects, and nothing else."""
    cure = f"Add a lifecycle rule that expires {object_keys.INCOMING} after 2 days."
    try:
        rules = probe.client.get_bucket_lifecycle_configuration(Bucket=probe.bucket)["Rules"]
    except ClientError as exc:
        if status_of(exc) != HTTPStatus.NOT_FOUND:
            return doubtful(f"the store does not say ({status_of(exc)})", cure)
        rules = []
    prefixes = [_prefix_of(rule) for rule in rules if _expires_all(rule)]
    for prefix in prefixes:
        if any(prefix.startswith(kept) or kept.startswith(prefix) for kept in PERMANENT):
            return failed(f"a rule expires “{prefix}”, and with it images", "Limit that rule to incoming/ at once.")
    if not any(object_keys.INCOMING.startswith(prefix) for prefix in prefixes):
        return doubtful(f"no rule expires {object_keys.INCOMING}: abandoned uploads stay for ever", cure)
    return passed(f"{object_keys.INCOMING} expires, and nothing else")


def _expires_all(rule: "LifecycleRuleOutputTypeDef") -> bool:
    """Whether it is in force and removes objects without tags, as ours are."""
    where = rule.get("Filter", {})
    tagged = "Tag" in where or "Tags" in where.get("And", {})
    expiration = rule.get("Expiration", {})
    return rule["Status"] == "Enabled" and not tagged and ("Days" in expiration or "Date" in expiration)


def _prefix_of(rule: "LifecycleRuleOutputTypeDef") -> str:
    where = rule.get("Filter", {})
    return rule.get("Prefix") or where.get("Prefix") or where.get("And", {}).get("Prefix") or ""
