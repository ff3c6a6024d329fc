"""What must hold in every reachable world, of every change of the record, and at the end of every history."""

from collections.abc import Iterator

from tests.model import explore
from tests.model.scripts import needs
from tests.model.world import GOOD, RESERVED, STORED, World, killed, surroundings


def broken(world: World) -> Iterator[str]:
    yield from _record(world)
    yield from _counters(world)
    yield from _entry(world)
    if not world.window:
        yield from _answers(world)


def _record(world: World) -> Iterator[str]:
    record = world.record
    if record is None:
        if "complete" in world.acks:
            yield "I4 acknowledged, but without a record"
    elif record.state == "dead":
        if "complete" in world.acks and record.reason not in ("deleted", "expired"):
            yield f"I4 an acknowledged image is dead: {record.reason}"
        if "delete" in world.acks and any(o.prefix == "variants" for o in world.objects) and not _looks(world):
            yield "F2 a derivative outlives its image's acknowledged delete"
    else:
        originals = [o.bytes for o in world.objects if o.prefix == "uploads" and o.version == record.version]
        if not originals:
            yield "I1 ready, but its object is gone"
        elif originals != [GOOD]:
            yield "I2 ready with what did not pass the gate"
        if "delete" in world.acks:
            yield "I3 ready after an acknowledged delete"
        if _edits(world) - record.edits:
            yield "I8 an acknowledged edit is not in the record"


def _counters(world: World) -> Iterator[str]:
    index, entry = world.redis, world.redis.entry
    if index.used < 0 or index.reserved < 0:
        yield "I5 a counter below 0"
    if index.used != (entry.counted if entry else 0):
        yield "I6 used is not what is counted"
    if index.reserved != (RESERVED if entry and entry.state == "pending" else 0):
        yield "I7 reserved is not what is pending"


def _entry(world: World) -> Iterator[str]:
    record, entry = world.record, world.redis.entry
    if entry is None:
        return
    if entry.state != "pending" and (
        record is None or record.rev < entry.rev or (entry.state == "dead") > (record.state == "dead")
    ):
        yield "F3 the index is ahead of the record"
    if needs(entry) not in (None, *world.redis.due):
        yield f"F5 {entry.state} without its due entry"


def _answers(world: World) -> Iterator[str]:
    """What the index makes the service answer, outside the window that a failover opens."""
    record, index, entry = world.record, world.redis, world.redis.entry
    if "complete-after-delete" in world.acks:
        yield "I3 a complete begun after the 204 was answered 200"
    if index.epoch is None:
        return
    if entry is not None and entry.state == "ready" and entry.checked == index.epoch:
        if "delete" in world.acks:
            yield "I3 the index serves an image whose delete was acknowledged"
        if _edits(world) - entry.edits:
            yield "I8 the index serves without an acknowledged edit"
    missing = entry is None or entry.state == "pending"
    if missing and index.settled == index.epoch and record and record.state == "ready" and "complete" in world.acks:
        yield "I4 a settled shard does not know an acknowledged image"


def _edits(world: World) -> frozenset[str]:
    return frozenset(ack.removeprefix("edit:") for ack in world.acks if ack.startswith("edit:"))


def _looks(world: World) -> bool:
    """Whether the writer of a derivative is still to look at the record (or has died before it could)."""
    return any(ack.startswith("look:") for ack in world.acks)


def changed(before: World, after: World) -> Iterator[str]:
    old, new = before.record, after.record
    if old == new or old is None:
        return
    if old.state == "dead":
        yield "I3 a dead record changed"
    elif (
        new is not None
        and new.state == "dead"
        and not (new.reason == "deleted" or (new.reason == "expired" and old.timer))
    ):
        yield f"I4 a ready record died without its owner's delete or timer: {new.reason}"


LAWS = explore.Laws(surroundings, broken, changed, killed)


def unclean(world: World, *, checked: bool) -> Iterator[str]:
    """What is left behind when everything has come to rest; before a check, bytes that nothing names may be."""
    record, index, entry = world.record, world.redis, world.redis.entry
    ready = record if record is not None and record.state == "ready" else None
    if index.due != (frozenset({f"expire:{ready.version}"}) if ready and ready.timer else frozenset()):
        yield f"F5 due entries are left: {sorted(index.due)}"
    if ready is not None:
        known = entry and (entry.state, entry.version, entry.rev, entry.edits, entry.timer)
        if known != ("ready", ready.version, ready.rev, ready.edits, ready.timer):
            yield f"F3 the record is ready, the index not at it: {entry.state if entry else None}"
    elif entry is not None and (record is None or entry.state != "dead" or entry.purge):
        yield f"F3 the record is {record.state if record else None}, the index {entry.state}"
    if index.used != (STORED if ready else 0) or index.reserved:
        yield "I6 or I7: a counter is left"
    if checked and any(ready is None or o.version != ready.version for o in world.objects):
        yield "F1 or F2: bytes are left that no ready record names"
    if checked and index.settled != index.epoch:
        yield "a checked shard is not settled"
