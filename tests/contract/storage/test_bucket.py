"""`imagehost bucket`, with the embedded S3 server as a store of one's own."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from imagehost.cli.bucket import bucket

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
