"""Repairs of images, and tidying. Everything here is safe at any moment, whatever the service does meanwhile: records
are applied (the higher rev wins), bytes go only below a dead record or a version that the record does not name, and
what has no record at all is fenced before."""

import logging

from imagehost.errors import ConditionFailed, Unavailable
from imagehost.index.due import DueEntry
from imagehost.models import DeadRecord, ImageRecord, ReadyRecord
from imagehost.services.death import finish_dead
from imagehost.services.due_work import fence
from imagehost.services.fsck_faults import Fault
from imagehost.services.fsck_images import ImageView
from imagehost.services.fsck_listing import parse_place
from imagehost.services.parts import Parts
from imagehost.storage import object_keys
from imagehost.storage.records import Stored

DAY_S = 86_400.0
DEAD_S = 30 * DAY_S  # how long a dead record stays

log = logging.getLogger(__name__)


class Repairs:
    """See the module; under `epoch`, which was read before any of the records. Everything raises Unavailable."""

    def __init__(self, parts: Parts, epoch: str) -> None:
        self._parts = parts
        self._epoch = epoch

    def mend(self, view: ImageView, fault: Fault) -> None:
        """Carry out the remedy of a fault that two looks have shown; one that has none is left."""
        record = view.record
        match fault.remedy:
            case "apply" if record is not None:
                self.apply(view, record)
            case "rewrite" if record is not None:
                self._parts.mender.rewrite_image(record)
            case "realign" if fault.target:
                self._parts.mender.realign(view.iid, fault.target)
            case "clear":
                kind, op, iid = fault.target.split(":", 2)
                self._parts.due.clear(DueEntry(kind, op, iid, self._epoch))
            case "finish" if isinstance(record, DeadRecord):
                self._end(record, fault.target)
            case "fence":
                self._fence(view.iid, fault.target)
            case "remove" if isinstance(record, ReadyRecord):
                self._remove(fault.target)
            case "unstage":
                self.unstage(view)

    def apply(self, view: ImageView, record: ImageRecord) -> None:
        """Bring the index up to a record, and do what would have followed: a dead image ends, staging bytes go."""
        if isinstance(record, DeadRecord):
            finish_dead(self._parts, record, self._epoch)
            return
        self._parts.images.apply(record, self._epoch)
        if view.state == "pending":
            self._parts.objects.remove_all(object_keys.prefix_of_staging(record.uid, record.iid))

    def keep_up(self, view: ImageView) -> None:
        """Apply the record where its hash is not known to say it, though nothing is wrong: it was not compared with it
        in this epoch, or somebody is at it, and may have died after changing the record."""
        record = view.record
        if record is None or (view.fields.get("checked") == self._epoch and view.rev == record.rev):
            return
        if isinstance(record, ReadyRecord):
            self.apply(view, record)
        elif view.state is not None:
            self._parts.images.apply(record, self._epoch)  # and what follows is due then

    def tidy(self, view: ImageView, now_s: float, min_age_s: float) -> int:
        """Remove a dead record that nobody needs any more, and staging bytes without an upload; how many of both."""
        return self._tidy_record(view, now_s) + self._tidy_staging(view, now_s, min_age_s)

    def unstage(self, view: ImageView) -> bool:
        """Remove staging bytes, unless an upload is pending after all."""
        if self._parts.survey.read_image(view.iid).get("state") == "pending":
            return False
        uids = {place.uid for found in view.objects if (place := parse_place(found.object_key)) and not place.version}
        return self._parts.objects.remove_all(*(object_keys.prefix_of_staging(uid, view.iid) for uid in uids))

    def _tidy_record(self, view: ImageView, now_s: float) -> int:
        stored, listed = view.stored, view.listed
        if not isinstance(stored, Stored) or not isinstance(stored.record, DeadRecord) or listed is None:
            return 0
        over = listed.etag == stored.etag and now_s - listed.modified_at_s > DEAD_S
        if not over or view.objects or "purge" in view.fields or view.state not in (None, "dead"):
            return 0
        try:
            self._parts.records.remove_image(view.iid, stored.etag)
        except ConditionFailed:
            return 0
        except Unavailable as exc:  # nothing depends on it: a store that forbids this is no reason to check no further
            log.warning("not_tidied", extra={"iid": view.iid}, exc_info=exc)
            return 0
        return 1

    def _tidy_staging(self, view: ImageView, now_s: float, min_age_s: float) -> int:
        max_age_s = max(DAY_S, min_age_s) if min_age_s else -DAY_S  # clocks differ a little
        staging = [found for found in view.objects if found.object_key.startswith(object_keys.INCOMING)]
        if view.state == "pending" or not any(now_s - found.modified_at_s > max_age_s for found in staging):
            return 0
        return len(staging) if self.unstage(view) else 0

    def _end(self, record: DeadRecord, version: str) -> None:
        self._remove(version)
        finish_dead(self._parts, record, self._epoch)

    def _fence(self, iid: str, version: str) -> None:
        """Whatever record stands in the end, it is applied, and says which bytes go."""
        uid = version.split("/", 1)[0]
        record = fence(self._parts, uid, iid)
        if isinstance(record, DeadRecord):
            self._end(record, version)
        else:
            self._parts.images.apply(record, self._epoch)

    def _remove(self, version: str) -> None:
        """Bytes of one version, named as they are in object keys: `{uid}/{iid}/{version}`."""
        self._parts.objects.remove_all(f"{object_keys.UPLOADS}{version}/", f"{object_keys.VARIANTS}{version}/")
