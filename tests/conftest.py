"""What holds for every run: the seed of the random histories, and what is begun first when several processes share the
tests."""

import os
import secrets

import pytest

LONGEST = ("tests/faults/test_histories.py", "tests/faults/test_backlog.py", "tests/faults/")


def pytest_configure() -> None:
    os.environ.setdefault("HISTORIES_SEED", str(secrets.randbelow(2**32)))


def pytest_report_header() -> str:
    return f"HISTORIES_SEED={os.environ['HISTORIES_SEED']}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that no process is left alone with one at the end."""
    items.sort(
        key=lambda item: next((n for n, name in enumerate(LONGEST) if item.nodeid.startswith(name)), len(LONGEST))
    )
