"""One embedded stack (Valkey and SeaweedFS, no web process) for all contract tests; each test leaves it consistent."""

from collections.abc import Iterator, Mapping

import pytest

from imagehost.build import build_services
from imagehost.config import load_config
from imagehost.ids import SHARDS
from imagehost.services.facade import Services
from imagehost.services.parts import Parts
from tests.stack import embedded_stack

SETTINGS = {"IMAGEHOST_QUOTA_IMAGES": "50", "IMAGEHOST_MAX_PENDING": "20"}


@pytest.fixture(scope="session")
def environment(stack: Mapping[str, str]) -> Mapping[str, str]:
    """The settings that the services have."""
    return stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The settings of a running stack."""
    with embedded_stack(tmp_path_factory.mktemp("contract") / "data", **SETTINGS) as environment:
        yield environment


@pytest.fixture(scope="session")
def parts(environment: Mapping[str, str]) -> Iterator[Parts]:
    """The adapters on that stack, its index declared whole."""
    yield from open_parts(environment)


def open_parts(environment: Mapping[str, str]) -> Iterator[Parts]:
    """For a fixture: adapters that are closed in the end."""
    made = build_services(load_config(environment)).parts
    made.shards.begin(list(SHARDS))
    yield made
    made.close()


@pytest.fixture(scope="session")
def services(parts: Parts) -> Services:
    """The services on those adapters."""
    return Services.of(parts)
