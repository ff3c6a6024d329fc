"""One imagehost for most end-to-end tests; every test has accounts of its own and leaves bucket and index consistent.

A module that needs other settings overrides the fixture `server`.
"""

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.client import Client
from tests.e2e.server import Server
from tests.served import account, leaves_all_consistent

# So little that a test can use it up.
QUOTA_BYTES, QUOTA_IMAGES, MAX_PENDING = 30 * 2**20, 22, 20

__all__ = ["account", "leaves_all_consistent"]


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Starts a server that lives until the end."""
    started: list[Server] = []

    def start(name: str, *, settle_s: float = 0.0, **variables: str) -> Server:
        started.append(Server(tmp_path_factory.mktemp(name) / "data", settle_s=settle_s, **variables))
        return started[-1]

    yield start
    for server in started:
        server.end()


@pytest.fixture(scope="session")
def server(start_server: Callable[..., Server]) -> Server:
    """Windows so long that no URL changes in the middle of a test."""
    return start_server(
        "e2e",
        IMAGEHOST_URL_WINDOW_S="86400",
        IMAGEHOST_QUOTA_BYTES=str(QUOTA_BYTES),
        IMAGEHOST_QUOTA_IMAGES=str(QUOTA_IMAGES),
        IMAGEHOST_MAX_PENDING=str(MAX_PENDING),
    )


@pytest.fixture(scope="session")
def hasty_server(start_server: Callable[..., Server]) -> Server:
    """Everything that takes its time elsewhere takes a second or two here."""
    return start_server(
        "hasty",
        settle_s=5,
        IMAGEHOST_UPLOAD_URL_S="3",
        IMAGEHOST_UPLOAD_GRACE_S="1",
        IMAGEHOST_LEASE_S="1",
        IMAGEHOST_SWEEP_S="1",
        IMAGEHOST_URL_WINDOW_S="2",
    )


@pytest.fixture(scope="session")
def proxy_server(start_server: Callable[..., Server]) -> Server:
    """The app itself sends the bytes."""
    return start_server("proxy", IMAGEHOST_DELIVERY="proxy", IMAGEHOST_URL_WINDOW_S="86400")


@pytest.fixture
def stranger(server: Server) -> Client:
    """Somebody else with an account."""
    return server.new_account()


@pytest.fixture
def anonymous(server: Server) -> Client:
    """Anybody, without a token."""
    return Client(server.url)
