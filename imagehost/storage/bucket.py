"""The bucket itself: made, opened to the page's origins, and tidied by the store. Only the embedded stack and
`imagehost bucket` change one; web server and sweeper never do.

All of it may be repeated.
"""

import http
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, cast

from botocore import UNSIGNED
from botocore.config import Config as BotoConfig
from botocore.exceptions import ClientError

from imagehost.config import Config
from imagehost.storage.client import DRIVER_ERRORS, connect, session, status_of, translated
from imagehost.storage.object_keys import INCOMING, doctor_probe

if TYPE_CHECKING:
    from mypy_boto3_s3.literals import BucketLocationConstraintType
    from mypy_boto3_s3.type_defs import CreateBucketRequestTypeDef

AWS_FIRST_REGION = "us-east-1"  # AWS wants every other one to be named
STAGING_DAYS = 2
# What a browser's upload sends, and what the page reads from the answer.
REQUEST_HEADERS = ["content-type", "x-amz-checksum-sha256", "if-none-match"]
ANSWER_HEADERS = ["ETag", "x-amz-checksum-sha256"]
PREFLIGHT_MAX_AGE_S = 600
FIRST_WRITE_S = 1


@translated
def refuses_strangers(config: Config) -> bool:
    """Whether an unsigned request gets 403. A server started without credentials would serve everybody.

    Raises Unavailable.
    """
    stranger = session(config).client(
        "s3", endpoint_url=config.s3_endpoint_url, config=BotoConfig(signature_version=UNSIGNED)
    )
    try:
        stranger.list_buckets()
    except ClientError as exc:
        if status_of(exc) != http.HTTPStatus.FORBIDDEN:
            raise
        return True
    return False


@translated
def ensure_bucket(config: Config, origins: Sequence[str]) -> None:
    """Make the bucket unless it is there, with CORS for exactly `origins` and a lifecycle for staging objects.

    Raises Unavailable.
    """
    client = connect(config)
    request: CreateBucketRequestTypeDef = {"Bucket": config.bucket}
    if config.s3_endpoint_url is None and config.region != AWS_FIRST_REGION:
        request["CreateBucketConfiguration"] = {
            "LocationConstraint": cast("BucketLocationConstraintType", config.region)
        }
    try:
        client.create_bucket(**request)
    except ClientError as exc:
        if status_of(exc) != http.HTTPStatus.CONFLICT:  # ours already
            raise
    client.put_bucket_cors(
        Bucket=config.bucket,
        CORSConfiguration={
            "CORSRules": [
                {
                    "AllowedOrigins": list(origins),
                    "AllowedMethods": ["PUT", "GET", "HEAD"],
                    "AllowedHeaders": REQUEST_HEADERS,
                    "ExposeHeaders": ANSWER_HEADERS,
                    "MaxAgeSeconds": PREFLIGHT_MAX_AGE_S,
                }
            ]
        },
    )
    client.put_bucket_lifecycle_configuration(
        Bucket=config.bucket,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "staging",
                    "Status": "Enabled",
                    "Filter": {"Prefix": INCOMING},
                    "Expiration": {"Days": STAGING_DAYS},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": STAGING_DAYS},
                }
            ]
        },
    )


def answers_writes(config: Config) -> bool:
    """Whether the store answers a write at once, be it by a refusal. Never raises.

    For a store that was just started: until it has found its volumes it lets writes wait, and may carry them out long
    after whoever sent them has given up, and has sent others.
    """
    object_key = doctor_probe("start", "write")
    with closing(connect(config, answer_s=FIRST_WRITE_S, attempts=1)) as client:
        try:
            client.put_object(Bucket=config.bucket, Key=object_key, Body=b"1")
            client.delete_object(Bucket=config.bucket, Key=object_key)
        except ClientError:
            return True
        except DRIVER_ERRORS:
            return False
    return True
