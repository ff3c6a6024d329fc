"""Objects on their way from the store to somebody else: a chunk at a time, never the whole."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

from imagehost.storage.client import translated

if TYPE_CHECKING:
    from botocore.response import StreamingBody

CHUNK_BYTES = 64 * 1024


class Stream:
    """`size_bytes` bytes, to be gone through once; one chunk is held. Going on raises Unavailable when the store fails
    or stops before the end. To be closed: a connection that was read to its end is used again, any other ends."""

    def __init__(self, body: "StreamingBody", size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._body = body
        self._first = b""

    @classmethod
    def begin(cls, body: "StreamingBody", size_bytes: int) -> Self:
        """With the first chunk read; closed again when that fails."""
        stream = cls(body, size_bytes)
        try:
            stream._first = stream._read()
        except BaseException:
            stream.close()
            raise
        return stream

    def __iter__(self) -> Iterator[bytes]:
        chunk = self._first
        while chunk:
            yield chunk
            chunk = self._read()

    def close(self) -> None:
        """Whatever is left is not read. Repeating it does nothing."""
        self._body.close()

    @translated
    def _read(self) -> bytes:
        return self._body.read(CHUNK_BYTES)
