"""A failover during which two masters are alive: a process that has not noticed goes on writing to the old one.

One record with edits: an image's, or an account's (to revoke a key is an edit of it). Another process has noticed and
renewed the epochs on the new master; a view re-reads hashes there, a check settles the shard there. What is written to
the old master is lost with it, acknowledged or not; so the new one must read the record again afterwards.

The window that remains: until the writer's process has noticed; or, should it die before that, until the shard settles.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tests.model import explore
from tests.model.explore import Explorer
from tests.model.rules import on

FIRST_EPOCH = 0


class Record(NamedTuple):
    rev: int
    edits: frozenset[str]


class Entry(NamedTuple):
    rev: int
    edits: frozenset[str]
    checked: int


class Node(NamedTuple):
    """One Redis: its hash of the image or account, and the epochs of the shard."""

    entry: Entry | None = None
    epoch: int = FIRST_EPOCH
    settled: int = FIRST_EPOCH


class World(NamedTuple):
    record: Record | None = None
    old: Node = Node()
    new: Node | None = None  # None: not promoted yet
    old_lives: bool = True
    noticed: bool = False  # another process than the writer's has renewed the epochs
    writer_noticed: bool = False  # the writer's process has
    writer_dead: bool = False
    at_old: frozenset[str] = frozenset()  # the writer's threads whose connection leads to the old master
    acks: frozenset[str] = frozenset()


Run = explore.Run[World]
Move = explore.Move[World]
Moves = Iterator[Move]


def apply(node: Node, record: Record, known: int) -> Node:
    """apply_record, or apply_account"""
    entry = node.entry
    if entry is not None and record.rev <= entry.rev:
        fresh = record.rev == entry.rev and known == node.epoch
        return node._replace(entry=entry._replace(checked=known)) if fresh else node
    return node._replace(entry=Entry(record.rev, record.edits, known))


def surroundings(world: World) -> Iterator[tuple[str, World]]:
    if world.new is None:
        yield "the replica stops here, and is promoted", world._replace(new=world.old)
        return
    if world.old_lives:
        yield "the old master is gone", world._replace(old_lives=False)
    if not world.noticed:
        yield "another process: renews the epochs", world._replace(new=_renewed(world.new), noticed=True)
    if world.writer_dead:
        return
    yield "the writer's process dies", world._replace(writer_dead=True)
    for thread in sorted(world.at_old):
        yield f"{thread}'s connection leads to the new master", world._replace(at_old=world.at_old - {thread})
    if not world.writer_noticed:
        yield "the writer's process: notices", _writer_notices(world)


def _writer_notices(world: World) -> World:
    """Its watch closes every connection to the old master, then renews the epochs, whoever has done so before."""
    assert world.new is not None
    renews = on("renew_again") or world.new.epoch == FIRST_EPOCH
    return world._replace(
        at_old=frozenset() if on("close_first") else world.at_old,
        new=_renewed(world.new) if renews else world.new,
        writer_noticed=True,
    )


def _renewed(node: Node) -> Node:
    return node._replace(epoch=node.epoch + 1)


def node_of(run: Run, world: World) -> Node | None:
    """What a thread talks to; None while nothing answers it."""
    if world.writer_dead:
        return None
    if run.me in world.at_old:
        return world.old if world.old_lives else None
    return world.new


def write(run: Run, world: World) -> Moves:
    if (node := node_of(run, world)) is not None:
        yield Move("reads the epoch", run._replace(do=get, epoch=node.epoch), world)


def get(run: Run, world: World) -> Moves:
    if not world.writer_dead:
        yield Move("GET record", run._replace(do=put, record=world.record), world)


def put(run: Run, world: World) -> Moves:
    if world.writer_dead:
        return
    if world.record != run.record:
        yield Move("PUT record: 412", run._replace(do=get, record=None), world)
        return
    old: Record = run.record or Record(0, frozenset())
    new = Record(old.rev + 1, old.edits | {run.me})
    yield Move("PUT record", run._replace(do=bring_up, record=new), world._replace(record=new))


def bring_up(run: Run, world: World) -> Moves:
    node = node_of(run, world)
    if node is None or run.epoch is None:
        return
    node = apply(node, run.record, run.epoch)
    at_old = run.me in world.at_old
    after = world._replace(old=node) if at_old else world._replace(new=node)
    yield Move(f"apply at the {'old' if at_old else 'new'} master", run._replace(do=acknowledge, record=None), after)


def acknowledge(run: Run, world: World) -> Moves:
    if not world.writer_dead:
        yield Move("200", run.ended(), world._replace(acks=world.acks | {run.me}))


def view(run: Run, world: World) -> Moves:
    """Re-reads a hash at the new master, at any time."""
    if world.new is not None:
        yield Move("reads the hash", run._replace(do=view_get, epoch=world.new.epoch), world)


def view_get(run: Run, world: World) -> Moves:
    if world.record is None:
        yield Move("GET record: absent", Run(run.me, view), world)
    else:
        yield Move("GET record", run._replace(do=view_apply, record=world.record), world)


def view_apply(run: Run, world: World) -> Moves:
    assert world.new is not None
    assert run.epoch is not None
    yield Move("apply", Run(run.me, view), world._replace(new=apply(world.new, run.record, run.epoch)))


def check(run: Run, world: World) -> Moves:
    """The check that settles the shard: begun only when no old master can take writes any more."""
    if world.new is not None and not (on("settle_late") and world.old_lives):
        yield Move("begins", run._replace(do=check_get, epoch=world.new.epoch), world)


def check_get(run: Run, world: World) -> Moves:
    after = run._replace(do=check_ends if world.record is None else check_apply, record=world.record)
    yield Move("GET record", after, world)


def check_apply(run: Run, world: World) -> Moves:
    assert world.new is not None
    assert run.epoch is not None
    after = world._replace(new=apply(world.new, run.record, run.epoch))
    yield Move("apply", run._replace(do=check_ends, record=None), after)


def check_ends(run: Run, world: World) -> Moves:
    assert world.new is not None
    if world.new.epoch == run.epoch:
        world = world._replace(new=world.new._replace(settled=run.epoch))
    yield Move("settles the shard", Run(run.me, check), world)


def broken(world: World) -> Iterator[str]:
    node = world.new
    if node is None or not world.noticed:
        return
    settled = node.settled == node.epoch
    if not world.writer_noticed and (world.old_lives or not settled):
        return  # the window
    entry = node.entry
    if entry is None:
        if settled and world.acks:
            yield "a settled shard does not know what was acknowledged"
    elif entry.checked == node.epoch and world.acks - entry.edits:
        yield "the new master serves without an acknowledged edit"


LAWS = explore.Laws(surroundings, broken, lambda before, after: ())


def explore_failover(threads: int, *, published: bool, until: str | None = None) -> Explorer[World]:
    """A writer's threads, a view and a check; what they write is there already (`published`), or is created."""
    names = [f"W{n}" for n in range(1, threads + 1)]
    explorer = Explorer(LAWS)
    runs = [*(Run(name, write) for name in names), Run("R1", view), Run("F1", check)]
    before = Record(1, frozenset()) if published else None
    old = Node(Entry(1, frozenset(), FIRST_EPOCH)) if published else Node()
    explorer.explore(World(before, old, at_old=frozenset(names)), runs, until=until)
    return explorer
