"""The sweeper: takes one due entry after the other, and brings the world up to what the record says."""

from tests.model import changing
from tests.model.rules import on
from tests.model.scripts import apply_record, clear_due, drop_reservation
from tests.model.world import Move, Moves, Run, World, dead_after, is_due, write_record

EXPIRED, EARLY = "GET record: expired", "GET record: ready, and not expired"


def sweep(run: Run, world: World) -> Moves:
    if world.redis.epoch is not None:  # the entries of a wiped shard are a rebuild's to finish
        for member in sorted(m for m in world.redis.due if is_due(world, m)):
            yield Move(f"takes {member}", take(run, world, member), world)


def take(run: Run, world: World, member: str) -> Run:
    """Reads the epoch and the hash, in this order before the record."""
    entry = world.redis.entry
    begun = entry is not None and entry.state == "pending" and entry.begun
    first = get
    if member == "upload" and not begun and not on("record_first"):
        first = drop
    return run._replace(do=first, epoch=world.redis.epoch, note=(member, begun), then=clear)


def get(run: Run, world: World) -> Moves:
    record, entry = world.record, world.redis.entry
    member, begun = run.note
    if record is not None and record.state == "dead":
        yield Move("GET record: dead", run._replace(do=changing.dead_apply, record=record), world)
    elif record is not None:
        yield from settle_ready(run, world)
    elif member == "purge":  # its record has gone after 30 days
        yield Move("GET record: absent", run._replace(do=changing.dead_bytes), world)
    elif member != "upload" or entry is None:
        yield Move("GET record: absent", run._replace(do=clear), world)
    elif begun:
        yield Move("GET record: absent, begun", run._replace(do=fence), world)
    else:
        yield Move("GET record: absent, never begun", run._replace(do=drop), world)


def settle_ready(run: Run, world: World) -> Moves:
    member, _ = run.note
    ready = run._replace(record=world.record)
    assert world.record is not None
    if not member.startswith("expire"):
        yield Move("GET record: ready", ready._replace(do=apply), world)
        return
    if world.record.timer or not on("timer_in_record"):
        yield Move(EXPIRED, ready._replace(do=expire), world)
    yield Move(EARLY, ready._replace(do=apply), world)


def expire(run: Run, world: World) -> Moves:
    """PUT the record dead, If-Match."""
    alive = world.record is not None and world.record.state == "ready"
    expected = world.record if alive and not on("timer_if_match") else run.record
    new = dead_after(expected, run.me, "expired")
    for outcome, after, fault in write_record(world, expected, new):
        next_step = changing.dead_apply if outcome == "ok" else get
        record = new if outcome == "ok" else None
        yield Move(f"PUT record dead (expired): {outcome}", run._replace(do=next_step, record=record), after, fault)


def drop(run: Run, world: World) -> Moves:
    said, index = drop_reservation(world.redis)
    yield Move(f"drop_reservation: {said}", Run(run.me, sweep), world._replace(redis=index))


def fence(run: Run, world: World) -> Moves:
    new = dead_after(None, run.me, "fenced")
    if not on("fence"):
        yield Move("no fence", run._replace(do=changing.dead_apply, record=new), world)
        return
    for outcome, after, fault in write_record(world, None, new):
        next_step = changing.dead_apply if outcome == "ok" else get
        record = new if outcome == "ok" else None
        yield Move(f"PUT record dead (fence): {outcome}", run._replace(do=next_step, record=record), after, fault)


def apply(run: Run, world: World) -> Moves:
    member, _ = run.note
    stays = member.startswith("expire") and run.record.timer
    after = Run(run.me, sweep) if stays else run._replace(do=clear, record=None)
    world = world._replace(redis=apply_record(world.redis, run.record, run.epoch))
    yield Move("apply_record", after, world)


def clear(run: Run, world: World) -> Moves:
    member, _ = run.note
    world = world._replace(redis=clear_due(world.redis, member))
    yield Move(f"clear_due {member}", Run(run.me, sweep), world)
