"""Storage alone, without the services: what a test leaves in the bucket is taken away; then all must be consistent."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

from imagehost.config import Config, load_config
from imagehost.storage import client as storage_client
from imagehost.storage.presign import Presigner
from tests.consistency import assert_consistent

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture(scope="session")
def config(environment: Mapping[str, str]) -> Config:
    return load_config(environment)


@pytest.fixture(scope="session")
def s3(config: Config) -> Iterator["S3Client"]:
    """The driver itself, to look behind what is tested."""
    client = storage_client.connect(config)
    yield client
    client.close()


@pytest.fixture(scope="session")
def presigner(config: Config) -> Iterator[Presigner]:
    """Signs for the address that browsers dial."""
    client = storage_client.connect(config, endpoint_url=config.s3_public_endpoint_url)
    yield Presigner(client, storage_client.find_credentials(config), config.bucket, config.url_window_s)
    client.close()


def stored(client: "S3Client", bucket: str) -> set[str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {found["Key"] for page in pages for found in page.get("Contents", [])}


@pytest.fixture(autouse=True)
def _leaves_nothing(s3: "S3Client", config: Config, environment: Mapping[str, str]) -> Iterator[None]:
    before = stored(s3, config.bucket)
    yield
    for object_key in stored(s3, config.bucket) - before:
        s3.delete_object(Bucket=config.bucket, Key=object_key)
    assert_consistent(environment)
