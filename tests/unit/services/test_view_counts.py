"""Views are added up before they are sent, and sent without being asked."""

import threading
from collections.abc import Mapping
from typing import Any

from imagehost.errors import Unavailable
from imagehost.services.view_counts import ViewCounts

PATIENCE_S = 10


class Index:
    """Notes what it is sent; does not answer while `down`."""

    def __init__(self) -> None:
        self.sent: list[dict[str, int]] = []
        self.arrived = threading.Event()
        self.down = False

    def count_views(self, counts: Mapping[str, int]) -> None:
        if self.down:
            raise Unavailable("It does not answer.")
        self.sent.append(dict(counts))
        self.arrived.set()


def counting(flush_s: float) -> tuple[Index, ViewCounts]:
    index: Any = Index()
    return index, ViewCounts(index, flush_s=flush_s)


def test_all_views_of_a_moment_are_sent_at_once_and_by_themselves() -> None:
    index, views = counting(0.05)
    for iid in ("a", "b", "a"):
        views.count(iid)
    assert index.sent == []
    assert index.arrived.wait(PATIENCE_S)
    assert index.sent == [{"a": 2, "b": 1}]
    index.arrived.clear()
    views.count("a")
    assert index.arrived.wait(PATIENCE_S)
    assert index.sent[1:] == [{"a": 1}]


def test_no_view_is_lost_or_counted_twice_by_many_threads() -> None:
    index, views = counting(0.001)

    def look() -> None:
        for _ in range(500):
            views.count("a")

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    views.flush()
    deadline = threading.Event()
    for _ in range(1000):  # a timer's flush may still be under way
        if sum(sent["a"] for sent in index.sent) == 4000:
            break
        deadline.wait(PATIENCE_S / 1000)
    assert sum(sent["a"] for sent in index.sent) == 4000


def test_an_index_that_does_not_answer_costs_the_views_of_that_moment_and_no_others() -> None:
    index, views = counting(3600)
    index.down = True
    views.count("a")
    views.flush()
    index.down = False
    views.count("b")
    views.flush()
    views.flush()
    assert index.sent == [{"b": 1}]
