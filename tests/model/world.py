"""One image's world: its record and objects in the bucket, its entry in the index, what clients were told, and what may
still go wrong.

No clocks: a lease, a deadline or a timer may have passed at any moment. The staging object is whatever some client put
there last, so each HEAD or GET of it answers as the adversary likes, and nothing about it needs to be remembered.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tests.model import explore
from tests.model.rules import on

RESERVED, STORED = 3, 2  # bytes: of the reservation, of what was published
FIRST_EPOCH = 0
GOOD, HOSTILE = "good", "hostile"


class Record(NamedTuple):
    state: str  # ready | dead
    version: str | None
    rev: int
    op: str
    edits: frozenset[str] = frozenset()  # its ops: no history here is long enough for one to drop out
    reason: str | None = None
    timer: bool = False  # has image_expires_in_s


class Entry(NamedTuple):
    """The image's hash."""

    state: str  # pending | ready | dead
    begun: bool = False
    lease: str | None = None
    version: str | None = None
    rev: int = 0
    edits: frozenset[str] = frozenset()
    checked: int | None = None
    counted: int = 0
    reason: str | None = None
    timer: bool = False
    purge: bool = False  # dead, and its bytes may not all be gone


class Index(NamedTuple):
    """What Redis holds of the shard. An epoch of None: wiped, and `next` is the one that a rebuild will set."""

    entry: Entry | None = None
    used: int = 0
    reserved: int = 0
    due: frozenset[str] = frozenset()  # upload, purge, check:{op}, expire:{version}
    epoch: int | None = None
    next: int | None = None
    settled: int | None = None  # the last epoch under which the whole shard was compared with the bucket


EMPTY = Index(epoch=FIRST_EPOCH, settled=FIRST_EPOCH)


class Object(NamedTuple):
    prefix: str  # uploads | variants
    version: str
    bytes: str


class Flight(NamedTuple):
    """A conditional PUT of the record whose sender has given up waiting."""

    expected: Record | None
    new: Record


class World(NamedTuple):
    record: Record | None
    objects: frozenset[Object]
    redis: Index
    acks: frozenset[str] = (
        frozenset()
    )  # complete, delete, edit:{op}, complete-after-delete; look:{derivative still to be judged}
    flight: Flight | None = None
    flights: int = 0  # PUTs that may still be delayed
    failovers: int = 0  # that may still come
    early: bool = False  # a failover may go back to before the request
    wipes: int = 0
    replica: Index | None = None  # where the replica stopped
    window: bool = False  # between a failover and the moment at which a process notices it
    fresh: int = FIRST_EPOCH + 1  # an epoch that nobody has had
    patient: bool = False  # leases outlast their holders: no intent is taken before its operation is dead
    dead: frozenset[str] = frozenset()  # operations, where that matters: they will write nothing any more


Run = explore.Run[World]
Move = explore.Move[World]
Moves = Iterator[Move]


def write_record(world: World, expected: Record | None, new: Record) -> Iterator[tuple[str, World, bool]]:
    """A conditional PUT (expected None: If-None-Match: *): its outcome, the world then, and whether it is a fault."""
    if world.record == expected:
        after = world._replace(record=new)
        yield "ok", after, False
        yield "timeout, landed", after, True
    else:
        yield "412", world, False
    if world.flights:
        yield "timeout, in flight", world._replace(flight=Flight(expected, new), flights=world.flights - 1), True


def dead_after(record: Record | None, op: str, reason: str) -> Record:
    return Record("dead", None, (record.rev if record else 0) + 1, op, reason=reason)


def surroundings(world: World) -> Iterator[tuple[str, World]]:
    """What happens to the bucket and to Redis without any process."""
    if world.flight is not None:
        landed = world.flight.new if world.record == world.flight.expected else world.record
        yield "the delayed PUT reaches the bucket", world._replace(record=landed, flight=None)
    if world.failovers and world.replica is None:
        yield "Redis: the replica stops here", world._replace(replica=world.redis)
        if world.early:
            yield "Redis: the replica stopped before the request", world._replace(replica=EMPTY)
    if world.replica is not None and world.replica != world.redis:
        back = world._replace(redis=world.replica, replica=None, failovers=world.failovers - 1, window=True)
        yield "Redis: FAILOVER", back
    if world.window:
        yield "a watching process: renews the epochs", renewed(world)
    if world.wipes:
        yield "Redis: WIPED", world._replace(redis=Index(), wipes=world.wipes - 1)


def killed(run: Run, world: World) -> World | None:
    if world.patient and run.me[0] in "DEXY" and run.me not in world.dead:
        return world._replace(dead=world.dead | {run.me})
    return None


def is_due(world: World, member: str) -> bool:
    """Without clocks everything may be due; with patience, an intent only when its operation and its PUT are over."""
    kind, _, op = member.partition(":")
    return not world.patient or kind != "check" or (op in world.dead and world.flight is None)


def renewed(world: World) -> World:
    """A process has noticed the failover: a new epoch for a shard that has one; a rebuild under way begins again."""
    index = world.redis
    if index.epoch is None:
        index = index._replace(next=None) if on("renew_next") else index
        return world._replace(redis=index, window=False)
    index = index._replace(epoch=world.fresh, settled=index.settled if on("settle") else world.fresh)
    return world._replace(redis=index, window=False, fresh=world.fresh + 1)
