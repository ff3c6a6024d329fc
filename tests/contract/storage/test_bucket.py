"""`imagehost bucket`, with the embedded S3 server as a store of one's own; and whether a store answers writes."""

import socket
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from imagehost.cli.bucket import bucket
from imagehost.config import Config, load_config
from imagehost.storage.bucket import answers_writes

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NAME = "set-up-by-hand"


@pytest.fixture
def name(s3: "S3Client") -> Iterator[str]:
    yield NAME
    s3.delete_bucket(Bucket=NAME)


def test_the_command_makes_a_bucket_for_the_page_and_may_be_repeated(
    environment: Mapping[str, str], s3: "S3Client", name: str
) -> None:
    page = {"AWS_S3_BUCKET_NAME": name, "IMAGEHOST_PUBLIC_URL": "https://images.example.org", "IMAGEHOST_DEV": "0"}
    for _ in range(2):
        result = CliRunner(env={**environment, **page}).invoke(bucket)
        assert result.exit_code == 0, result.output
    (cors,) = s3.get_bucket_cors(Bucket=name)["CORSRules"]
    assert cors["AllowedOrigins"] == ["https://images.example.org"]
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert rule["Filter"] == {"Prefix": "incoming/"}


def test_an_identity_that_may_not_make_a_bucket_is_told_so(environment: Mapping[str, str], s3: "S3Client") -> None:
    stranger = {"AWS_S3_BUCKET_NAME": NAME, "AWS_SECRET_ACCESS_KEY": "not the secret"}
    result = CliRunner(env={**environment, **stranger}).invoke(bucket)
    assert result.exit_code == 1
    assert f"{NAME} cannot be set up" in result.output
    assert "CreateBucket" in result.output
    with pytest.raises(ClientError):
        s3.head_bucket(Bucket=NAME)


def test_a_store_that_works_answers_a_write_and_keeps_nothing_of_it(config: Config, s3: "S3Client") -> None:
    assert answers_writes(config)
    assert s3.list_objects_v2(Bucket=config.bucket, Prefix="meta/doctor/start/")["KeyCount"] == 0


def test_a_refusal_is_an_answer(environment: Mapping[str, str]) -> None:
    assert answers_writes(load_config({**environment, "AWS_SECRET_ACCESS_KEY": "not the secret"}))


def test_a_store_that_lets_a_write_wait_does_not_answer(environment: Mapping[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it accepts, and says nothing
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert not answers_writes(load_config({**environment, "S3_ENDPOINT_URL": address}))
