"""Explores every interleaving of some processes over one world, breadth first: each trace found is a shortest one.

A world is an immutable tuple: all that the bucket, Redis and the clients know. A run is what one process knows: its
next step and its locals. A move is one atomic request. A crash needs no move of its own: the others go on without it.

Worlds and runs are interned to small numbers, and the moves of a run in a world are computed once, whatever the other
processes are at meanwhile: that makes a million states a matter of seconds.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

W = TypeVar("W")


class Run(NamedTuple, Generic[W]):
    """What one process is at."""

    me: str
    do: "Callable[[Run[W], W], Iterator[Move[W]]] | None"  # the next step; None: it has ended
    epoch: int | None = None  # the shard's epoch as it was read at the beginning
    record: Any = None  # the record as it was read or written
    note: Any = None
    late: bool = False  # begun when a delete had been acknowledged
    then: "Callable[[Run[W], W], Iterator[Move[W]]] | None" = None  # where a shared tail of steps goes on

    def ended(self) -> "Run[W]":
        return Run(self.me, None)


class Move(NamedTuple, Generic[W]):
    """One step: what happened, what the process is at then, and the world then."""

    label: str
    run: Run[W]
    world: W
    fault: bool = False  # something failed that need not


@dataclass(frozen=True, slots=True)
class Laws(Generic[W]):
    """What the surroundings may do to a world, what must hold in each world, and of each step from one to another."""

    surroundings: Callable[[W], Iterable[tuple[str, W]]]
    broken: Callable[[W], Iterable[str]]
    changed: Callable[[W, W], Iterable[str]]
    killed: Callable[[Run[W], W], W | None] = lambda run, world: (
        None
    )  # the world, where it matters that a process is dead


State = tuple[int, ...]  # a world's number, then each run's
Trace = list[str]
STATES_MAX = 8_000_000


class Explorer(Generic[W]):
    """All states that some runs can reach from a world. `violations` names each law that some state breaks, with the
    shortest way there; `first` has, for each world, one state that it belongs to."""

    def __init__(self, laws: Laws[W]) -> None:
        self.violations: dict[str, Trace] = {}
        self.worlds: list[W] = []
        self.first: list[State] = []
        self.states: dict[State, tuple[State, str] | None] = {}
        self._laws = laws
        self._world_ids: dict[W, int] = {}
        self._surroundings: dict[int, list[tuple[str, int]]] = {}
        self._runs: list[Run[W]] = []
        self._run_ids: dict[Run[W], int] = {}
        self._moves: list[dict[int, list[tuple[str, int, int]]]] = []

    def explore(self, start: W, runs: Iterable[Run[W]], *, until: str | None = None) -> None:
        """Visit all states; or, with `until`, stop at the first violation whose name begins so."""
        state: State = (self._world(start), *(self._run(run) for run in runs))
        self.states[state] = None
        self._judge(state)
        queue = [state]
        for state in queue:
            if until is not None and any(name.startswith(until) for name in self.violations):
                return
            if len(self.states) > STATES_MAX:
                raise RuntimeError("more states than a configuration should have")
            self._visit(state, queue)

    def trace(self, state: State) -> Trace:
        """What happened on the way to a state."""
        labels = []
        while (came := self.states[state]) is not None:
            state, label = came
            labels.append(label)
        return labels[::-1]

    def _visit(self, state: State, queue: list[State]) -> None:
        world = state[0]
        for place in range(1, len(state)):
            moves = self._moves[state[place]]
            if (found := moves.get(world)) is None:
                found = moves[world] = self._moves_of(state, place)
            before, after = state[1:place], state[place + 1 :]
            for label, run, into in found:
                self._reach((into, *before, run, *after), state, label, queue)
        if (befalls := self._surroundings.get(world)) is None:
            found_worlds = self._laws.surroundings(self.worlds[world])
            befalls = self._surroundings[world] = [(label, self._world(w)) for label, w in found_worlds]
            for label, into in befalls:
                self._compare(state, label, into)
        for label, into in befalls:
            self._reach((into, *state[1:]), state, label, queue)

    def _reach(self, state: State, came_from: State, label: str, queue: list[State]) -> None:
        if state not in self.states:
            self.states[state] = (came_from, label)
            queue.append(state)
            if state[0] == len(self.first):
                self._judge(state)

    def _moves_of(self, state: State, place: int) -> list[tuple[str, int, int]]:
        run, world = self._runs[state[place]], self.worlds[state[0]]
        found = []
        moves = list(run.do(run, world)) if run.do else []
        if (without := self._laws.killed(run, world)) is not None:
            moves.append(Move("is dead", run.ended(), without))
        for move in moves:
            label, into = f"{run.me} {move.label}", self._world(move.world)
            found.append((label, self._run(move.run), into))
            self._compare(state, label, into)
        return found

    def _judge(self, state: State) -> None:
        self.first.append(state)
        for violation in self._laws.broken(self.worlds[state[0]]):
            if violation not in self.violations:
                self.violations[violation] = self.trace(state)

    def _compare(self, state: State, label: str, into: int) -> None:
        for violation in self._laws.changed(self.worlds[state[0]], self.worlds[into]):
            if violation not in self.violations:
                self.violations[violation] = [*self.trace(state), label]

    def _world(self, world: W) -> int:
        if (number := self._world_ids.get(world)) is None:
            number = self._world_ids[world] = len(self.worlds)
            self.worlds.append(world)
        return number

    def _run(self, run: Run[W]) -> int:
        if (number := self._run_ids.get(run)) is None:
            number = self._run_ids[run] = len(self._runs)
            self._runs.append(run)
            self._moves.append({})
        return number
