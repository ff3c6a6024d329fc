"""Looking at the images of one shard, once at all of them and then again at the suspects. Nothing here is atomic: the
first look is torn by whatever happens meanwhile, and the second counts only where the hash is the same before and after
everything else was read.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from imagehost.errors import SizeMismatch
from imagehost.ids import shard_of
from imagehost.index.survey import ShardView
from imagehost.models import ImageRecord, ReadyRecord
from imagehost.services.fsck_faults import Damaged, Fault, examine, pooled
from imagehost.services.fsck_images import ImageView, owners_of, record_key
from imagehost.services.fsck_listing import Listing, parse_place
from imagehost.services.parts import Parts
from imagehost.services.publish import WORK_PREFIX
from imagehost.storage import object_keys
from imagehost.storage.inventory import Listed
from imagehost.storage.records import Stored

# Faults that only bytes show; for all others the listing that was there before serves.
OF_BYTES = frozenset({"I1", "F1", "F2", "F7"})


@dataclass(frozen=True, slots=True)
class Sight:
    """One shard as it was listed, and as the index had it then; due entries and places in lists also by image."""

    listing: Listing
    index: ShardView
    due: Mapping[str, Mapping[str, int]]
    places: Mapping[str, Mapping[str, int]]
    now_ms: int

    @property
    def iids(self) -> list[str]:
        known = (self.listing.records, self.listing.objects, self.index.images, self.due, self.places)
        return sorted({iid for ids in known for iid in ids})


class Looker:
    """See the module. Everything raises Unavailable when bucket or index do not answer."""

    def __init__(self, parts: Parts, pool: ThreadPoolExecutor, *, deep: bool, keep: Callable[[], None]) -> None:
        self._parts = parts
        self._pool = pool
        self._deep = deep
        self._keep = keep

    def survey(self, shard: str, listing: Listing, iids: Iterable[str], uids: Iterable[str]) -> Sight:
        """The index's side of a shard; `iids` and `uids` are those known beside what the listing has."""
        places = (parse_place(each.object_key) for found in listing.objects.values() for each in found)
        owners = {place.uid for place in places if place}
        now_ms = self._parts.shards.now_ms()
        index = self._parts.survey.read(
            shard, {*listing.records, *listing.objects, *iids}, {*listing.accounts, *owners, *uids}
        )
        return Sight(listing, index, *_by_image(index), now_ms)

    def look(self, sight: Sight) -> Iterator[ImageView]:
        """Every image of the shard."""
        for view in pooled(self._pool, partial(self._first, sight), sight.iids):
            self._keep()
            yield view

    def look_again(self, suspects: Mapping[str, tuple[ImageView, list[Fault]]]) -> Iterator[tuple[str, ImageView]]:
        """Each of them, read anew; but not those that were changed while they were read."""
        if not suspects:
            return
        now_ms, before = self._parts.shards.now_ms(), {}
        for iid in suspects:
            before[iid] = self._parts.survey.read_image(iid)
            self._keep()
        read = list(pooled(self._pool, self._record_and_bytes, suspects.values()))
        self._keep()
        owners = {uid for view, _ in suspects.values() for uid in owners_of(view)}
        index = self._parts.survey.read(shard_of(next(iter(suspects))), suspects, owners)
        due, places = _by_image(index)
        for (iid, (view, _)), (stored, objects) in zip(suspects.items(), read, strict=True):
            fields = index.images.get(iid, {})
            if _facts(fields) == _facts(before[iid]):
                sha256 = self._digest(stored, objects) if view.sha256 else None
                around = due.get(iid, {}), places.get(iid, {})
                yield iid, ImageView(iid, stored, view.listed, fields, objects, *around, now_ms, sha256)

    def _first(self, sight: Sight, iid: str) -> ImageView:
        fields, listed = sight.index.images.get(iid, {}), sight.listing.records.get(iid)
        objects = sight.listing.objects.get(iid, ())
        wanted = listed is not None or fields.get("state") == "ready"
        stored = self._record(iid) if wanted else None
        sha256 = self._digest(stored, objects) if self._deep else None
        around = sight.due.get(iid, {}), sight.places.get(iid, {})
        return ImageView(iid, stored, listed, fields, objects, *around, sight.now_ms, sha256)

    def _record_and_bytes(
        self, suspect: tuple[ImageView, list[Fault]]
    ) -> tuple[Stored[ImageRecord] | Damaged | None, tuple[Listed, ...]]:
        view, faults = suspect
        stored = self._record(view.iid)
        if not any(fault.code in OF_BYTES for fault in faults):
            return stored, tuple(view.objects)
        prefixes = [prefix for uid in owners_of(view) for prefix in object_keys.prefixes_of_image(uid, view.iid)]
        return stored, tuple(found for prefix in prefixes for found in self._parts.inventory.list_below(prefix))

    def _record(self, iid: str) -> Stored[ImageRecord] | Damaged | None:
        found = examine(self._parts.records.find_image, iid)
        if isinstance(found, Stored) and (why := _disagreement(iid, found.record)):
            return Damaged(why)
        return found

    def _digest(self, stored: Stored[ImageRecord] | Damaged | None, objects: Iterable[Listed]) -> str | None:
        """The sha256 of a published original as it is now; None where its size is wrong, or there is none."""
        object_key = record_key(stored.record) if isinstance(stored, Stored) else None
        found = next((each for each in objects if each.object_key == object_key), None)
        if object_key is None or found is None:
            return None
        with tempfile.TemporaryDirectory(prefix=WORK_PREFIX) as folder:
            path = Path(folder) / "original"
            try:
                if not self._parts.objects.download(object_key, path, found.size_bytes):
                    return None
            except SizeMismatch:
                return None
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()


def _by_image(index: ShardView) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    due: dict[str, dict[str, int]] = {}
    for member, due_ms in index.due.items():
        due.setdefault(member.rsplit(":", 1)[1], {})[member] = due_ms
    places: dict[str, dict[str, int]] = {}
    for uid, held in index.lists.items():
        for iid, score in held.items():
            places.setdefault(iid, {})[uid] = score
    return due, places


def _facts(fields: Mapping[str, str]) -> dict[str, str]:
    """A hash without its views, which say nothing of what is true."""
    return {name: value for name, value in fields.items() if name != "views"}


def _disagreement(iid: str, record: ImageRecord) -> str:
    """Why a record cannot be that of `iid`; empty when it can."""
    if record.iid != iid or shard_of(record.uid) != shard_of(iid):
        return f"it names the image {record.iid} of {record.uid}"
    if isinstance(record, ReadyRecord):
        image = record.image
        own = object_keys.prefixes_of_version(image.uid, image.iid, image.version)[0]
        if not image.version or not image.key.startswith(own):
            return f"its original cannot be at {image.key}"
    return ""
