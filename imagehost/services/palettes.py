"""Images in other colours, and the colours of images: made in the sandbox, of originals that were verified before.

An image in other colours is a new image: reserved, leased, gated, stored and committed like any other, only that its
bytes come from here and not from staging. It is made before anything is reserved: so quota is asked for the size that
it has, and who dies while making it leaves nothing behind.
"""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Literal

from cachetools import TTLCache

from imagehost.errors import ImageDimensions, Unavailable
from imagehost.imaging.results import Colour
from imagehost.models import Details, Image
from imagehost.services.complete import Completion
from imagehost.services.originals import fetch_original
from imagehost.services.parts import Parts
from imagehost.services.publish import WORK_PREFIX, Completed
from imagehost.services.uploads import Uploads

KNOWN_MAX = 2_000
KNOWN_S = 3_600  # a published version never changes its colours
MIME = "image/png"

Mode = Literal["nearest", "luminance"]


class Palettes:
    """See the module."""

    def __init__(self, parts: Parts, uploads: Uploads, completion: Completion) -> None:
        self._parts = parts
        self._uploads = uploads
        self._completion = completion
        self._known: TTLCache[str, tuple[Colour, ...] | None] = TTLCache(KNOWN_MAX, KNOWN_S)
        self._lock = threading.Lock()

    def recolour(self, image: Image, palette: tuple[str, ...], mode: Mode) -> Completed:
        """Publish the image's first frame in these colours, `#rrggbb` each, as a new image of the same owner: as
        private, with the same title, tags, kind and end; its metadata names the image that it is derived from.

        Raises what a request for an upload raises, having reserved nothing; what completing one raises; ImageDimensions
        when it takes more time or memory than an image may have; ImageDeleted when the image died meanwhile.
        """
        self._uploads.check_room(image.uid)  # before any work
        with self._work() as folder:
            source = folder / "original"
            fetch_original(self._parts, image, source)
            made = self._parts.sandbox.recolour(source, folder, palette, mode)
            if made is None:
                raise ImageDimensions("The image takes more time or memory to recolour than an image may have.")
            iid = self._uploads.reserve(
                image.uid,
                self._details(image, palette, mode),
                size_bytes=made.stat().st_size,
                image_expires_in_s=self._seconds_left(image),
                hold_ms=self._parts.lease_ms,
            )

            def fetch(path: Path) -> bool:
                made.rename(path)
                return True

            return self._completion.publish(image.uid, iid, fetch)

    def find_colours(self, image: Image) -> tuple[Colour, ...]:
        """The dominant colours of the image's first frame, the largest share first. Raises as `recolour` does."""
        with self._lock:
            is_known, found = image.version in self._known, self._known.get(image.version)
        if not is_known:
            with self._work() as folder:
                source = folder / "original"
                fetch_original(self._parts, image, source)
                found = self._parts.sandbox.find_colours(source, folder)
            with self._lock:
                self._known[image.version] = found
        if found is None:
            raise ImageDimensions("The image takes more time or memory to look at than an image may have.")
        return found

    @contextmanager
    def _work(self) -> Iterator[Path]:
        try:
            with tempfile.TemporaryDirectory(prefix=WORK_PREFIX) as folder:
                yield Path(folder)
        except OSError as exc:
            raise Unavailable("There is no room to work on the image.") from exc

    def _details(self, image: Image, palette: tuple[str, ...], mode: Mode) -> Details:
        return Details(
            filename=f"{PurePath(image.filename).stem[:200]} ({mode}).png",
            mime=MIME,
            private=image.private,
            title=image.title,
            tags=image.tags,
            metadata={"derived_from": image.iid, "palette": {"colors": list(palette), "mode": mode}},
            kind=image.kind,
        )

    def _seconds_left(self, image: Image) -> int | None:
        if image.expires_at_ms is None:
            return None
        return max(1, int(image.expires_at_ms / 1000 - self._parts.presigner.now_s()))
