import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from imagehost import ids
from imagehost.services.parts import Parts
from tests.contract.raw import Raw

LEASE_MS = 60_000


@pytest.fixture
def iid(uid: str, raw: Raw) -> Iterator[str]:
    """An image on whose derivatives nobody has a lease, nor will have afterwards."""
    fresh = ids.new_iid(uid)
    yield fresh
    raw.client.delete(name_of(fresh))


def name_of(iid: str) -> str:
    return f"lease:{{{iid[:2]}}}{iid[2:]}:preview"


def test_one_holder_takes_a_lease_and_all_others_hear_how_long_it_lasts(parts: Parts, iid: str) -> None:
    assert parts.leases.take(iid, "preview", "a", LEASE_MS) == 0
    assert 0 < parts.leases.take(iid, "preview", "b", LEASE_MS) <= LEASE_MS
    assert parts.leases.take(iid, "other", "b", 1) == 0


def test_taking_again_after_a_lost_answer_succeeds_and_renews_nothing(parts: Parts, iid: str, raw: Raw) -> None:
    parts.leases.take(iid, "preview", "a", LEASE_MS)
    assert parts.leases.take(iid, "preview", "a", 10 * LEASE_MS) == 0
    assert raw.client.pttl(name_of(iid)) <= LEASE_MS


def test_only_its_holder_gives_a_lease_back_and_then_it_is_free(parts: Parts, iid: str) -> None:
    parts.leases.take(iid, "preview", "a", LEASE_MS)
    assert not parts.leases.give_back(iid, "preview", "b")
    assert parts.leases.give_back(iid, "preview", "a")
    assert not parts.leases.give_back(iid, "preview", "a")
    assert parts.leases.take(iid, "preview", "b", LEASE_MS) == 0


def test_a_lease_that_nobody_gives_back_lapses(parts: Parts, iid: str) -> None:
    parts.leases.take(iid, "preview", "a", 50)
    deadline_s, pause = time.monotonic() + 10, threading.Event()
    while parts.leases.take(iid, "preview", "b", LEASE_MS):
        assert time.monotonic() < deadline_s
        pause.wait(0.01)
    assert not parts.leases.give_back(iid, "preview", "a")


def test_of_many_at_once_one_gets_the_lease(parts: Parts, iid: str) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: parts.leases.take(iid, "preview", f"h{n}", LEASE_MS), range(64)))
    assert answers.count(0) == 1
