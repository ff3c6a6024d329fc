"""The bytes of published images, read from the bucket to be served by the app itself: a chunk at a time."""

from imagehost.errors import ImagehostError, Unavailable
from imagehost.models import Image
from imagehost.services.death import find_end
from imagehost.services.parts import Parts
from imagehost.services.sources import Source
from imagehost.storage.streams import Stream


class Streaming:
    """All methods raise Unavailable when the bucket does not answer, or does not hold what it should; ImageDeleted or
    ImageNotFound when the bytes are gone because the image is."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def get_size(self, image: Image, source: Source) -> int:
        """How many bytes there are; asks the bucket only where nothing else knows."""
        if source.size_bytes is not None:
            return source.size_bytes
        if (size_bytes := self._parts.objects.find_size(source.object_key)) is None:
            raise self._missing(image)
        return size_bytes

    def open(self, image: Image, source: Source, part: range | None = None) -> Stream:
        """The bytes, or a part of them; to be closed."""
        if (stream := self._parts.objects.open(source.object_key, part)) is None:
            raise self._missing(image)
        wanted_bytes = source.size_bytes if part is None else len(part)
        if wanted_bytes not in (None, stream.size_bytes):
            stream.close()
            raise Unavailable("The stored image is damaged.")
        return stream

    def _missing(self, image: Image) -> ImagehostError:
        return find_end(self._parts, image) or Unavailable("The stored image is missing.")
