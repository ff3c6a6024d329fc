"""The connection to S3, and the one place where its errors become ours."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import boto3
from botocore.config import Config as BotoConfig
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from imagehost.config import Config, ConfigError
from imagehost.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

P = ParamSpec("P")
T = TypeVar("T")


def connect(config: Config, *, endpoint_url: str | None = None) -> "S3Client":
    """A client for the configured bucket's store; `endpoint_url` takes the place of the configured one.

    Time-outs are finite and a request is tried twice, so that the longest request stays far below a lease. SigV4 is set
    by name because boto3 would presign with SigV2, which signs neither length nor headers; checksums are computed only
    where S3 requires them, because other stores refuse the trailers. AWS is addressed by its regions' names:
    its global name redirects, and a browser's upload does not survive that.
    """
    endpoint_url = endpoint_url or config.s3_endpoint_url
    style = "virtual" if config.s3_addressing == "auto" and endpoint_url is None else config.s3_addressing
    return _session(config).client(
        "s3",
        endpoint_url=endpoint_url,
        config=BotoConfig(
            signature_version="s3v4",
            s3={"addressing_style": style, "us_east_1_regional_endpoint": "regional"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=3,
            read_timeout=15,
            retries={"mode": "standard", "total_max_attempts": 2},
            max_pool_connections=50,
        ),
    )


def find_credentials(config: Config) -> Credentials:
    """The credentials to sign with: the configured ones, else whatever boto3's chain finds. Raises ConfigError."""
    if (found := _session(config).get_credentials()) is None:
        raise ConfigError(["AWS_ACCESS_KEY_ID: not set, and boto3 finds no other credentials"])
    return found


def _session(config: Config) -> boto3.session.Session:
    secret, token = config.secret_access_key, config.session_token
    return boto3.session.Session(
        region_name=config.region,
        aws_access_key_id=config.access_key_id,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        aws_session_token=token.get_secret_value() if token and secret else None,
    )


def status_of(error: ClientError) -> int:
    """The HTTP status behind a ClientError. A HEAD's error has no code of S3, so nothing here looks at codes."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def translated(method: Callable[P, T]) -> Callable[P, T]:
    """Turns what the driver raises, and the method did not handle, into Unavailable."""

    @functools.wraps(method)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except (BotoCoreError, ClientError) as exc:
            raise Unavailable("The storage does not answer.") from exc

    return wrapper
