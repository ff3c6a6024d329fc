"""The connection to S3, and the one place where its errors become ours."""

import functools
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

import boto3
import botocore.session
from botocore.awsrequest import AWSRequest
from botocore.config import Config as BotoConfig
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from imagehost import metrics
from imagehost.config import Config, ConfigError
from imagehost.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# HTTPError: what botocore lets pass when a connection breaks in the middle of a body (TLS).
DRIVER_ERRORS = (BotoCoreError, ClientError, ResponseParserError, HTTPError)
P = ParamSpec("P")
T = TypeVar("T")
# botocore's descriptions of S3, which each session would read and parse for itself: a tenth of a second each time.
_DESCRIPTIONS = Loader()


def connect(config: Config, *, endpoint_url: str | None = None, answer_s: float = 4, attempts: int = 2) -> "S3Client":
    """A client for the configured bucket's store; `endpoint_url` takes the place of the configured one, the numbers
    that of its patience.

    A request is tried twice, 4 s each: a write that is not answered and the look at what became of it take 16 s. So a
    store that has fallen silent is a 503 within half a minute, far below a lease. SigV4 is set by name because boto3
    would presign with SigV2, which signs neither length nor headers; checksums are computed only where S3 requires
    them, because other stores refuse the trailers. AWS is addressed by its regions' names: its global name redirects,
    and a browser's upload does not survive that.
    """
    endpoint_url = endpoint_url or config.s3_endpoint_url
    style: Literal["auto", "path", "virtual"] = config.s3_addressing
    if style == "auto" and endpoint_url is None:
        style = "path" if "." in config.bucket else "virtual"  # a dot does not fit AWS's certificates
    client = session(config).client(
        "s3",
        endpoint_url=endpoint_url,
        config=BotoConfig(
            signature_version="s3v4",
            s3={"addressing_style": style, "us_east_1_regional_endpoint": "regional"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=3,
            read_timeout=answer_s,
            retries={"mode": "standard", "total_max_attempts": attempts},
            max_pool_connections=50,
        ),
    )
    client.meta.events.register("request-created.s3", _count_retry)
    return client


def _count_retry(request: AWSRequest, **_: Any) -> None:
    """For each attempt a request is made anew, and numbered."""
    if request.context["retries"]["attempt"] > 1:
        metrics.RETRIES.labels("s3").inc()


def find_credentials(config: Config) -> Credentials:
    """The credentials to sign URLs with: the signer's own, else the configured ones, else whatever boto3's chain finds.

    Raises ConfigError."""
    secret = config.signer_secret_access_key
    if config.signer_access_key_id and secret:
        return Credentials(config.signer_access_key_id, secret.get_secret_value())
    if (found := session(config).get_credentials()) is None:
        raise ConfigError(["AWS_ACCESS_KEY_ID: not set, and boto3 finds no other credentials"])
    return found


def session(config: Config) -> boto3.session.Session:
    """What makes clients, with the configured credentials, else with boto3's own chain."""
    core = botocore.session.Session()
    core.register_component("data_loader", _DESCRIPTIONS)
    secret, token = config.secret_access_key, config.session_token
    return boto3.session.Session(
        botocore_session=core,
        region_name=config.region,
        aws_access_key_id=config.access_key_id,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        aws_session_token=token.get_secret_value() if token and secret else None,
    )


def status_of(error: ClientError) -> int:
    """The HTTP status behind a ClientError."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_missing(error: ClientError) -> bool:
    """Whether there is no such object. A bucket that is not there is a 404 too, and says nothing about its objects;
    only a HEAD cannot tell the two apart."""
    return status_of(error) == HTTPStatus.NOT_FOUND and error.response["Error"].get("Code") != "NoSuchBucket"


def translated(method: Callable[P, T]) -> Callable[P, T]:
    """Turns what the driver raises, and the method did not handle, into Unavailable."""

    @functools.wraps(method)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except DRIVER_ERRORS as exc:
            metrics.ERRORS.labels("s3").inc()
            raise Unavailable("The storage does not answer.") from exc

    return wrapper
