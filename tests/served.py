"""Fixtures of every test that talks to a running `server`; a conftest imports those that it wants."""

from collections.abc import Iterator

import pytest

from tests.e2e.client import Client
from tests.e2e.server import Server


@pytest.fixture(autouse=True)
def leaves_all_consistent(server: Server) -> Iterator[None]:
    """Whatever a test did, bucket and index agree afterwards."""
    yield
    server.assert_consistent()


@pytest.fixture
def account(server: Server) -> Client:
    """Somebody with an empty account."""
    return server.new_account()
