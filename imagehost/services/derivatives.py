"""Derivatives that are made when first asked for. No record names them: whether one is there, the bucket says.

The order of steps is the protocol's: take the lease → make → PUT under the image's version → GET the record; unless
that is ready and names the version, remove it again. So a delete that came between leaves nothing behind: it removes
what was there before it, and whoever stores anything after it sees the dead record. A process that dies before its look
leaves the derivative of a dead image to the daily check.
"""

import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cachetools import TTLCache

from imagehost import faults, ids
from imagehost.errors import GatesBusy, Unavailable
from imagehost.imaging.variants import Variant
from imagehost.models import Image
from imagehost.services.death import find_end
from imagehost.services.originals import fetch_original
from imagehost.services.parts import Parts
from imagehost.services.publish import WORK_PREFIX
from imagehost.storage import object_keys

WAIT_S = 5.0  # for another to make it
POLL_S = 0.1
KNOWN_MAX = 20_000
# What was found out is asked again after this time: somebody may have emptied variants/, and a machine that was too
# slow may have found its pace.
KNOWN_S = 600
FAILURES = 3  # in that time, until the original serves: an image may end each child that works on it


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One derivative of one image."""

    image: Image
    variant: Variant

    @property
    def object_key(self) -> str:
        image = self.image
        return object_keys.variant(image.uid, image.iid, image.version, self.variant.file_name)


def find_stored(image: Image, variant: Variant) -> str | None:
    """The name of a derivative that the image's record names."""
    return variant.file_name if variant.file_name in image.variants else None


def may_be_made(image: Image, variant: Variant) -> bool:
    """Whether a variant is made on demand. Where the image fits anyway, the original serves as well, moving too: every
    format that the gate lets in is one that browsers show."""
    return variant.on_demand and variant.is_needed(image.width, image.height)


class Derivatives:
    """See the module. Remembers what it found in the bucket, and what could not be made, for a while."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._known: TTLCache[str, bool] = TTLCache(KNOWN_MAX, KNOWN_S)
        self._failed: TTLCache[str, int] = TTLCache(KNOWN_MAX, KNOWN_S)
        self._lock = threading.Lock()

    def provide(self, image: Image, variant: Variant) -> str | None:
        """The name of a derivative, stored by now; None where the original has to serve: it is small enough, or the
        derivative takes more time or memory than an image may have, or failed again and again.

        Of all who ask at once, one makes it and the others wait. Raises Unavailable when that lasts longer than
        `WAIT_S` or something does not answer, and ImageDeleted or ImageNotFound when the image died meanwhile.
        """
        stored = find_stored(image, variant)
        if stored is not None or not may_be_made(image, variant):
            return stored
        wanted = _Wanted(image, variant)
        known = self._recall(wanted)
        if known is None:
            known = self._is_stored(wanted) or self._make_once(wanted)
            with self._lock:
                self._known[wanted.object_key] = known
        return wanted.variant.file_name if known else None

    def _recall(self, wanted: _Wanted) -> bool | None:
        with self._lock:
            return self._known.get(wanted.object_key)

    def _is_stored(self, wanted: _Wanted) -> bool:
        return self._parts.objects.find_size(wanted.object_key) is not None

    def _make_once(self, wanted: _Wanted) -> bool:
        """Whether it is there after somebody, here or elsewhere, has made it."""
        deadline_s, pause = time.monotonic() + WAIT_S, threading.Event()
        while True:
            with self._lease(wanted) as taken:
                if taken:  # by now the one who held it before may be ready
                    return self._is_stored(wanted) or self._make(wanted)
            if time.monotonic() > deadline_s:
                raise Unavailable("Another request is still making this variant.")
            pause.wait(POLL_S)
            if (known := self._recall(wanted)) is not None:
                return known
            if self._is_stored(wanted):
                return True

    @contextlib.contextmanager
    def _lease(self, wanted: _Wanted) -> Iterator[bool]:
        leases, holder = self._parts.leases, ids.new_op()
        what = (wanted.image.iid, wanted.variant.file_name, holder)
        taken = leases.take(*what, self._parts.lease_ms) == 0
        try:
            yield taken
        finally:
            if taken:
                with contextlib.suppress(Unavailable):  # it lapses by itself
                    leases.give_back(*what)

    def _make(self, wanted: _Wanted) -> bool:
        try:
            with tempfile.TemporaryDirectory(prefix=WORK_PREFIX) as folder:
                return self._work(wanted, Path(folder))
        except OSError as exc:
            raise Unavailable("There is no room to work on the image.") from exc

    def _fails_again(self, wanted: _Wanted) -> bool:
        with self._lock:
            self._failed[wanted.object_key] = times = self._failed.get(wanted.object_key, 0) + 1
        return times >= FAILURES

    def _work(self, wanted: _Wanted, folder: Path) -> bool:
        source = folder / "source"
        fetch_original(self._parts, wanted.image, source)
        try:
            made = self._parts.sandbox.derive(source, folder, wanted.variant)
        except GatesBusy:
            raise
        except Unavailable:
            if self._fails_again(wanted):
                return False
            raise
        if made is None:
            return False
        try:
            self._parts.objects.put_file(wanted.object_key, made.path, made.mime)
        except Unavailable:
            self._keep_if_ready(wanted)  # it may have arrived all the same
            raise
        faults.reached("after_derivative")
        self._keep_if_ready(wanted)
        return True

    def _keep_if_ready(self, wanted: _Wanted) -> None:
        """The one rule for deleting data, for a derivative: it goes unless the record is ready and names its version.
        While that cannot be said it stays, for the daily check to judge."""
        if (end := find_end(self._parts, wanted.image)) is not None:
            self._parts.objects.remove_all(wanted.object_key)
            raise end
