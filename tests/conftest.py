"""What holds for every run: the seed of the random histories, and what is begun first when several processes share the
tests."""

import os
import secrets

import pytest

from tests import blackbox, stack

LONGEST = ("tests/faults/test_histories.py", "tests/faults/test_backlog.py", "tests/faults/")


def pytest_configure() -> None:
    os.environ.setdefault("HISTORIES_SEED", str(secrets.randbelow(2**32)))


def pytest_report_header() -> str:
    return f"HISTORIES_SEED={os.environ['HISTORIES_SEED']}"


@pytest.hookimpl(trylast=True)  # after the fixtures of the last test, which still need them
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Servers of one layer are done with when the next begins; as fixtures of the session they would run on."""
    if nextitem is not None and _layer(item) != _layer(nextitem):
        blackbox.end_all()
        stack.kill_all()


def _layer(item: pytest.Item) -> str:
    return item.nodeid.split("/")[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Layer by layer; the longest first, so that no process is left alone with one at the end."""
    items.sort(key=lambda item: (_rank(item), _layer(item)))


def _rank(item: pytest.Item) -> int:
    return next((rank for rank, name in enumerate(LONGEST) if item.nodeid.startswith(name)), len(LONGEST))
