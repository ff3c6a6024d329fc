"""Whether a history comes to rest: every process dies at once, a PUT that was under way lands or is lost; then one
sweep, or one sweep and one check, run alone and without faults, and everything must be clean."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.model import checking, sweeping
from tests.model.explore import Explorer, Trace
from tests.model.invariants import broken, unclean
from tests.model.world import Moves, Run, World, renewed

STEPS_MAX = 60
SWEEPS_MAX = 6


@dataclass(frozen=True, slots=True)
class Rest:
    """From how many different worlds, and what was left behind: how often, and one trace."""

    worlds: int
    left: dict[str, tuple[int, Trace]] = field(default_factory=dict)


def come_to_rest(explored: Explorer[World], *, check: bool) -> Rest:
    """From every world that was explored; without a check, from those in which the index is promised to be whole."""
    seen: dict[World, list[str]] = {}
    left: dict[str, tuple[int, Trace]] = {}
    for number, world in enumerate(explored.worlds):
        for crashed in _landed_or_lost(world):
            if crashed in seen or not (check or _is_settled(crashed)):
                continue
            seen[crashed] = found = sorted({what for end in _ends(crashed, check=check) for what in end})
            for what in found:
                count, trace = left.get(what) or (0, explored.trace(explored.first[number]))
                left[what] = (count + 1, trace)
    return Rest(len(seen), left)


def _landed_or_lost(world: World) -> Iterator[World]:
    still = world._replace(flight=None, flights=0, failovers=0, wipes=0, replica=None, patient=False)
    yield still
    if world.flight is not None and world.record == world.flight.expected:
        yield still._replace(record=world.flight.new)


def _is_settled(world: World) -> bool:
    """Elsewhere the index is not promised to be whole before a check or a rebuild has ended."""
    return not world.window and world.redis.epoch is not None and world.redis.settled == world.redis.epoch


def _ends(world: World, *, check: bool) -> Iterator[list[str]]:
    """What is wrong at the end, for timers that have run out meanwhile and for timers that have not."""
    for not_taken in (sweeping.EXPIRED, sweeping.EARLY):
        end = renewed(world) if world.window else world
        found = []
        if end.redis.epoch is None:
            end = _alone(checking.rebuild, end, not_taken)
            if end.redis.entry is not None and end.redis.entry.checked != end.redis.epoch:
                found.append("a rebuilt shard has a stale hash")
        end = _swept(end, not_taken)
        if check:
            end = _alone(checking.check, end, not_taken)
        yield [*found, *unclean(end, checked=check), *broken(end)]


def _swept(world: World, not_taken: str) -> World:
    for _ in range(SWEEPS_MAX):
        before = world
        for member in sorted(world.redis.due):
            if member in world.redis.due:
                start = sweeping.take(Run("S", None), world, member)
                world = _go_on(start, world, not_taken, sweeping.sweep)
        if world == before:
            return world
    raise RuntimeError("the sweeper does not come to an end")


def _alone(begin: Callable[[Run, World], Moves], world: World, not_taken: str) -> World:
    return _go_on(Run("F", begin), world, not_taken, None)


def _go_on(run: Run, world: World, not_taken: str, end: Callable[[Run, World], Moves] | None) -> World:
    for _ in range(STEPS_MAX):
        if run.do is None or run.do is end:
            return world
        moves = [move for move in run.do(run, world) if not move.fault and move.label != not_taken]
        if not moves:
            return world
        run, world = moves[0].run, moves[0].world
    raise RuntimeError("a process does not come to an end")
