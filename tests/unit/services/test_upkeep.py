"""Which shards are checked when, on shards that are only told of."""

from collections.abc import Collection
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from imagehost.ids import SHARDS
from imagehost.index.shards import ShardState
from imagehost.services.findings import Report
from imagehost.services.fsck import Fsck
from imagehost.services.parts import Parts
from imagehost.services.rebuild import Rebuild
from imagehost.services.upkeep import AGAIN_AFTER_S, CHECK_EVERY_MS, CHECKED_AT_ONCE, OLD_MASTER_MS, Upkeep

NOW_MS = 10 * CHECK_EVERY_MS
OLD_MS = NOW_MS - CHECK_EVERY_MS - 1
SETTLED = ShardState(epoch="e", settled=True, checked_at_ms=NOW_MS, checking=False, node="n", renewed_at_ms=0)


class World:
    """All shards, the clocks, and a check that comes to its end but in `stubborn` shards."""

    def __init__(self) -> None:
        self.states = dict.fromkeys(SHARDS, SETTLED)
        self.stubborn: Collection[str] = ()
        self.checked: list[str] = []
        self.now_s = 0.0
        parts: Any = SimpleNamespace(shards=self, objects=SimpleNamespace(is_empty=lambda: False))
        rebuild = cast(Rebuild, SimpleNamespace())
        self.upkeep = Upkeep(cast(Parts, parts), cast(Fsck, self), rebuild, clock=lambda: self.now_s)

    def set(self, shards: Collection[str], **fields: Any) -> None:
        self.states |= {shard: replace(self.states[shard], **fields) for shard in shards}

    def run(self) -> list[str]:
        self.checked = []
        self.upkeep.run()
        return self.checked

    def renew(self) -> dict[str, ShardState]:
        return self.states.copy()

    def now_ms(self) -> int:
        return NOW_MS

    def read_states(self, shards: Collection[str] = SHARDS) -> dict[str, ShardState]:
        return {shard: self.states[shard] for shard in shards}

    def check(self, shards: Collection[str] | None, **_how: Any) -> Report:
        self.checked += shards or SHARDS
        for shard in self.checked:
            if shard not in self.stubborn:
                self.set([shard], settled=True, checked_at_ms=NOW_MS)
        return Report()


def test_a_day_after_its_last_check_a_shard_is_checked_again() -> None:
    world = World()
    world.set(SHARDS[:3], checked_at_ms=OLD_MS)
    assert world.run() == list(SHARDS[:3])
    assert world.run() == []


@pytest.mark.parametrize(
    "why",
    [
        {"settled": False},
        {"checked_at_ms": OLD_MS},
        {"checked_at_ms": NOW_MS - 2, "renewed_at_ms": NOW_MS - 1 - OLD_MASTER_MS},
    ],
)
def test_a_shard_that_cannot_be_mended_is_left_alone_for_a_while(why: dict[str, Any]) -> None:
    world = World()
    world.stubborn = SHARDS[:1]
    world.set(world.stubborn, **why)
    assert world.run() == list(world.stubborn)
    assert world.run() == []
    world.now_s = AGAIN_AFTER_S
    assert world.run() == list(world.stubborn)
    world.set(world.stubborn, epoch="another", settled=False)
    assert world.run() == list(world.stubborn)


def test_shards_that_cannot_be_mended_keep_no_other_from_its_check() -> None:
    world = World()
    world.stubborn = SHARDS[:CHECKED_AT_ONCE]
    world.set(world.stubborn, checked_at_ms=OLD_MS - 1)
    world.set(SHARDS[CHECKED_AT_ONCE : CHECKED_AT_ONCE + 2], checked_at_ms=OLD_MS)
    assert world.run() == list(world.stubborn)
    assert world.run() == list(SHARDS[CHECKED_AT_ONCE : CHECKED_AT_ONCE + 2])
