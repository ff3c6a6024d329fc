"""request, and complete(iid) from its request until its answer. Steps by docs/protocol.md; [name] is a fault point."""

from tests.model import changing
from tests.model.rules import on
from tests.model.scripts import apply_record, begin_complete, release_lease, reserve_upload
from tests.model.world import GOOD, HOSTILE, Move, Moves, Object, Record, Run, World, dead_after, write_record

WITH_TIMER = "T"  # a complete of this name publishes an upload that was requested with image_expires_in_s


def request(run: Run, world: World) -> Moves:
    """request, which a client may repeat when its answer was lost. No URL is signed before this."""
    if world.redis.epoch is not None:
        yield Move("reserve_upload [after_reserve]", run.ended(), world._replace(redis=reserve_upload(world.redis)))


def find(run: Run, world: World) -> Moves:
    """Reads the hash and the shard's epoch; then 1. HEAD staging."""
    entry, epoch = world.redis.entry, world.redis.epoch
    if epoch is None:
        yield Move("503 index-rebuilding", run.ended(), world)
        return
    run = run._replace(epoch=epoch, late="delete" in world.acks and not world.window)
    if entry is None or entry.state != "pending":
        yield from answer(run, world)
        return
    yield Move("HEAD staging: there", run._replace(do=begin), world)
    yield Move("HEAD staging: absent", run._replace(do=look), world)
    yield Move("HEAD staging: other size", run._replace(do=refuse, note=0), world)


def begin(run: Run, world: World) -> Moves:
    """2. begin_complete"""
    entry = world.redis.entry
    said, index = begin_complete(world.redis, run.me)
    if said != "ok":
        yield Move(f"begin_complete: {said}", run._replace(do=answer), world)
        return
    if entry is not None and entry.lease is not None:
        yield Move("begin_complete: busy", run.ended(), world)
    yield Move("begin_complete [after_begin]", run._replace(do=fetch), world._replace(redis=index))


def answer(run: Run, world: World) -> Moves:
    """What the hash says, where that is fresh."""
    entry = world.redis.entry
    if entry is not None and entry.state == "ready" and (entry.checked == run.epoch or not on("stale_ready")):
        yield Move("reads the hash: ready", run._replace(do=acknowledge), world)
    elif entry is not None and entry.reason == "refused":
        yield Move("reads the hash: refused", run.ended(), world)
    else:
        yield Move("reads the hash: no answer", run._replace(do=look), world)


def look(run: Run, world: World) -> Moves:
    record = world.record
    if record is not None and record.state == "ready":
        yield Move("GET record: ready", run._replace(do=apply, record=record), world)
    else:
        yield Move("GET record: its answer, or none", run.ended(), world)


def fetch(run: Run, world: World) -> Moves:
    """3. GET staging once."""
    for found in (GOOD, HOSTILE):
        yield Move(f"GET staging: {found}", run._replace(do=gate, note=found), world)
    yield Move("GET staging: absent", run._replace(do=release), world)


def gate(run: Run, world: World) -> Moves:
    """A good file may be refused as well, by a fault of the gate; a hostile one is never accepted."""
    if run.note == GOOD:
        yield Move("gate: accepted [after_gate]", run._replace(do=put), world)
    yield Move("gate: refused", run._replace(do=refuse, note=0), world)
    yield Move("gate: unavailable", run._replace(do=release), world)


def release(run: Run, world: World) -> Moves:
    yield Move("release_lease, 503", run.ended(), world._replace(redis=release_lease(world.redis, run.me)))


def put(run: Run, world: World) -> Moves:
    """4."""
    for stored in (run.note,) if on("read_once") else (GOOD, HOSTILE):
        objects = world.objects | {Object("uploads", run.me, stored)}
        yield Move(
            f"PUT uploads/{run.me} [after_put]", run._replace(do=commit, note=0), world._replace(objects=objects)
        )


def commit(run: Run, world: World) -> Moves:
    """5. PUT the record ready, If-None-Match: *"""
    new = Record("ready", run.me, 1, run.me, timer=run.me.startswith(WITH_TIMER))
    if not on("commit_in_bucket"):
        yield Move("commits in Redis", run._replace(do=apply, record=new), world)
        return
    for outcome, after, fault in write_record(world, None, new):
        if outcome == "ok":
            yield Move("PUT record ready [after_record]", run._replace(do=apply, record=new), after)
        else:
            yield Move(f"PUT record ready: {outcome}", run._replace(do=decide), after, fault)


def decide(run: Run, world: World) -> Moves:
    """The outcome is unknown: GET the record."""
    record = world.record
    if record is None:
        if run.note == 0:
            yield Move("GET record: absent, again", run._replace(do=commit, note=1), world)
        give_up = release if on("keep_unknown") else remove_own
        yield Move("GET record: absent, give up", run._replace(do=give_up, record=None), world)
    elif record.state == "dead":
        yield Move("GET record: dead", run._replace(do=remove_own, record=None), world)
    elif record.version == run.me if on("by_version") else record.op == run.me:
        yield Move("GET record: mine", run._replace(do=apply, record=record), world)
    else:
        yield Move("GET record: another's", run._replace(do=remove_own, record=record), world)


def remove_own(run: Run, world: World) -> Moves:
    world = world._replace(objects=frozenset(o for o in world.objects if o.version != run.me))
    yield Move("deletes its own objects", run._replace(do=apply) if run.record else run.ended(), world)


def apply(run: Run, world: World) -> Moves:
    """6."""
    index = apply_record(world.redis, run.record, run.epoch)
    yield Move("apply_record [after_apply]", run._replace(do=acknowledge, record=None), world._replace(redis=index))


def acknowledge(run: Run, world: World) -> Moves:
    """8. 7, which deletes the staging object, changes nothing that counts here."""
    said = {"complete", "complete-after-delete"} if run.late else {"complete"}
    yield Move("201 or 200", run.ended(), world._replace(acks=world.acks | said))


def refuse(run: Run, world: World) -> Moves:
    """The gate's verdict: PUT the record dead, If-None-Match: * only."""
    ready = world.record is not None and world.record.state == "ready"
    expected = world.record if ready and not on("refuse_create_only") else None
    new = dead_after(expected, run.me, "refused")
    for outcome, after, fault in write_record(world, expected, new):
        if outcome == "ok":
            ended = run._replace(do=changing.dead_apply, record=new)
            yield Move("PUT record dead [after_refuse]", ended, after)
        else:
            yield Move(f"PUT record dead: {outcome}", run._replace(do=decide_refused), after, fault)


def decide_refused(run: Run, world: World) -> Moves:
    record = world.record
    if record is None:
        if run.note == 0:
            yield Move("GET record: absent, again", run._replace(do=refuse, note=1), world)
        yield Move("GET record: absent, give up", run._replace(do=release), world)
    elif record.state == "ready":
        yield Move("GET record: ready, it stands", run._replace(do=remove_own, record=record), world)
    else:
        yield Move("GET record: dead", run._replace(do=changing.dead_apply, record=record), world)
