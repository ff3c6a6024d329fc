"""Requesting an upload: admit it, then sign one PUT for exactly the announced bytes. The due entry that undoes the
reservation exists before any URL does."""

from dataclasses import dataclass
from functools import partial

from imagehost import faults, ids
from imagehost.errors import ImageNotFound, ImageTooLarge, IndexRebuilding, QuotaExceeded, UnsupportedType
from imagehost.mediatypes import EXTENSIONS
from imagehost.models import Details, Published, Reservation, Tombstone
from imagehost.services.caller import Caller
from imagehost.services.death import dead_answer
from imagehost.services.freshness import Freshness
from imagehost.services.parts import Parts
from imagehost.storage import object_keys
from imagehost.storage.presign import SignedUrl


@dataclass(frozen=True, slots=True)
class Ticket:
    """A pending upload and the PUT that it waits for."""

    iid: str
    put: SignedUrl


class Uploads:
    """See the module."""

    def __init__(self, parts: Parts, freshness: Freshness) -> None:
        self._parts = parts
        self._freshness = freshness

    def request(
        self,
        uid: str,
        details: Details,
        *,
        size_bytes: int,
        sha256: str | None,
        image_expires_in_s: int | None = None,
        keep_metadata: bool = False,
        caller: Caller | None = None,
    ) -> Ticket:
        """Reserve quota and sign the PUT. A `caller` whose API key is still to be confirmed is confirmed by the same
        round trip: raises what that raises. Raises UnsupportedType, ImageTooLarge, QuotaExceeded, TooManyPending,
        IndexRebuilding or Unavailable, having reserved nothing (one whose answer was lost lapses by itself)."""
        config = self._parts.config
        iid = self.reserve(
            uid,
            details,
            size_bytes=size_bytes,
            sha256=sha256,
            image_expires_in_s=image_expires_in_s,
            keep_metadata=keep_metadata,
            hold_ms=(config.upload_url_s + config.upload_grace_s) * 1000,
            caller=caller,
        )
        return self._ticket(uid, iid, details, size_bytes, sha256, config.upload_url_s)

    def reserve(
        self,
        uid: str,
        details: Details,
        *,
        size_bytes: int,
        sha256: str | None = None,
        image_expires_in_s: int | None = None,
        keep_metadata: bool = False,
        hold_ms: int,
        caller: Caller | None = None,
    ) -> str:
        """The iid of a reservation, for bytes that come within `hold_ms`, wherever from. Raises as `request` does."""
        config = self._parts.config
        if details.mime not in EXTENSIONS:
            raise UnsupportedType(f"Accepted are {', '.join(EXTENSIONS)}.", accepted=list(EXTENSIONS))
        if size_bytes > config.max_bytes:
            raise ImageTooLarge(
                f"An image may have {config.max_bytes} bytes, this one has {size_bytes}.", allowed=config.max_bytes
            )
        iid, op = ids.new_iid(uid), ids.new_op()
        reserve = partial(
            self._parts.images.reserve,
            iid,
            uid,
            op,
            details,
            size_bytes=size_bytes,
            sha256=sha256,
            image_expires_in_s=image_expires_in_s,
            keep_metadata=keep_metadata,
            hold_ms=hold_ms,
            quota_bytes=config.quota_bytes,
            quota_images=config.quota_images,
            max_pending=config.max_pending,
        )
        reserved = None
        if caller is not None:
            if (check := caller.to_check()) is not None:
                reserved = reserve(api_key=check)
            caller.confirm(reserved.api_key if reserved else None)
        if reserved is None:  # nobody's key had to be found good, or the index alone did not find it so
            reserve()
        faults.reached("after_reserve")
        return iid

    def check_room(self, uid: str) -> None:
        """Raises QuotaExceeded where not even the smallest image would be admitted now; reserves nothing."""
        config, profile = self._parts.config, self._parts.accounts.find_profile(uid)
        if profile is None:
            return
        used = {
            "bytes": profile.usage.used_bytes + profile.usage.reserved_bytes,
            "images": profile.usage.used_count + profile.usage.reserved_count,
        }
        allowed = {"bytes": config.quota_bytes, "images": config.quota_images}
        if any(used[name] >= allowed[name] for name in used):
            raise QuotaExceeded("Your quota is used up.", used=used, allowed=allowed)

    def sign_again(self, uid: str, iid: str) -> Ticket:
        """Another URL for a pending upload. It ends at the reservation's deadline at the latest, which never moves; in
        the second before that the upload counts as gone. Raises ImageNotFound, IndexRebuilding, or what a dead image
        answers."""
        found = self._freshness.find(iid)
        if found.epoch is None:
            raise IndexRebuilding()
        entry = found.entry
        if entry is None or isinstance(entry, Published) or entry.uid != uid:
            raise ImageNotFound()
        if isinstance(entry, Tombstone):
            raise dead_answer(entry)
        return self._ticket(uid, iid, entry, entry.size, entry.sha256, self._seconds_left(entry))

    def _seconds_left(self, entry: Reservation) -> int:
        left_s = int(entry.deadline_ms / 1000 - self._parts.presigner.now_s())
        if left_s < 1:
            raise ImageNotFound("The time to upload this image is over; request another upload.")
        return min(self._parts.config.upload_url_s, left_s)

    def _ticket(
        self, uid: str, iid: str, details: Details, size_bytes: int, sha256: str | None, expires_in_s: int
    ) -> Ticket:
        staging = object_keys.incoming(uid, iid, details.filename, details.mime)
        put = self._parts.presigner.put(
            staging, size_bytes=size_bytes, mime=details.mime, sha256=sha256, expires_in_s=expires_in_s
        )
        return Ticket(iid, put)
