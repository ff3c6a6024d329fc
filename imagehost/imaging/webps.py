"""Copies a WebP without what does not belong to its picture (format: RFC 9649, RIFF chunks).

Kept are image data, transparency, animation and the ICC profile, and of EXIF the orientation. All else goes: XMP,
chunks that are not known, also inside of frames, and what follows the RIFF chunk. Sizes and flags are corrected.
"""

from collections.abc import Iterator

from imagehost.imaging import exif
from imagehost.imaging.containers import cut_off, damaged, limited
from imagehost.imaging.formats import WEBP

_HEAD_BYTES = 12  # RIFF, size, WEBP
_IMAGE = frozenset((b"VP8 ", b"VP8L", b"ALPH"))
_FRAME_HEAD_BYTES = 16
_EXTENDED_BYTES = 10
# Bits of the first byte of VP8X. Readers look for these chunks only where the bit is set.
_FLAGS = {b"ICCP": 0x20, b"EXIF": 0x08, b"XMP ": 0x04}
_ALPHA, _ANIMATION = 0x10, 0x02


def clean(data: bytes, keep_metadata: bool) -> bytes:
    """Raises UnreadableImage when a chunk reaches beyond the file or beyond what contains it."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise cut_off(WEBP)
    chunks = limited(_chunks(data, _HEAD_BYTES, end), WEBP)
    first = next(chunks, None)
    if first is None:
        raise cut_off(WEBP)
    kind, body = first
    kept = _extended(body, chunks, keep_metadata) if kind == b"VP8X" else _chunk(kind, body)
    return b"RIFF" + (len(kept) + 4).to_bytes(4, "little") + b"WEBP" + kept


def _chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of each chunk; one of odd length has a byte more, as libwebp insists."""
    while at + 8 <= end:
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8
        if at + length + (length & 1) > end:
            raise damaged(WEBP)
        yield kind, data[at : at + length]
        at += length + (length & 1)


def _extended(head: bytes, chunks: Iterator[tuple[bytes, bytes]], keep_metadata: bool) -> bytes:
    """The VP8X chunk and what follows it."""
    if len(head) < _EXTENDED_BYTES:
        raise damaged(WEBP)
    flags = head[0] & (_ALPHA | _ANIMATION)
    seen: set[bytes] = set()
    kept: list[bytes] = []
    for kind, body in chunks:
        if kind in _IMAGE:
            kept.append(_chunk(kind, body))
        elif kind == b"ANMF":
            kept.append(_chunk(kind, _frame(body)))
        elif kind in seen:  # readers take the first of the others
            continue
        elif kind == b"ANIM":
            kept.append(_chunk(kind, body))
        elif head[0] & _FLAGS.get(kind, 0) and (stays := _described(kind, body, keep_metadata)):
            flags |= _FLAGS[kind]
            kept.append(_chunk(kind, stays))
        seen.add(kind)
    return b"".join((_chunk(b"VP8X", bytes((flags, 0, 0, 0)) + head[4:_EXTENDED_BYTES]), *kept))


def _described(kind: bytes, body: bytes, keep_metadata: bool) -> bytes:
    """What stays of a chunk that tells of the image; empty for nothing."""
    if kind == b"ICCP" or keep_metadata:
        return body
    return exif.minimal(body) if kind == b"EXIF" else b""


def _frame(body: bytes) -> bytes:
    if len(body) < _FRAME_HEAD_BYTES:
        raise damaged(WEBP)
    inner = limited(_chunks(body, _FRAME_HEAD_BYTES, len(body)), WEBP)
    return body[:_FRAME_HEAD_BYTES] + b"".join(_chunk(kind, part) for kind, part in inner if kind in _IMAGE)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "little") + body + bytes(len(body) & 1)
