"""Hypothesis on a machine that others use too: no deadline, and few enough examples to stay fast."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from imagehost.build import build_services
from imagehost.services.parts import Parts
from tests.unit.settings import config

settings.register_profile("unit", deadline=None, max_examples=40)
settings.load_profile("unit")


@pytest.fixture(scope="session")
def unconnected() -> Iterator[Parts]:
    """Real adapters whose servers do not exist: for what asks no network."""
    parts = build_services(config()).parts
    yield parts
    parts.close()
