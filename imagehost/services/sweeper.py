"""The sweeper: finishes or undoes what was interrupted. It takes due entries, reads what each one's record says, and
brings the world up to that. Any number of copies may run: every step is safe to repeat.

It never decides that an image is gone while a write may still make it ready: an upload that was begun is fenced (its
record created dead) before anything of it is removed.
"""

import logging

from imagehost import ids
from imagehost.errors import ConditionFailed, OutcomeUnknown, Unavailable
from imagehost.files import remove_abandoned
from imagehost.index.due import DueEntry
from imagehost.models import DeadRecord, ImageRecord, Reservation, Tombstone
from imagehost.services.death import finish_dead
from imagehost.services.parts import Parts
from imagehost.services.publish import WORK_PREFIX
from imagehost.storage import object_keys

KINDS = ("upload", "check", "purge")
ABANDONED_S = 3600.0  # far longer than any complete takes

log = logging.getLogger(__name__)


class Sweeper:
    """See the module."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def sweep(self) -> int:
        """Work through what is due now, at most 100 entries a shard; how many entries were finished. An entry that
        cannot be finished (a dependency does not answer) stays due. Raises Unavailable when the queues cannot be
        read."""
        remove_abandoned(WORK_PREFIX, ABANDONED_S)
        finished = 0
        for entry in self._parts.due.list_due():
            if entry.epoch is None or entry.kind not in KINDS:
                continue  # wiped: a rebuild's to finish; or work that a newer version has noted
            try:
                self._finish(entry, entry.epoch)
                finished += 1
            except Unavailable as exc:
                log.warning("sweep_failed", extra={"iid": entry.iid, "kind": entry.kind}, exc_info=exc)
            except Exception:  # one entry must not keep the sweeper from all others
                log.exception("sweep_broke", extra={"iid": entry.iid, "kind": entry.kind})
        return finished

    def _finish(self, entry: DueEntry, epoch: str) -> None:
        known = self._parts.images.find(entry.iid).entry  # before the record: begun only ever becomes true
        stored = self._parts.records.find_image(entry.iid)
        if stored is not None:
            self._settle(entry, stored.record, epoch)
        elif entry.kind == "purge" and isinstance(known, Tombstone):
            self._purge(entry, known)
        elif entry.kind == "upload" and isinstance(known, Reservation):
            if known.begun:
                self._fence(entry, known, epoch)
            else:
                self._drop(known)
        else:
            self._parts.due.clear(entry)
        log.info("swept", extra={"iid": entry.iid, "kind": entry.kind})

    def _settle(self, entry: DueEntry, record: ImageRecord, epoch: str) -> None:
        """The record says how it ended: bring the index up to it, and remove the bytes of a dead image."""
        if isinstance(record, DeadRecord):
            if not finish_dead(self._parts, record, epoch):
                raise Unavailable("The bytes of a dead image are not all removed.")
        else:
            self._parts.images.apply(record, epoch)
            if entry.kind == "upload":  # its complete died before it came to that
                self._parts.objects.remove_all(object_keys.prefix_of_staging(record.uid, record.iid))
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
            self._parts.objects.remove_all(object_keys.prefix_of_staging(upload.uid, upload.iid))

    def _fence(self, entry: DueEntry, upload: Reservation, epoch: str) -> None:
        """Somebody began: create the record dead, so that no write of theirs can land any more, then end it."""
        op = ids.new_op()
        record: ImageRecord = DeadRecord(op=op, ops=(op,), iid=upload.iid, uid=upload.uid, rev=1, reason="fenced")
        try:
            self._parts.records.write_image(record)
        except (ConditionFailed, OutcomeUnknown) as exc:
            if (stored := self._parts.records.find_image(upload.iid)) is None:
                raise Unavailable("It is not known whether the fence stands.") from exc
            record = stored.record
        self._settle(entry, record, epoch)
