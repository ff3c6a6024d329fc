"""imagehost as a library: one account's images, by the same services as the web server's, in your own process.

It needs what the server needs (the environment, or an embedded stack that runs in the data directory), and no server:
Redis and the bucket are used directly. So who has it needs no API key, and may do whatever the operator may.
"""

import io
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol, Self, TypeVar

from imagehost.build import build_services
from imagehost.config import load_config, read_environment
from imagehost.embedded import settings
from imagehost.errors import ImageDeleted, ImageNotFound, NotFound, NotOwner, Unavailable
from imagehost.ids import is_id
from imagehost.imaging import formats
from imagehost.models import Image, Page, Position
from imagehost.services import sources
from imagehost.services.bootstrap import OWNER
from imagehost.services.facade import Services
from imagehost.services.palettes import Mode
from imagehost.web.body import validate
from imagehost.web.schemas import PaletteRequest, UploadItem
from imagehost.web.view_schemas import PresignRequest

ATTEMPTS = 4
PAUSE_S = 0.5  # before the second attempt; twice as long before each further one
LISTED = 100  # at once
CHUNK_BYTES = 1 << 20
T = TypeVar("T")
_OBJECT_KEY = re.compile(r"(?:^|/)(?:uploads|variants|incoming)/(\w{24})/(\w{24})/")


class FileStorage(Protocol):
    """A file that a form sent, as werkzeug has it."""

    stream: IO[bytes]
    filename: str | None


class ImageHost:
    """See the module. Safe to share between threads; to be closed, or used in a `with`.

    Every method raises one of `imagehost.errors`: ImageNotFound, ImageDeleted, and NotOwner for what is another
    account's; Unavailable when Redis or the bucket does not answer, after several attempts where a repeat is the same
    (a palette makes another image). An image is named by its id, or by the object key or the address in which that
    stands.
    """

    def __init__(self, services: Services, uid: str) -> None:
        self._services = services
        self.uid = uid

    @classmethod
    def from_env(cls, user: str = OWNER) -> Self:
        """As the account with this user name (or uid), on what the environment and `.env` name, or on the embedded
        stack of the data directory. Raises ConfigError, StackError, and NotFound for an unknown user. This process's
        environment stays as it is."""
        with _unchanged_environment():
            services = build_services(load_config(settings(read_environment())))
        try:
            if (uid := services.accounts.find_uid(user)) is None:
                raise NotFound(f"There is no account {user}.")
            return cls(services, uid)
        except BaseException:
            services.parts.close()
            raise

    def close(self) -> None:
        """End connections and child processes."""
        self._services.parts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def upload_image(
        self,
        data: bytes | IO[bytes] | FileStorage,
        *,
        filename: str | None = None,
        private: bool = False,
        title: str | None = None,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        kind: str | None = None,
        image_expires_in_s: int | None = None,
        keep_metadata: bool = False,
    ) -> Image:
        """Verify an image and publish it, in the crash-safe way of every upload; the details are those of an upload
        request (api.md).

        Raises InvalidRequest, UnsupportedType, ImageTooLarge, QuotaExceeded, TooManyPending, or the gate's verdict."""
        filename = filename or _name_of(data) or "image"
        with tempfile.TemporaryDirectory(prefix="imagehost-") as folder:
            source = Path(folder, "source")
            with source.open("wb") as file:
                _copy(data, file, self._services.config.max_bytes + 1)
            with source.open("rb") as file:
                found = formats.sniff(file.read(formats.HEAD_BYTES))
            announced = {
                "filename": filename,
                "mime": found.mime if found else "application/octet-stream",
                "size": source.stat().st_size,
                "private": private,
                "title": title,
                "tags": list(tags),
                "metadata": dict(metadata or {}),
                "kind": kind,
                "image_expires_in_s": image_expires_in_s,
                "keep_metadata": keep_metadata,
            }
            return self._publish(validate(announced, UploadItem), source)

    def download_image(self, image: str) -> bytes:
        """The bytes of an original, as they are stored."""
        found = self.get_image_metadata(image)

        def read() -> bytes:
            stream = self._services.streaming.open(found, sources.original(found))
            try:
                return b"".join(stream)
            finally:
                stream.close()

        return _persistently(read)

    def image_exists(self, image: str) -> bool:
        """Whether there is such an image, and it is this account's."""
        try:
            self.get_image_metadata(image)
        except (ImageNotFound, ImageDeleted, NotOwner):
            return False
        return True

    def get_image_metadata(self, image: str) -> Image:
        """All that is known of an image."""
        iid = self._parse(image)
        found = _persistently(lambda: self._services.library.get_for_viewer(iid, self.uid)).image
        if found.uid != self.uid:
            raise NotOwner()
        return found

    def create_signed_url(self, image: str, expires_in: int = 259_200, **way: Any) -> str:
        """A URL of an image that is good for `expires_in` seconds, private or not, for who has it; `way` as `presign`
        has it: purpose, or w, h, fit and format."""
        asked = validate({"url_expires_in_s": expires_in, **way}, PresignRequest)
        return self._services.delivery.presign(self.get_image_metadata(image), asked.to_way(), expires_in).url

    def get_public_url(self, image: str) -> str:
        """The address that does not change; of a private image it lets nobody in who has no API key."""
        return self._services.delivery.links(self.get_image_metadata(image)).url

    def remove_image(self, image: str) -> None:
        """Delete an image; nothing brings it back. Raises ImageDeleted when it was deleted before."""
        iid = self._parse(image)
        try:
            self._services.changes.delete(self.uid, iid)
        except Unavailable:
            with suppress(ImageDeleted):  # by the attempt of which nobody could say
                _persistently(lambda: self._services.changes.delete(self.uid, iid))

    def remove_all(self, *, confirm: str, everyone: bool = False) -> int:
        """Delete all images of this account, or of all accounts; how many there were. `confirm` is the account's user
        name or its uid, or the name of the bucket; raises ValueError when it is not."""
        if everyone:
            _check("the bucket", confirm, self._services.config.bucket)
            return sum(
                ImageHost(self._services, uid).remove_all(confirm=uid) for uid in self._services.accounts.list_uids()
            )
        if confirm != self.uid:
            _check("the account", confirm, self._services.accounts.get_profile(self.uid).username)
        removed = 0
        after: Position | None = None
        while True:
            page = self._list(after)
            for published in page.items:
                with suppress(ImageDeleted, ImageNotFound):  # by somebody else meanwhile
                    self.remove_image(published.image.iid)
                    removed += 1
            if page.next is None:
                return removed
            after = page.next

    def _list(self, after: Position | None) -> Page:
        return _persistently(lambda: self._services.library.list_images(self.uid, LISTED, after=after))

    def apply_color_palette(self, image: str, colors: Iterable[str], mode: Mode = "nearest") -> Image:
        """A new image of this account: the same picture in 1 to 16 colours (`#rrggbb`)."""
        asked = validate({"colors": list(colors), "mode": mode}, PaletteRequest)
        found = self.get_image_metadata(image)
        return self._services.palettes.recolour(found, asked.colors, asked.mode).published.image

    def _publish(self, item: UploadItem, source: Path) -> Image:
        services = self._services

        def fetch(path: Path) -> bool:
            shutil.copyfile(source, path)
            return True

        iid = _persistently(
            lambda: services.uploads.reserve(
                self.uid,
                item.to_details(),
                size_bytes=item.size,
                image_expires_in_s=item.image_expires_in_s,
                keep_metadata=item.keep_metadata,
                hold_ms=services.parts.lease_ms,
            )
        )
        return _persistently(lambda: services.completion.publish(self.uid, iid, fetch)).published.image

    def _parse(self, image: str) -> str:
        """The id in an id, an object key or an address. Raises NotOwner for the object key of somebody else's."""
        path = image.partition("?")[0]
        if found := _OBJECT_KEY.search(path):
            if found[1] != self.uid:
                raise NotOwner("The object key is of another account.")
            return found[2]
        if is_id(iid := path.rpartition("/")[2].partition(".")[0]):
            return iid
        raise ImageNotFound()


@contextmanager
def _unchanged_environment() -> Iterator[None]:
    """The embedded stack's AWS_* are not for other clients of this program; ours have them by now."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _persistently(work: Callable[[], T]) -> T:
    """What `work` answers, which may be done again: several attempts, as long as something does not answer. The thread
    that asks sleeps between them: nothing tells it that the store is back, and its caller waits for this answer."""
    for attempt in range(1, ATTEMPTS):
        try:
            return work()
        except Unavailable:
            time.sleep(PAUSE_S * 2 ** (attempt - 1))
    return work()


def _name_of(data: object) -> str | None:
    """What a file is called, without its folders; None for bytes, and for a file without a name."""
    name = getattr(data, "filename", None) or getattr(data, "name", None)
    return re.split(r"[/\\]", name)[-1] or None if isinstance(name, str) else None


def _copy(data: bytes | IO[bytes] | FileStorage, target: IO[bytes], most_bytes: int) -> None:
    """Write all of it, or as much as is enough to see that it is too large."""
    source: Any = io.BytesIO(data) if isinstance(data, bytes) else getattr(data, "stream", data)
    while most_bytes > 0 and (chunk := source.read(min(CHUNK_BYTES, most_bytes))):
        target.write(chunk)
        most_bytes -= len(chunk)


def _check(what: str, confirm: str, wanted: str | None) -> None:
    if confirm != wanted:
        raise ValueError(f"confirm is not the name of {what}")
