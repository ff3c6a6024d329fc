"""What the connection to S3 counts."""

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from imagehost import metrics
from imagehost.errors import OutcomeUnknown, Unavailable
from imagehost.models import DeadRecord
from imagehost.storage.client import connect
from imagehost.storage.objects import Objects
from imagehost.storage.records import Records
from tests.samples import Samples
from tests.unit.settings import config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def unanswered() -> "Iterator[S3Client]":
    """A client of a store that does not exist."""
    with closing(connect(config())) as client:
        yield client


def counted() -> list[float]:
    """Errors and retries of S3, and errors of Redis."""
    now = Samples(metrics.to_text(None, None).decode())
    return [
        now("errors_total", dependency="s3"),
        now("retries_total", dependency="s3"),
        now("errors_total", dependency="redis"),
    ]


def test_a_store_that_does_not_answer_is_an_error_and_its_second_attempt_a_retry(unanswered: "S3Client") -> None:
    errors, retries, others = counted()
    with pytest.raises(Unavailable):
        Objects(unanswered, "pictures").ping()
    assert counted() == [errors + 1, retries + 1, others]


def test_a_write_whose_outcome_is_unknown_and_bytes_that_stay_are_errors_too(unanswered: "S3Client") -> None:
    errors, retries, others = counted()
    with pytest.raises(OutcomeUnknown):
        Records(unanswered, "pictures").write_image(
            DeadRecord(op="o", ops=("o",), iid="4k" + "a" * 22, uid="4k" + "b" * 22, rev=1, reason="deleted")
        )
    assert counted() == [errors + 1, retries + 1, others]
    assert not Objects(unanswered, "pictures").remove_all("incoming/x/")
    assert counted() == [errors + 2, retries + 2, others]
