"""What the gate counts."""

from collections.abc import Callable

import pytest

from imagehost import metrics
from imagehost.errors import ImageDimensions, UnreadableImage
from imagehost.imaging.results import Accepted
from tests import images
from tests.samples import Samples

Inspect = Callable[[bytes], Accepted]


def now() -> Samples:
    return Samples(metrics.to_text(None, None).decode())


def test_the_time_of_every_verdict_is_counted_and_each_refusal_by_its_code(inspect: Inspect) -> None:
    before = now()
    inspect(images.photo())
    with pytest.raises(UnreadableImage):
        inspect(b"")
    with pytest.raises(ImageDimensions):
        inspect(images.one_bit_png())
    after = now()
    assert after("gate_seconds_count") - before("gate_seconds_count") == 3
    assert after("gate_seconds_sum") > before("gate_seconds_sum")
    for code, count in (("unreadable-image", 1), ("image-dimensions", 1), ("unsupported-image", 0)):
        assert after("refusals_total", code=code) - before("refusals_total", code=code) == count
