"""In which order and how often the sweeper turns to what cannot be finished."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import cast

import pytest

from imagehost.errors import Unavailable
from imagehost.index.due import DueEntry
from imagehost.services.due_work import DueWork
from imagehost.services.parts import Parts
from imagehost.services.sweeper import CHUNK, Sweeper

STUBBORN = [DueEntry("purge", "op", f"00{number:022}", "e") for number in range(CHUNK)]
BEHIND = DueEntry("upload", "op", f"zz{0:022}", "e")


class World:
    """Due entries, of which those that are stubborn cannot be finished, and dependencies that answer or do not."""

    def __init__(self) -> None:
        self.due, self.tried, self.answers, self.now_s = [*STUBBORN, BEHIND], 0, True, 0.0
        parts = SimpleNamespace(due=self, shards=self, objects=self, config=SimpleNamespace(sweep_s=15))
        self.sweeper = Sweeper(cast(Parts, parts), cast(DueWork, self), clock=lambda: self.now_s)

    def list_due(self, _behind: Mapping[str, int]) -> list[DueEntry]:
        return list(self.due)

    def ping(self) -> None:
        if not self.answers:
            raise Unavailable

    def tidy(self) -> None:
        return

    def finish(self, entry: DueEntry, _epoch: str) -> None:
        self.tried += 1
        if entry in STUBBORN:
            raise Unavailable
        self.due.remove(entry)


def test_entries_that_cannot_be_finished_keep_the_sweeper_from_none_behind_them() -> None:
    world = World()
    assert world.sweeper.sweep() == 1
    assert BEHIND not in world.due
    assert world.tried == CHUNK + 1
    assert world.sweeper.sweep() == 0
    assert world.tried == CHUNK + 1, "they are left alone for a while"


def test_without_a_dependency_a_sweep_ends_and_nothing_is_left_alone_for_it() -> None:
    world = World()
    world.answers = False
    with pytest.raises(Unavailable):
        world.sweeper.sweep()
    assert world.tried == CHUNK
    world.answers = True
    assert world.sweeper.sweep() == 1
    assert world.tried == 2 * CHUNK + 1
