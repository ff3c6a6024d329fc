"""From bytes to a published image: gate, store, commit, index. Every way in ends here, holding a lease for a version.

The record is the commit point. It is only created (`If-None-Match: *`), and whether a write won is decided by the
version that the record names: an editor may have replaced the operation since.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from imagehost import faults, ids
from imagehost.errors import ConditionFailed, OutcomeUnknown, Refused, Unavailable, UploadNotReceived
from imagehost.imaging.results import Accepted
from imagehost.imaging.variants import VARIANTS
from imagehost.models import DeadRecord, Image, ImageRecord, Published, ReadyRecord, Reservation
from imagehost.services.death import dead_answer, finish_dead
from imagehost.services.parts import Parts
from imagehost.storage import object_keys

WORK_PREFIX = "imagehost-work-"
WRITES = 3  # of a record, before an outcome that stays unknown is given up
Fetch = Callable[[Path], bool]


@dataclass(frozen=True, slots=True)
class Completed:
    """A published image; `created` by this very request, or known already."""

    published: Published
    created: bool


class Publisher:
    """See the module."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._eager = tuple(VARIANTS[name] for name in parts.config.eager)

    def publish(self, upload: Reservation, version: str, epoch: str, fetch: Fetch) -> Completed:
        """Gate and publish what `fetch` writes to the path it is given (False: nothing there).

        Raises the verdict (Refused; committed, the same for ever), ImageDeleted when a delete was faster,
        UploadNotReceived, or Unavailable: then the lease is given back and the same upload can be completed again.
        """
        try:
            with tempfile.TemporaryDirectory(prefix=WORK_PREFIX) as folder:
                return self._gate(upload, version, epoch, fetch, Path(folder))
        except OSError as exc:
            self._release(upload.iid, version)
            raise Unavailable("There is no room to work on the image.") from exc
        except Exception:
            self._release(upload.iid, version)
            raise

    def refuse(self, upload: Reservation, version: str, epoch: str, verdict: Refused) -> Completed:
        """Commit a verdict: the record is created dead, the bytes go. Raises the verdict that stands; returns the
        published image when one was committed before."""
        op = ids.new_op()
        new = DeadRecord(
            op=op,
            ops=(op,),
            iid=upload.iid,
            uid=upload.uid,
            rev=1,
            reason="refused",
            code=verdict.code,
            detail=verdict.detail,
        )
        record = self._create(new)
        faults.reached("after_refuse")
        if isinstance(record, ReadyRecord):
            return self._stands(upload, record, version, epoch)
        finish_dead(self._parts, record, epoch)
        raise dead_answer(record)

    def _gate(self, upload: Reservation, version: str, epoch: str, fetch: Fetch, folder: Path) -> Completed:
        source = folder / "source"
        try:
            if not fetch(source):
                raise UploadNotReceived("The bytes have not arrived at the address of the upload.")
            accepted = self._parts.sandbox.inspect(source, folder, self._eager, keep_metadata=upload.keep_metadata)
        except Refused as verdict:
            return self.refuse(upload, version, epoch, verdict)
        faults.reached("after_gate")
        try:
            image = self._store(upload, version, accepted)
        except Unavailable:
            self._remove_version(upload, version)  # no record was written that could name it
            raise
        faults.reached("after_put")
        op = ids.new_op()
        record = self._create(ReadyRecord(op=op, ops=(op,), image=image))
        faults.reached("after_record")
        if isinstance(record, DeadRecord):
            self._remove_version(upload, version)
            raise dead_answer(record)
        return self._stands(upload, record, version, epoch)

    def _store(self, upload: Reservation, version: str, accepted: Accepted) -> Image:
        uid, iid = upload.uid, upload.iid
        object_key = object_keys.upload(uid, iid, version, upload.filename, accepted.mime)
        self._parts.objects.put_file(object_key, accepted.path, accepted.mime)
        variants = []
        for made in accepted.derivatives:
            self._parts.objects.put_file(object_keys.variant(uid, iid, version, made.name), made.path, made.mime)
            variants.append(made.name)
        return Image(
            iid=iid,
            uid=uid,
            version=version,
            rev=1,
            key=object_key,
            filename=upload.filename,
            mime=accepted.mime,
            private=upload.private,
            title=upload.title,
            tags=upload.tags,
            metadata=upload.metadata,
            kind=upload.kind,
            size=accepted.size,
            sha256=accepted.sha256,
            source_size=accepted.source_size,
            source_sha256=accepted.source_sha256,
            width=accepted.width,
            height=accepted.height,
            frames=accepted.frames,
            variants=tuple(variants),
            placeholder=accepted.placeholder,
            status=self._parts.config.statuses[0],
            created_at_ms=upload.created_at_ms,
            expires_at_ms=self._expiry(upload),
        )

    def _expiry(self, upload: Reservation) -> int | None:
        in_s = upload.image_expires_in_s
        return None if in_s is None else int((self._parts.presigner.now_s() + in_s) * 1000)

    def _create(self, new: ImageRecord) -> ImageRecord:
        """Create a record; the one that then stands, ours or another. Raises OutcomeUnknown when that stays
        unknown: all objects are kept, since the write may still land."""
        for _ in range(WRITES):
            try:
                self._parts.records.write_image(new)
            except (ConditionFailed, OutcomeUnknown):
                if (stored := self._parts.records.find_image(new.iid)) is not None:
                    return stored.record
            else:
                return new
        raise OutcomeUnknown("The storage did not say whether it has written.")

    def _stands(self, upload: Reservation, record: ReadyRecord, version: str, epoch: str) -> Completed:
        """The image is published, by this attempt or by another; what only this attempt needed goes, best effort."""
        created = record.image.version == version
        if not created:
            self._remove_version(record, version)
        # Before the index knows, which takes away the due entry that would have the sweeper do it.
        staging = object_keys.incoming(upload.uid, upload.iid, upload.filename, upload.mime)
        self._parts.objects.remove([staging])
        self._parts.images.apply(record, epoch)
        faults.reached("after_apply")
        return Completed(Published(image=record.image, views=0, checked=epoch), created=created)

    def _remove_version(self, of: Reservation | ReadyRecord, version: str) -> None:
        self._parts.objects.remove_all(*object_keys.prefixes_of_version(of.uid, of.iid, version))

    def _release(self, iid: str, version: str) -> None:
        try:
            self._parts.images.release_lease(iid, version)
        except Unavailable:
            return  # it lapses by itself
