"""Published bytes as an answer of the app itself: read from the bucket while they are sent, a chunk at a time."""

import errno
import logging
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus

from flask import Response, request

from imagehost.errors import Unavailable
from imagehost.models import Image
from imagehost.services.sources import Source
from imagehost.web.conditions import asks_part, find_part, is_known
from imagehost.web.context import request_id, services

# Whoever opens an image in a tab of its own gets a document, of this origin: it may do nothing. The browser lays it out
# by a style of its own.
IMAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
# The time for one chunk: who takes 64 KiB no faster is let go. A proxy in front takes each at once.
SEND_S = 30.0
log = logging.getLogger(__name__)


def send(image: Image, source: Source) -> Response:
    """200 with all, 206 with the one range that was asked for, or 304. Raises 412 and 416 as HTTPException, else what
    `Streaming` raises."""
    tag = source.tag
    headers = {
        "Content-Type": source.mime,
        "Content-Disposition": source.disposition,
        "Content-Security-Policy": IMAGE_POLICY,
        "Accept-Ranges": "bytes",
        "ETag": f'"{tag}"',
    }
    if is_known(request.headers, tag):
        return Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    streaming = services().streaming
    if request.method == "HEAD":  # has no parts: RFC 9110, 14.2
        headers["Content-Length"] = str(streaming.get_size(image, source))
        return Response(headers=headers)
    part = None
    if asks_part(request.headers, tag):
        size_bytes = streaming.get_size(image, source)
        if (part := find_part(request.headers["Range"], size_bytes)) is not None:
            headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size_bytes}"
    stream = streaming.open(image, source, part)
    headers["Content-Length"] = str(stream.size_bytes)
    return Response(
        Body(stream, stream.close, request_id(), request.environ.get("gunicorn.socket")),
        status=HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT,
        headers=headers,
        direct_passthrough=True,
    )


class Body:
    """What a WSGI server sends, and closes, after the request itself is over.

    Where the store fails in the middle, the connection is cut: a body shorter than its Content-Length is what tells the
    reader. `asked` is the id of the request, for the log. `socket` (the server's, if it shows it) gets a time-out while
    this is sent: a reader that is there and takes nothing would hold the thread for ever."""

    def __init__(self, chunks: Iterable[bytes], close: Callable[[], None], asked: str, socket: object = None) -> None:
        self._chunks = chunks
        self._close = close
        self._asked = asked
        self._set_timeout: Callable[[float | None], None] = getattr(socket, "settimeout", _nothing)

    def __iter__(self) -> Iterator[bytes]:
        self._set_timeout(SEND_S)
        try:
            yield from self._chunks
        except Unavailable as exc:
            log.warning("answer_cut", extra={"request_id": self._asked, "detail": exc.detail}, exc_info=exc)
            # As if the reader had left: that ends the connection in every server, and is no error of ours.
            raise ConnectionResetError(errno.ECONNRESET, "the store failed in the middle") from exc

    def close(self) -> None:
        """Nothing more is read or sent. Repeating it does nothing."""
        self._close()
        self._set_timeout(None)


def _nothing(_: float | None) -> None:
    """In place of a socket's time-out."""
