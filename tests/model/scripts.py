"""The scripts of imagehost/index/lua, by their names: each one atomic, from one index to another.

Beside them three small transactions on `meta:{shard}`: begin_rebuild, finish_rebuild, settle.
"""

from tests.model.rules import on
from tests.model.world import RESERVED, STORED, Entry, Index, Record


def reserve_upload(index: Index) -> Index:
    if index.entry is not None:
        return index  # dup, exists
    return index._replace(entry=Entry("pending"), reserved=index.reserved + RESERVED, due=index.due | {"upload"})


def begin_complete(index: Index, version: str) -> tuple[str, Index]:
    entry = index.entry
    if entry is None:
        return "gone", index
    if entry.state != "pending":
        return {"ready": "ready", "dead": "rejected" if entry.reason == "refused" else "gone"}[entry.state], index
    # A lease held by another may have lapsed: then its holder, should it still live, works beside this one.
    return "ok", index._replace(entry=entry._replace(begun=True, lease=version))


def release_lease(index: Index, version: str) -> Index:
    entry = index.entry
    if entry is None or entry.state != "pending" or entry.lease != version:
        return index  # no
    return index._replace(entry=entry._replace(lease=None))


def note_intent(index: Index, op: str) -> Index:
    return index._replace(due=index.due | {f"check:{op}"}) if on("intent") else index


def clear_intent(index: Index, op: str) -> Index:
    return index._replace(due=index.due - {f"check:{op}"})


def needs(entry: Entry | None) -> str | None:
    """The due entry without which nobody would go on with an image in this state."""
    if entry is None:
        return None
    if entry.state == "ready":
        return f"expire:{entry.version}" if entry.timer else None
    return "upload" if entry.state == "pending" else "purge" if entry.purge else None


def clear_due(index: Index, member: str) -> Index:
    """The sweeper's: whatever moved since it took the entry, the hash decides."""
    if member == needs(index.entry) and on("clear_by_hash"):
        return index
    return index._replace(due=index.due - {member})


def apply_record(index: Index, record: Record, known: int | None) -> Index:
    """Up to this record; `known` is the epoch that the caller read before it read or wrote the record."""
    checked = known if on("checked_before") else index.epoch
    entry = index.entry
    if entry is not None and entry.state != "pending":
        if record.rev == entry.rev and checked is not None and checked in _current(index):
            index = index._replace(entry=entry._replace(checked=checked))
        if record.rev <= entry.rev or entry.state == "dead":
            return index  # old
    if entry is not None and entry.state == "pending":
        index = index._replace(reserved=index.reserved - RESERVED)
    counted = entry.counted if entry is not None else 0
    due = frozenset(member for member in index.due if not member.startswith(("upload", "expire")))
    if record.state == "dead":
        entry = Entry("dead", rev=record.rev, checked=checked, counted=counted, reason=record.reason, purge=True)
        return index._replace(entry=entry, due=due | {"purge"})
    if not on("own_intent"):
        due = due & {"purge"}
    if record.timer:
        due |= {f"expire:{record.version}"}
    entry = Entry(
        "ready",
        version=record.version,
        rev=record.rev,
        edits=record.edits,
        checked=checked,
        counted=counted or STORED,
        timer=record.timer,
    )
    return index._replace(entry=entry, due=due, used=index.used + (0 if counted else STORED))


def _current(index: Index) -> tuple[int | None, ...]:
    return (index.epoch, index.next) if on("raise_next") else (index.epoch,)


def purge_done(index: Index) -> Index:
    entry = index.entry
    if entry is None or entry.state != "dead":
        return index  # no
    return index._replace(
        entry=entry._replace(counted=0, purge=False), used=index.used - entry.counted, due=index.due - {"purge"}
    )


def drop_reservation(index: Index) -> tuple[str, Index]:
    entry = index.entry
    if entry is None or entry.state != "pending" or entry.begun:
        return "no", index
    return "ok", index._replace(entry=None, reserved=index.reserved - RESERVED, due=index.due - {"upload"})


def ver(index: Index) -> tuple[object, ...]:
    """Stands for the owner's `ver`, which every change of a counter raises: here no counter comes back to a value that
    it had, so the values themselves do."""
    return index.used, index.reserved, index.entry and index.entry.state


def recount_user(index: Index, counted_at: tuple[object, ...], used: int) -> Index:
    if on("recount_ver") and ver(index) != counted_at:
        return index  # moved
    return index._replace(used=used)


def begin_rebuild(index: Index, fresh: int) -> Index:
    """Notes the epoch to be, or keeps the one that another rebuild has noted."""
    if index.epoch is not None or index.next is not None:
        return index
    return index._replace(next=fresh)


def finish_rebuild(index: Index, began_with: int | None) -> tuple[str, Index]:
    if index.epoch is not None:
        return "whole", index
    stands = index.next == began_with if on("finish_same") else index.next is not None
    if not stands and on("finish_guard"):
        return "no", index
    epoch = index.next if index.next is not None else began_with
    return "ok", index._replace(epoch=epoch, next=None, settled=epoch)


def settle(index: Index, epoch: int | None) -> Index:
    return index._replace(settled=epoch) if index.epoch == epoch else index
