"""What looks at everything: the check of a shard (fsck, daily or after a failover), recounting, rebuild; and what reads
and makes on demand: views and derivatives."""

from tests.model import changing
from tests.model.rules import on
from tests.model.scripts import apply_record, begin_rebuild, finish_rebuild, recount_user, settle, ver
from tests.model.world import GOOD, Move, Moves, Object, Run, World, dead_after, write_record


def check(run: Run, world: World) -> Moves:
    """Reads the epoch, then LISTs the objects; it waits while the shard is wiped."""
    if world.redis.epoch is not None:
        run = run._replace(do=check_get, epoch=world.redis.epoch, note=world.objects, then=check_ends)
        yield Move("LIST", run, world)


def check_get(run: Run, world: World) -> Moves:
    record = world.record
    if record is None:
        known = world.redis.entry is not None
        if known or not run.note:
            yield Move("GET record: absent, nothing to do", run._replace(do=check_ends, note=None), world)
        else:
            yield Move(
                "GET record: absent", run._replace(do=check_fence if on("check_fences") else check_remove), world
            )
    elif record.state == "dead":
        yield Move("GET record: dead", run._replace(do=changing.dead_apply, record=record, note=None), world)
    else:
        unnamed = frozenset(o for o in run.note if o.version != record.version)
        yield Move("GET record: ready", run._replace(do=check_remove, record=record, note=unnamed), world)


def check_fence(run: Run, world: World) -> Moves:
    new = dead_after(None, run.me, "fenced")
    for outcome, after, fault in write_record(world, None, new):
        if outcome == "ok":
            fenced = run._replace(do=changing.dead_apply, record=new, note=None)
            yield Move("PUT record dead (fence): ok", fenced, after)
        else:
            yield Move(f"PUT record dead (fence): {outcome}", run._replace(do=check_get), after, fault)


def check_remove(run: Run, world: World) -> Moves:
    after = run._replace(do=check_apply if run.record else check_ends, note=None)
    yield Move("removes what is not named", after, world._replace(objects=world.objects - run.note))


def check_apply(run: Run, world: World) -> Moves:
    index = apply_record(world.redis, run.record, run.epoch)
    yield Move("apply_record", run._replace(do=check_ends, record=None), world._replace(redis=index))


def check_ends(run: Run, world: World) -> Moves:
    yield Move("the check has ended", run.ended(), world._replace(redis=settle(world.redis, run.epoch)))


def recount(run: Run, world: World) -> Moves:
    yield Move("reads ver", run._replace(do=recount_sum, record=ver(world.redis)), world)


def recount_sum(run: Run, world: World) -> Moves:
    entry = world.redis.entry
    yield Move("sums what is counted", run._replace(do=recount_ends, note=entry.counted if entry else 0), world)


def recount_ends(run: Run, world: World) -> Moves:
    index = recount_user(world.redis, run.record, run.note)
    yield Move("recount_user", run.ended(), world._replace(redis=index))


def rebuild(run: Run, world: World) -> Moves:
    if world.redis.epoch is None:
        index = begin_rebuild(world.redis, world.fresh)
        fresh = world.fresh + 1 if index.next == world.fresh else world.fresh
        begun = run._replace(do=rebuild_get, epoch=index.next)
        yield Move("begin_rebuild", begun, world._replace(redis=index, fresh=fresh))


def rebuild_get(run: Run, world: World) -> Moves:
    if world.record is None:
        yield Move("GET record: absent", run._replace(do=rebuild_finish), world)
    else:
        yield Move("GET record", run._replace(do=rebuild_apply, record=world.record), world)


def rebuild_apply(run: Run, world: World) -> Moves:
    index = apply_record(world.redis, run.record, run.epoch)
    yield Move("apply_record", run._replace(do=rebuild_finish, record=None), world._replace(redis=index))


def rebuild_finish(run: Run, world: World) -> Moves:
    said, index = finish_rebuild(world.redis, run.epoch)
    after = Run(run.me, rebuild) if said == "no" else run.ended()
    yield Move(f"finish_rebuild: {said}", after, world._replace(redis=index))


def view(run: Run, world: World) -> Moves:
    """Reads through, as it must where the shard is wiped, not settled, or the hash stale; and may anywhere else."""
    index = world.redis
    known = index.epoch if index.epoch is not None else index.next
    yield Move("reads the hash", run._replace(do=view_get, epoch=known), world)


def view_get(run: Run, world: World) -> Moves:
    if world.record is None:
        yield Move("GET record: absent", Run(run.me, view), world)
    else:
        yield Move("GET record", run._replace(do=view_apply, record=world.record), world)


def view_apply(run: Run, world: World) -> Moves:
    index = apply_record(world.redis, run.record, run.epoch)
    yield Move("apply_record", Run(run.me, view), world._replace(redis=index))


def derive(run: Run, world: World) -> Moves:
    entry = world.redis.entry
    if entry is not None and entry.state == "ready":
        yield Move("reads the hash", run._replace(do=derive_make, note=entry.version), world)


def derive_make(run: Run, world: World) -> Moves:
    if any(o.prefix == "uploads" and o.version == run.note for o in world.objects):
        yield Move("GET the original, makes it", run._replace(do=derive_put), world)
    else:
        yield Move("the original is gone", run.ended(), world)


def derive_put(run: Run, world: World) -> Moves:
    world = world._replace(objects=world.objects | {Object("variants", run.note, GOOD)})
    if on("derivative_look"):
        world = world._replace(acks=world.acks | {f"look:{run.me}"})
        yield Move(f"PUT variants/{run.note} [after_derivative]", run._replace(do=derive_look), world)
    else:
        yield Move(f"PUT variants/{run.note}", run.ended(), world)


def derive_look(run: Run, world: World) -> Moves:
    record = world.record
    if record is not None and record.state == "ready" and record.version == run.note:
        yield Move("GET record: ready with it", run.ended(), _looked(run, world))
    else:
        yield Move("GET record: not ready with it", run._replace(do=derive_remove), world)


def derive_remove(run: Run, world: World) -> Moves:
    objects = world.objects - {Object("variants", run.note, GOOD)}
    yield Move("removes it again", run.ended(), _looked(run, world._replace(objects=objects)))


def _looked(run: Run, world: World) -> World:
    return world._replace(acks=world.acks - {f"look:{run.me}"})
