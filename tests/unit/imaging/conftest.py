from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imagehost.imaging.results import Accepted
from imagehost.imaging.sandbox import Sandbox

Inspect = Callable[..., Accepted]


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One with the limits of production."""
    sandbox = Sandbox(2, slots_dir=tmp_path_factory.mktemp("slots"))
    yield sandbox
    sandbox.close()


@pytest.fixture
def inspect(sandbox: Sandbox, tmp_path: Path) -> Inspect:
    def inspect(data: bytes, keep_metadata: bool = False) -> Accepted:
        source = tmp_path / "staging"
        source.write_bytes(data)
        return sandbox.inspect(source, tmp_path, keep_metadata=keep_metadata)

    return inspect
