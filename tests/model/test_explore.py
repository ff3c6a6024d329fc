"""The explorer itself: it finds the shortest way to a lost update, and visits every interleaving once."""

from collections.abc import Iterator

import pytest

from tests.model.explore import Explorer, Laws, Move, Run

World = tuple[int, frozenset[str]]  # a counter, and who has raised it


def read(run: Run[World], world: World) -> Iterator[Move[World]]:
    yield Move("reads", run._replace(do=write, note=world[0]), world)


def write(run: Run[World], world: World) -> Iterator[Move[World]]:
    yield Move("writes", run.ended(), (run.note + 1, world[1] | {run.me}))


def broken(world: World) -> Iterator[str]:
    if world[0] != len(world[1]):
        yield "an update is lost"


def changed(before: World, after: World) -> Iterator[str]:
    if after[0] < before[0]:
        yield "the counter fell"


@pytest.fixture
def explorer() -> Explorer[World]:
    return Explorer(Laws(lambda world: (), broken, changed))


def test_two_who_read_before_they_write_lose_an_update_the_shortest_way(explorer: Explorer[World]) -> None:
    explorer.explore((0, frozenset()), [Run("A", read), Run("B", read)])
    trace = explorer.violations["an update is lost"]
    assert len(trace) == 4
    assert {trace[0], trace[1]} == {"A reads", "B reads"}
    assert "the counter fell" not in explorer.violations


def test_one_alone_loses_nothing(explorer: Explorer[World]) -> None:
    explorer.explore((0, frozenset()), [Run("A", read)])
    assert explorer.violations == {}
    assert len(explorer.states) == 3


def test_a_change_that_breaks_a_law_is_found_with_its_last_step(explorer: Explorer[World]) -> None:
    explorer.explore((0, frozenset()), [Run("A", read), Run("B", read), Run("C", read)])
    assert explorer.violations["the counter fell"][-1].endswith("writes")


def test_with_until_it_stops_at_the_first_such_violation(explorer: Explorer[World]) -> None:
    runs = [Run("A", read), Run("B", read), Run("C", read)]
    explorer.explore((0, frozenset()), runs, until="an update")
    whole: Explorer[World] = Explorer(Laws(lambda world: (), broken, changed))
    whole.explore((0, frozenset()), runs)
    assert len(explorer.states) < len(whole.states)
