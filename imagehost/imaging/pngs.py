"""Copies a PNG or APNG without what does not belong to its picture (format: W3C, PNG, third edition).

Kept are the chunks that decoding, colours, density and animation need. All else goes: text, time, EXIF but for the
orientation, chunks that are not known, and what follows the end mark.
"""

import zlib
from collections.abc import Iterator

from imagehost.imaging import exif
from imagehost.imaging.containers import cut_off, limited
from imagehost.imaging.formats import PNG

_SIGNATURE_BYTES = 8
_AROUND_BYTES = 12  # length and kind before the body, checksum after it
_NEEDED = frozenset((b"IHDR", b"PLTE", b"IDAT", b"fdAT"))
# What else is kept, each once, but for the frames, and only in a size that it can have: more would be something else.
_MOST_BYTES = {
    b"tRNS": 256,
    b"gAMA": 4,
    b"cHRM": 32,
    b"sRGB": 1,
    b"sBIT": 4,
    b"cICP": 4,
    b"mDCV": 24,
    b"cLLI": 8,
    b"bKGD": 6,
    b"pHYs": 9,
    b"acTL": 8,
    b"fcTL": 26,
    b"iCCP": 1 << 31,
}
_XMP = b"XML:com.adobe.xmp\0"


def clean(data: bytes, keep_metadata: bool) -> bytes:
    """Raises UnreadableImage when the end mark is missing."""
    kept = [data[:_SIGNATURE_BYTES]]
    seen: set[bytes] = set()
    for kind, start, end in limited(_chunks(data), PNG):
        if kind == b"IEND":
            return b"".join((*kept, _chunk(kind, b"")))
        if kind in _NEEDED or (keep_metadata and _is_xmp(kind, data, start)):
            kept.append(data[start:end])
        elif kind in _MOST_BYTES:
            if end - start - _AROUND_BYTES <= _MOST_BYTES[kind] and (kind not in seen or kind == b"fcTL"):
                kept.append(data[start:end])
        elif kind != b"eXIf" or kind in seen or b"IDAT" in seen:  # browsers believe the first, before the pixels
            continue
        elif keep_metadata:
            kept.append(data[start:end])
        else:
            tiff = exif.minimal(data[start + 8 : end - 4])
            kept.append(_chunk(kind, tiff) if tiff else b"")
        seen.add(kind)
    raise cut_off(PNG)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of each chunk that is complete."""
    start = _SIGNATURE_BYTES
    while (end := start + _AROUND_BYTES + int.from_bytes(data[start : start + 4], "big")) <= len(data):
        yield data[start + 4 : start + 8], start, end
        start = end


def _is_xmp(kind: bytes, data: bytes, start: int) -> bool:
    return kind == b"iTXt" and data.startswith(_XMP, start + 8)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")
