"""What the connection to Redis counts."""

import pytest

from imagehost import metrics
from imagehost.errors import Unavailable
from imagehost.index import client
from imagehost.index.backlog import BacklogReader
from tests.samples import Samples


def now() -> Samples:
    return Samples(metrics.to_text(None, None).decode())


def test_a_redis_that_does_not_answer_is_an_error_and_each_further_attempt_a_retry() -> None:
    before = now()
    with pytest.raises(Unavailable):
        BacklogReader(client.connect("redis://127.0.0.1:1/0")).look()
    after = now()
    assert after("errors_total", dependency="redis") - before("errors_total", dependency="redis") == 1
    assert after("retries_total", dependency="redis") - before("retries_total", dependency="redis") >= 2
    assert after("errors_total", dependency="s3") == before("errors_total", dependency="s3")
