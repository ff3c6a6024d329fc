"""Completing an upload: nothing that the client says is trusted but the id; what arrived is read once and gated.

Any number of completes of one upload may run; one publishes, the others hear `busy` or get the same image.
"""

from collections.abc import Callable
from pathlib import Path

from imagehost import faults, ids, metrics
from imagehost.errors import (
    ImageDeleted,
    ImagehostError,
    ImageNotFound,
    IndexRebuilding,
    SizeMismatch,
    UploadBusy,
    UploadNotReceived,
)
from imagehost.models import Lookup, Published, ReadyRecord, Reservation, Tombstone
from imagehost.services.death import dead_answer
from imagehost.services.freshness import Freshness
from imagehost.services.parts import Parts
from imagehost.services.publish import Completed, Fetch, Publisher
from imagehost.storage import object_keys


class Completion:
    """See the module."""

    def __init__(self, parts: Parts, freshness: Freshness, publisher: Publisher) -> None:
        self._parts = parts
        self._freshness = freshness
        self._publisher = publisher

    def complete(self, uid: str, iid: str) -> Completed:
        """Publish the upload, or answer the image that it became. Safe to repeat, by anybody, at any time.

        Raises ImageNotFound, UploadNotReceived, UploadBusy, Refused, ImageDeleted, IndexRebuilding or Unavailable.
        """
        return _counted(lambda: self._complete(uid, iid))

    def publish(self, uid: str, iid: str, fetch: Fetch) -> Completed:
        """Publish a reservation with the bytes that `fetch` writes, instead of what is in staging.

        Raises as `complete` does. What was decided by nobody is undone at the reservation's deadline.
        """
        return _counted(lambda: self._publish(uid, iid, fetch))

    def _publish(self, uid: str, iid: str, fetch: Fetch) -> Completed:
        found = self._freshness.find(iid)
        if found.epoch is None:
            raise IndexRebuilding()
        if not isinstance(found.entry, Reservation) or found.entry.uid != uid:
            return self._answer(uid, iid, found, found.epoch)
        version = ids.new_version()
        decided = self._begin(uid, iid, version, found.epoch)
        return decided or self._publisher.publish(found.entry, version, found.epoch, fetch)

    def _complete(self, uid: str, iid: str) -> Completed:
        found = self._freshness.find(iid)
        upload, epoch = found.entry, found.epoch
        if epoch is None:
            raise IndexRebuilding()
        if not isinstance(upload, Reservation) or upload.uid != uid:
            return self._answer(uid, iid, found, epoch)

        staging = object_keys.incoming(uid, iid, upload.filename, upload.mime)
        version = ids.new_version()
        size_bytes = self._parts.objects.find_size(staging)
        if size_bytes is None:
            return self._look(uid, iid, epoch, pending=True)
        if size_bytes != upload.size:
            metrics.REFUSALS.labels(SizeMismatch.code).inc()
            verdict = SizeMismatch(f"{upload.size} bytes were announced, {size_bytes} arrived.")
            return self._publisher.refuse(upload, version, epoch, verdict)

        if (decided := self._begin(uid, iid, version, epoch)) is not None:
            return decided

        def fetch(path: Path) -> bool:
            return self._parts.objects.download(staging, path, upload.size)

        try:
            return self._publisher.publish(upload, version, epoch, fetch)
        except UploadNotReceived:
            return self._look(uid, iid, epoch, pending=True)  # a delete or another complete may have taken the bytes

    def _begin(self, uid: str, iid: str, version: str, epoch: str) -> Completed | None:
        """Take the lease; what the upload became, if somebody was faster."""
        begun = self._parts.images.begin_complete(iid, uid, version, self._parts.lease_ms)
        if begun.answer == "busy":
            wait_s = -(-begun.retry_after_ms // 1000)
            raise UploadBusy("Another request is completing this upload.", headers={"Retry-After": str(wait_s)})
        if begun.answer != "ok":
            return self._answer(uid, iid, self._parts.images.find(iid), epoch)
        faults.reached("after_begin")
        return None

    def _answer(self, uid: str, iid: str, found: Lookup, epoch: str) -> Completed:
        """What an upload became, from the index where that is fresh, else from its record."""
        match found.entry:
            case Published(image=image, checked=checked) as published if image.uid == uid and checked == epoch:
                return self._known(published)
            case Tombstone(uid=owner, reason="refused") if owner == uid:
                raise dead_answer(found.entry)
        return self._look(uid, iid, epoch, pending=False)

    def _look(self, uid: str, iid: str, epoch: str, *, pending: bool) -> Completed:
        stored = self._parts.records.find_image(iid)
        if stored is None and pending:
            raise UploadNotReceived("The bytes have not arrived at the address of the upload.")
        if stored is None or stored.record.uid != uid:
            raise ImageNotFound()
        if not isinstance(stored.record, ReadyRecord):
            raise dead_answer(stored.record)
        self._parts.images.apply(stored.record, epoch)
        return self._known(Published(image=stored.record.image, views=0, checked=epoch))

    def _known(self, published: Published) -> Completed:
        if published.image.is_over(self._parts.presigner.now_s()):
            raise ImageDeleted()
        return Completed(published, created=False)


def _counted(work: Callable[[], Completed]) -> Completed:
    try:
        done = work()
    except ImagehostError as exc:
        metrics.UPLOADS.labels(exc.code).inc()
        raise
    metrics.UPLOADS.labels("published" if done.created else "repeated").inc()
    return done
