"""Due work: one entry of a due queue, finished or undone. It reads what the image's record says, and brings the world
up to that. Any number may work on the same entry: every step is safe to repeat.

It never decides that an image is gone while a write may still make it ready: an upload that was begun is fenced (its
record created dead) before anything of it is removed. Only a timer that the owner set has it end a published image.
"""

from collections import deque

from imagehost import ids
from imagehost.errors import ConditionFailed, OutcomeUnknown, Unavailable
from imagehost.index.due import DueEntry
from imagehost.models import DeadRecord, ImageRecord, ReadyRecord, Reservation, Tombstone, append_op
from imagehost.services.death import finish_dead
from imagehost.services.parts import Parts
from imagehost.storage import object_keys
from imagehost.storage.records import Stored

KINDS = ("upload", "check", "purge", "expire")


class DueWork:
    """See the module. Safe to share between threads."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._dropped: deque[str] = deque()

    def tidy(self) -> None:
        """Remove what may have arrived for the reservations that `finish` has dropped by now: with one request, because
        a backlog has thousands. Best effort, as after a complete. One thread at a time."""
        self._parts.objects.remove([self._dropped.popleft() for _ in range(len(self._dropped))])

    def finish(self, entry: DueEntry, epoch: str) -> None:
        """Do what is due; `epoch` is the one that was read with the entry. Raises Unavailable when a dependency does
        not answer: the entry stays due."""
        known = self._parts.images.find(entry.iid).entry  # before the record: begun only ever becomes true
        stored = self._parts.records.find_image(entry.iid)
        if stored is not None:
            self._settle(entry, self._ended_by_its_timer(entry, stored), epoch)
        elif entry.kind == "purge" and isinstance(known, Tombstone):
            self._purge(entry, known)
        elif entry.kind == "upload" and isinstance(known, Reservation):
            if known.begun:
                self._fence(entry, known, epoch)
            else:
                self._drop(known)
        else:
            self._parts.due.clear(entry)

    def _ended_by_its_timer(self, entry: DueEntry, stored: Stored[ImageRecord]) -> ImageRecord:
        """The record, dead now if its owner's timer has run out."""
        record = stored.record
        if (
            entry.kind != "expire"
            or not isinstance(record, ReadyRecord)
            or not record.image.is_over(self._parts.presigner.now_s())
        ):
            return record
        op = ids.new_op()
        dead = DeadRecord(
            op=op, ops=append_op(record.ops, op), iid=record.iid, uid=record.uid, rev=record.rev + 1, reason="expired"
        )
        try:
            self._parts.records.write_image(dead, etag=stored.etag)
        except (ConditionFailed, OutcomeUnknown) as exc:
            found = self._parts.records.find_image(record.iid)
            if found is None or not isinstance(found.record, DeadRecord):
                raise Unavailable("The record was changed meanwhile, or it is not known whether it is dead.") from exc
            return found.record  # by another sweeper, or by its owner; or the write landed
        return dead

    def _settle(self, entry: DueEntry, record: ImageRecord, epoch: str) -> None:
        """The record says how it ended: bring the index up to it, and remove the bytes of a dead image."""
        if isinstance(record, DeadRecord):
            if not finish_dead(self._parts, record, epoch):
                raise Unavailable("The bytes of a dead image are not all removed.")
        else:
            if entry.kind == "upload":  # its complete died before it came to that; first, as applying removes the entry
                self._parts.objects.remove_all(object_keys.prefix_of_staging(record.uid, record.iid))
            self._parts.images.apply(record, epoch)
            if (
                entry.kind == "expire"
                and record.image.expires_at_ms is not None
                and not record.image.is_over(self._parts.presigner.now_s())
            ):
                self._parts.mender.realign(
                    record.iid, record.uid
                )  # another timer, or the clocks differ: it comes again
                return
        self._parts.due.clear(entry)

    def _purge(self, entry: DueEntry, tombstone: Tombstone) -> None:
        """A dead image whose record has gone after its 30 days."""
        if not self._parts.objects.remove_all(*object_keys.prefixes_of_image(tombstone.uid, entry.iid)):
            raise Unavailable("The bytes of a dead image are not all removed.")
        self._parts.images.purge_done(tombstone.iid, tombstone.uid)

    def _drop(self, upload: Reservation) -> None:
        """Nobody began to complete it. Should somebody do so at this moment, the script says no, and the entry
        stays."""
        if self._parts.images.drop_reservation(upload.iid, upload.uid) == "ok":
            self._dropped.append(object_keys.incoming(upload.uid, upload.iid, upload.filename, upload.mime))

    def _fence(self, entry: DueEntry, upload: Reservation, epoch: str) -> None:
        """Somebody began: create the record dead, so that no write of theirs can land any more, then end it."""
        self._settle(entry, fence(self._parts, upload.uid, upload.iid), epoch)


def fence(parts: Parts, uid: str, iid: str) -> ImageRecord:
    """Create an image's record dead, so that no write of a process that is still at it can make it ready; the record
    that then stands, which may be somebody else's. Raises Unavailable while that is not known."""
    op = ids.new_op()
    record = DeadRecord(op=op, ops=(op,), iid=iid, uid=uid, rev=1, reason="fenced")
    try:
        parts.records.write_image(record)
    except (ConditionFailed, OutcomeUnknown) as exc:
        if (stored := parts.records.find_image(iid)) is None:
            raise Unavailable("It is not known whether the fence stands.") from exc
        return stored.record
    return record
