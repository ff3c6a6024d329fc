"""Copies a JPEG without what does not belong to its picture (format: ITU-T T.81, JFIF 1.02).

Kept are the segments that decoding needs, the JFIF header without its thumbnail, Adobe's colour transform and the ICC
profile. All else goes: other application segments (EXIF, XMP, IPTC, the index of further photographs), comments, bytes
between segments, and what follows the first end mark, such as the further photographs themselves.
"""

import re
from collections.abc import Iterator

from imagehost.imaging import exif
from imagehost.imaging.containers import cut_off, limited, too_many
from imagehost.imaging.formats import JPEG

_SOS, _EOI, _APP0, _APP1, _APP2, _APP14 = 0xDA, 0xD9, 0xE0, 0xE1, 0xE2, 0xEE
# SOF0–15 with DHT and DAC among them, but not the reserved JPG; SOS, DQT, DNL, DRI.
_DECODING = frozenset((*range(0xC0, 0xD0), _SOS, 0xDB, 0xDC, 0xDD)) - {0xC8}

_MARKER = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd8]")  # TEM, RST0–7 and SOI have no length, and no use here
_SCAN_END = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # entropy-coded data has stuffed zeros and restarts in it

# Progressive images have 10 or 20. A scan of 75 bytes has the decoder go through all coefficients of the image.
_MAX_SCANS = 64

_JFIF, _JFIF_BYTES = b"JFIF\0", 14
_ADOBE, _ADOBE_BYTES = b"Adobe", 12
_ICC = b"ICC_PROFILE\0"
_XMP = (b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0")


def clean(data: bytes, keep_metadata: bool) -> bytes:
    """Raises UnreadableImage when the end mark is missing, or for more scans than an image has."""
    kept = [data[:2]]
    seen: set[bytes] = set()
    scans = 0
    for kind, start, end in limited(_segments(data), JPEG):
        if kind == _EOI:
            return b"".join((*kept, data[start:end]))
        if kind in _DECODING:
            kept.append(data[start:end])
            scans += kind == _SOS
            if scans > _MAX_SCANS:
                raise too_many(JPEG)
        elif not scans:  # readers look for the others before the first scan only
            kept.append(_application(kind, data[start + 4 : end], seen, keep_metadata))
    raise cut_off(JPEG)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment that is complete; a scan's data belong to its header."""
    at = 2
    while found := _MARKER.search(data, at):
        start, at = found.span()
        kind = data[start + 1]
        if kind == _EOI:
            yield kind, start, at
            return
        at += max(2, int.from_bytes(data[at : at + 2], "big"))
        if at > len(data):
            return
        if kind == _SOS:
            scan_end = _SCAN_END.search(data, at)
            if scan_end is None:
                return
            at = scan_end.start()
        yield kind, start, at


def _application(kind: int, body: bytes, seen: set[bytes], keep_metadata: bool) -> bytes:
    """What stays of a segment; empty for nothing. Of several JFIF or EXIF segments the first counts, as for readers."""
    if kind == _APP0 and body.startswith(_JFIF) and len(body) >= _JFIF_BYTES and _JFIF not in seen:
        seen.add(_JFIF)
        return _segment(kind, body[: _JFIF_BYTES - 2] + b"\0\0")  # the size of its thumbnail
    if kind == _APP14 and body.startswith(_ADOBE) and len(body) >= _ADOBE_BYTES:
        return _segment(kind, body[:_ADOBE_BYTES])
    if kind == _APP2 and body.startswith(_ICC):
        return _segment(kind, body)
    if kind == _APP1 and keep_metadata and body.startswith((exif.PREFIX, *_XMP)):
        return _segment(kind, body)
    if kind == _APP1 and body.startswith(exif.PREFIX) and exif.PREFIX not in seen:
        seen.add(exif.PREFIX)
        tiff = exif.minimal(body)
        return _segment(kind, exif.PREFIX + tiff) if tiff else b""
    return b""


def _segment(kind: int, body: bytes) -> bytes:
    return bytes((0xFF, kind)) + (len(body) + 2).to_bytes(2, "big") + body
