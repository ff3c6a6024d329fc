"""One imagehost with an S3 server that fails as a test plans; whatever a test did, all is well again after it."""

from collections.abc import Iterator, Mapping

import pytest

from tests.faults.proxy import FaultProxy
from tests.faults.server import FaultedServer, port_of
from tests.served import account
from tests.stack import embedded_stack

__all__ = ["account"]


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The settings of a running S3 server."""
    with embedded_stack(tmp_path_factory.mktemp("store") / "data") as environment:
        yield environment


@pytest.fixture(scope="session")
def session_proxy(store: Mapping[str, str]) -> Iterator[FaultProxy]:
    with FaultProxy(port_of(store)) as proxy:
        yield proxy


@pytest.fixture
def proxy(session_proxy: FaultProxy) -> Iterator[FaultProxy]:
    """The proxy in front of that server, with nothing planned."""
    yield session_proxy
    session_proxy.state = "up"
    session_proxy.forget()


@pytest.fixture(scope="session")
def session_server(
    tmp_path_factory: pytest.TempPathFactory, store: Mapping[str, str], session_proxy: FaultProxy
) -> Iterator[FaultedServer]:
    server = FaultedServer(
        tmp_path_factory.mktemp("faults") / "data", store, session_proxy, tmp_path_factory.mktemp("work")
    )
    yield server
    server.end()


@pytest.fixture
def server(session_server: FaultedServer, proxy: FaultProxy) -> Iterator[FaultedServer]:
    """An imagehost behind that proxy. Afterwards bucket and index agree, and no work is left."""
    yield session_server
    proxy.state = "up"
    proxy.forget()
    session_server.assert_consistent()
    assert session_server.left_work() == []
