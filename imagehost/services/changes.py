"""Changing and deleting images: the record first, always. An intent is noted before, so that the sweeper brings the
index up to the record when this process dies between the two."""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from imagehost import faults, ids
from imagehost.errors import (
    ConditionFailed,
    EditConflict,
    ImageDeleted,
    ImagehostError,
    ImageNotFound,
    IndexRebuilding,
    NotOwner,
    OutcomeUnknown,
    RevMismatch,
)
from imagehost.models import (
    DeadRecord,
    Entry,
    Image,
    ImageRecord,
    Lookup,
    Published,
    ReadyRecord,
    Reservation,
    Tombstone,
    append_op,
)
from imagehost.services.death import dead_answer, finish_dead
from imagehost.services.freshness import Freshness
from imagehost.services.parts import Parts
from imagehost.storage.records import Stored

MERGES = 5


def uid_of(entry: Entry) -> str:
    """The owner of whatever the index knows."""
    return entry.image.uid if isinstance(entry, Published) else entry.uid


class _Intent:
    """A `check` entry in the due queue, from before the first write until after the last script."""

    def __init__(self, parts: Parts, iid: str) -> None:
        self.op = ids.new_op()
        self._parts = parts
        self._iid = iid
        self._noted_at_s = self._note()
        faults.reached("after_intent")

    def renew(self) -> None:
        """Note it again once half of it has gone: called before each write."""
        if time.monotonic() - self._noted_at_s > self._parts.config.lease_s / 2:
            self._noted_at_s = self._note()

    def _note(self) -> float:
        noted_at_s = time.monotonic()
        self._parts.due.note_intent(self.op, self._iid, self._parts.lease_ms)
        return noted_at_s

    def clear(self) -> None:
        self._parts.due.clear_intent(self.op, self._iid)


class Changes:
    """See the module. Every method raises IndexRebuilding or Unavailable when it cannot say; repeating is safe."""

    def __init__(self, parts: Parts, freshness: Freshness) -> None:
        self._parts = parts
        self._freshness = freshness

    def edit(self, uid: str, iid: str, change: Mapping[str, Any], *, if_rev: int | None = None) -> Published:
        """Set fields of an image's Details, or `image_expires_in_s` (from now; None for never); others' edits meanwhile
        are merged, unless `if_rev` names a revision.

        Raises ImageNotFound, NotOwner, ImageDeleted, RevMismatch, or EditConflict after 5 merges."""
        found = self._freshness.find(iid)
        entry, epoch = found.entry, _epoch(found)
        if not isinstance(entry, Published) or entry.image.uid != uid:
            raise _not_editable(uid, entry)
        change = self._to_fields(change)
        intent = _Intent(self._parts, iid)
        failed: ImagehostError = _too_often()
        for writes_left in range(MERGES, -1, -1):  # one look more than writes, which decides what became of the last
            stored = self._parts.records.find_image(iid)
            if stored is None or not isinstance(stored.record, ReadyRecord):
                if stored is not None:  # whoever ended it may be dead, and this intent the last that leads there
                    self._parts.images.apply(stored.record, epoch)
                intent.clear()
                raise _ended(stored)
            record = stored.record
            if intent.op not in record.ops and record.image.is_over(self._parts.presigner.now_s()):
                intent.clear()
                raise ImageDeleted()
            changed = replace(record.image, **change)
            if intent.op not in record.ops:
                _check_rev(record, if_rev, intent)
                if not _same(changed, record.image):
                    if not writes_left:
                        break
                    record = self._next(record, changed, intent.op)
                    intent.renew()
                    try:
                        self._parts.records.write_image(record, etag=stored.etag)
                    except (ConditionFailed, OutcomeUnknown) as exc:
                        failed = exc if isinstance(exc, OutcomeUnknown) else failed
                        continue
                    faults.reached("after_edit")
            self._parts.images.apply(record, epoch)
            intent.clear()
            return Published(image=record.image, views=entry.views, checked=epoch)
        raise failed

    def delete(self, uid: str, iid: str, *, if_rev: int | None = None) -> bool:
        """Delete an image, or cancel a pending upload; nothing brings it back. False when bytes are still being
        removed.

        Raises ImageNotFound, NotOwner, RevMismatch, or ImageDeleted when it was dead before."""
        found = self._freshness.find(iid)
        epoch = _epoch(found)
        self._claim(uid, iid, found.entry)
        intent = _Intent(self._parts, iid)
        record = self._kill(uid, iid, intent, if_rev)
        gone = finish_dead(self._parts, record, epoch)
        if gone:
            faults.reached("after_purge")
            intent.clear()
        if intent.op not in record.ops:
            raise ImageDeleted()
        return gone

    def _kill(self, uid: str, iid: str, intent: _Intent, if_rev: int | None) -> DeadRecord:
        failed: ImagehostError = _too_often()
        for writes_left in range(MERGES, -1, -1):
            stored = self._parts.records.find_image(iid)
            if stored is not None and isinstance(stored.record, DeadRecord):
                return stored.record
            _check_rev(stored.record if stored else None, if_rev, intent)
            if not writes_left:
                break
            record = _dead_after(uid, iid, stored, intent.op)
            intent.renew()
            try:
                self._parts.records.write_image(record, etag=stored.etag if stored else None)
            except (ConditionFailed, OutcomeUnknown) as exc:
                failed = exc if isinstance(exc, OutcomeUnknown) else failed
            else:
                faults.reached("after_dead")
                return record
        raise failed

    def _claim(self, uid: str, iid: str, entry: Entry | None) -> None:
        """Raises unless the caller may delete this: nothing is written for somebody who may not."""
        match entry:
            case Tombstone(uid=owner, purged=True) if owner == uid:
                raise ImageDeleted()
            case Reservation(uid=owner) | Tombstone(uid=owner) | Published(image=Image(uid=owner)):
                if owner != uid:
                    self._parts.records.find_image(iid)  # as slow as for an id that nobody has
                    raise _foreign(entry)
            case None:
                stored = self._parts.records.find_image(iid)
                if stored is None or stored.record.uid != uid:
                    raise ImageNotFound()

    def _to_fields(self, change: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of an image's record that a change sets."""
        fields = dict(change)
        if "image_expires_in_s" in fields:
            in_s = fields.pop("image_expires_in_s")
            fields["expires_at_ms"] = None if in_s is None else int((self._parts.presigner.now_s() + in_s) * 1000)
        return fields

    @staticmethod
    def _next(record: ReadyRecord, changed: Image, op: str) -> ReadyRecord:
        return ReadyRecord(op=op, ops=append_op(record.ops, op), image=replace(changed, rev=record.rev + 1))


def _same(changed: Image, image: Image) -> bool:
    """Whether an edit changes nothing. To Python 1, 1.0 and True are equal; in JSON they are not."""
    return changed == image and json.dumps(changed.metadata) == json.dumps(image.metadata)


def _too_often() -> EditConflict:
    return EditConflict("The image was changed too often by others meanwhile; try again.")


def _ended(stored: Stored[ImageRecord] | None) -> ImagehostError:
    if stored is not None and isinstance(stored.record, DeadRecord):
        return dead_answer(stored.record)
    return ImageNotFound()


def _check_rev(record: ImageRecord | None, if_rev: int | None, intent: _Intent) -> None:
    """Raises RevMismatch, the intent withdrawn, unless the caller wants this revision or any."""
    rev = record.rev if record else 0
    if if_rev is not None and rev != if_rev:
        intent.clear()
        raise RevMismatch(f"The image has revision {rev}.", rev=rev)


def _dead_after(uid: str, iid: str, stored: Stored[ImageRecord] | None, op: str) -> DeadRecord:
    if stored is None:
        return DeadRecord(op=op, ops=(op,), iid=iid, uid=uid, rev=1, reason="cancelled")
    ops = append_op(stored.record.ops, op)
    return DeadRecord(op=op, ops=ops, iid=iid, uid=uid, rev=stored.record.rev + 1, reason="deleted")


def _epoch(found: Lookup) -> str:
    if found.epoch is None:
        raise IndexRebuilding()
    return found.epoch


def _foreign(entry: Entry) -> ImagehostError:
    if isinstance(entry, Published) and not entry.image.private:
        return NotOwner()
    return ImageNotFound()


def _not_editable(uid: str, entry: Entry | None) -> ImagehostError:
    if entry is None or uid_of(entry) != uid:
        return _foreign(entry) if entry else ImageNotFound()
    return dead_answer(entry) if isinstance(entry, Tombstone) else ImageNotFound()
