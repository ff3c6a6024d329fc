import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest

from imagehost.errors import Unavailable
from imagehost.index.backlog import Backlog
from imagehost.services.health import Health, Kept
from imagehost.services.parts import Parts

FINE = Backlog(lag_s=0.0, due_entries=0, wiped=0)


class World:
    """Both dependencies and the clock, as a test sets them."""

    def __init__(self) -> None:
        self.backlog: Backlog | None = FINE
        self.storage = True
        self.now_s = 100.0
        self.asked: list[str] = []

    def look(self) -> Backlog:
        self.asked.append("redis")
        if self.backlog is None:
            raise Unavailable()
        return self.backlog

    def ping(self) -> None:
        self.asked.append("s3")
        if not self.storage:
            raise Unavailable()

    def health(self) -> Health:
        parts = SimpleNamespace(backlog=SimpleNamespace(look=self.look), objects=SimpleNamespace(ping=self.ping))
        return Health(cast(Parts, parts), lambda: self.now_s)


def state(backlog: Backlog | None, storage: bool) -> tuple[str, dict[str, str]]:
    world = World()
    world.backlog, world.storage = backlog, storage
    found = world.health().check()
    return found.status, dict(found.dependencies)


@pytest.mark.parametrize(
    "backlog,storage,status,dependencies",
    [
        (FINE, True, "ready", {}),
        (Backlog(600.0, 9, 0), True, "ready", {}),
        (Backlog(600.1, 9, 0), True, "degraded", {"sweeper": "late"}),
        (Backlog(0.0, 0, 1), True, "degraded", {"index": "rebuilding"}),
        (Backlog(9e9, 1, 1024), True, "degraded", {"index": "rebuilding", "sweeper": "late"}),
        (FINE, False, "unavailable", {"s3": "unavailable"}),
        (Backlog(9e9, 1, 5), False, "unavailable", {"s3": "unavailable", "index": "rebuilding", "sweeper": "late"}),
        (None, True, "unavailable", {"redis": "unavailable", "index": "unknown", "sweeper": "unknown"}),
    ],
)
def test_each_dependency_is_named_with_its_state(
    backlog: Backlog | None, storage: bool, status: str, dependencies: dict[str, str]
) -> None:
    whole = {"redis": "ok", "s3": "ok", "index": "ok", "sweeper": "ok"} | dependencies
    assert state(backlog, storage) == (status, whole)


def test_pollers_cost_one_question_in_two_seconds() -> None:
    world = World()
    health = world.health()
    for _ in range(20):
        health.check()
        health.find_backlog()
        world.now_s += 0.09
    assert sorted(world.asked) == ["redis", "s3"]
    world.now_s += 2
    health.check()
    assert sorted(world.asked) == ["redis", "redis", "s3", "s3"]


def test_a_failure_is_seen_and_forgotten_two_seconds_later() -> None:
    world = World()
    health = world.health()
    seen = []
    for backlog, storage in ((FINE, True), (None, True), (FINE, False), (FINE, True)):
        world.backlog, world.storage = backlog, storage
        seen.append(health.check().status)
        world.now_s += 2
    assert seen == ["ready", "unavailable", "unavailable", "ready"]
    assert health.find_backlog() == FINE


def test_without_redis_the_backlog_is_not_known() -> None:
    world = World()
    world.backlog = None
    assert world.health().find_backlog() is None


def within(what: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=what)
    thread.start()
    return thread


def test_while_one_thread_is_held_by_a_dependency_the_others_get_the_last_answer() -> None:
    answers, clock, held, go_on = iter((1, 2)), [0.0], threading.Event(), threading.Event()

    def ask() -> int:
        answer = next(answers)
        if answer == 2:
            held.set()
            go_on.wait(20)
        return answer

    kept = Kept(ask, lambda: clock[0])
    assert kept.get() == 1
    clock[0] = 10.0
    found: list[int] = []
    thread = within(lambda: found.append(kept.get()))
    assert held.wait(20)
    assert kept.get() == 1
    go_on.set()
    thread.join(20)
    assert (found, kept.get()) == ([2], 2)


def test_the_first_callers_ask_once_together() -> None:
    asked: list[int] = []
    ready, go_on = threading.Event(), threading.Event()

    def ask() -> int:
        asked.append(1)
        ready.set()
        go_on.wait(20)
        return 7

    kept, found = Kept(ask, lambda: 0.0), list[int]()
    threads = [within(lambda: found.append(kept.get())) for _ in range(4)]
    assert ready.wait(20)
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert (asked, found) == ([1], [7, 7, 7, 7])


def test_a_question_that_breaks_can_be_asked_again() -> None:
    answers = iter((RuntimeError("broken"), 5))

    def ask() -> int:
        answer = next(answers)
        if isinstance(answer, RuntimeError):
            raise answer
        return answer

    kept = Kept(ask, lambda: 0.0)
    with pytest.raises(RuntimeError):
        kept.get()
    assert kept.get() == 5
