"""delete, cancel and edit, and the tail that every way to a dead image shares. [name] is a fault point."""

from tests.model.rules import on
from tests.model.scripts import apply_record, clear_intent, note_intent, purge_done
from tests.model.world import Move, Moves, Record, Run, World, dead_after, write_record

REV_MAX = 4  # edits give up behind it: keeps the model finite
TIMERS = {"E": None, "X": False, "Y": True}  # what an edit of that name does to the image's timer


def dead_apply(run: Run, world: World) -> Moves:
    index = apply_record(world.redis, run.record, run.epoch)
    yield Move("apply_record: dead [after_dead_apply]", run._replace(do=dead_bytes), world._replace(redis=index))


def dead_bytes(run: Run, world: World) -> Moves:
    yield Move("DELETE all objects [after_objects]", run._replace(do=dead_purge), world._replace(objects=frozenset()))


def dead_purge(run: Run, world: World) -> Moves:
    after = run._replace(do=run.then, record=None) if run.then else run.ended()
    yield Move("purge_done [after_purge]", after, world._replace(redis=purge_done(world.redis)))


def delete(run: Run, world: World) -> Moves:
    """delete, or cancel: finds the caller's claim, which a hash or a record is."""
    if world.redis.epoch is None:
        yield Move("503 index-rebuilding", run.ended(), world)
    elif world.redis.entry is None and world.record is None:
        yield Move("no claim: 404", run.ended(), world)
    else:
        begun = run._replace(do=get_to_kill, epoch=world.redis.epoch, then=delete_answer)
        yield Move("note_intent [after_intent]", begun, world._replace(redis=note_intent(world.redis, run.me)))


def get_to_kill(run: Run, world: World) -> Moves:
    if world.record is not None and world.record.state == "dead":
        yield Move("GET record: dead", run._replace(do=dead_apply, record=world.record), world)
    else:
        yield Move("GET record", run._replace(do=kill, record=world.record), world)


def kill(run: Run, world: World) -> Moves:
    new = dead_after(run.record, run.me, "deleted" if run.record else "cancelled")
    for outcome, after, fault in write_record(world, run.record, new):
        if outcome == "ok":
            stored = after if on("dead_record") else after._replace(record=None)
            yield Move("PUT record dead [after_dead]", run._replace(do=dead_apply, record=new), stored)
        else:
            yield Move(f"PUT record dead: {outcome}", run._replace(do=get_to_kill, record=None), after, fault)


def delete_answer(run: Run, world: World) -> Moves:
    world = world._replace(redis=clear_intent(world.redis, run.me), acks=world.acks | {"delete"})
    yield Move("clear_intent, 204", run.ended(), world)


def edit(run: Run, world: World) -> Moves:
    entry, epoch = world.redis.entry, world.redis.epoch
    if epoch is None:
        yield Move("503 index-rebuilding", run.ended(), world)
    elif entry is not None and entry.state == "ready":
        begun = run._replace(do=get_to_edit, epoch=epoch)
        yield Move("note_intent [after_intent]", begun, world._replace(redis=note_intent(world.redis, run.me)))


def get_to_edit(run: Run, world: World) -> Moves:
    record = world.record
    if record is None or record.state == "dead":
        apply_it = record is not None and on("edit_applies_end")
        after = run._replace(do=edit_apply if apply_it else edit_answer, record=record if apply_it else None)
        yield Move("GET record: gone", after._replace(note=False), world)
    elif run.me in record.edits:
        yield Move("GET record: has my op", run._replace(do=edit_apply, record=record, note=True), world)
    else:
        yield Move("GET record", run._replace(do=change, record=record), world)


def change(run: Run, world: World) -> Moves:
    old: Record = run.record
    if old.rev > REV_MAX:
        yield Move("409, the intent stays", run.ended(), world)
        return
    timer = TIMERS[run.me[0]]
    new = old._replace(
        rev=old.rev + 1, op=run.me, edits=old.edits | {run.me}, timer=old.timer if timer is None else timer
    )
    for outcome, after, fault in write_record(world, old, new):
        if outcome == "ok":
            yield Move("PUT record rev + 1 [after_edit]", run._replace(do=edit_apply, record=new, note=True), after)
            continue
        yield Move(f"PUT record rev + 1: {outcome}", run._replace(do=get_to_edit, record=None), after, fault)
        if outcome != "412" and not on("intent_kept"):
            yield Move("gives up, 503", run._replace(do=edit_answer, record=None, note=False), after, fault)


def edit_apply(run: Run, world: World) -> Moves:
    index = apply_record(world.redis, run.record, run.epoch)
    yield Move("apply_record", run._replace(do=edit_answer, record=None), world._replace(redis=index))


def edit_answer(run: Run, world: World) -> Moves:
    acks = world.acks | {f"edit:{run.me}"} if run.note else world.acks
    world = world._replace(redis=clear_intent(world.redis, run.me), acks=acks)
    yield Move("clear_intent, 200" if run.note else "clear_intent, 410 or 503", run.ended(), world)
