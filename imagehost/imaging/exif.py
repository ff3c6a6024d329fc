"""Reads one thing from an EXIF block, the orientation, and writes a block that says nothing else.

EXIF is a TIFF file without pixels (EXIF 2.32, TIFF 6.0): byte order, offset of the first directory, its entries of 12
bytes each.
"""

import struct

PREFIX = b"Exif\0\0"
"""Stands before the TIFF header in a JPEG, and by mistake in some files of other formats."""

_ORIENTATION_TAG = 0x0112
_SHORT = 3
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_HEADER_BYTES, _ENTRY_BYTES = 8, 12


def orientation(block: bytes) -> int:
    """1–8; 1 when there is none, or none that browsers believe: one SHORT, in the first directory."""
    tiff = block.removeprefix(PREFIX)
    order = _ORDERS.get(tiff[:4])
    if order is None or len(tiff) < _HEADER_BYTES:
        return 1
    (at,) = struct.unpack_from(order + "I", tiff, 4)
    if not _HEADER_BYTES <= at <= len(tiff) - 2:
        return 1
    (count,) = struct.unpack_from(order + "H", tiff, at)
    entries = at + 2
    for entry in range(entries, min(entries + count * _ENTRY_BYTES, len(tiff) - _ENTRY_BYTES + 1), _ENTRY_BYTES):
        tag, kind, length, value = struct.unpack_from(order + "HHIH", tiff, entry)
        if tag == _ORIENTATION_TAG:
            return value if (kind, length) == (_SHORT, 1) and 1 <= value <= 8 else 1
    return 1


def minimal(block: bytes) -> bytes:
    """A TIFF block with the orientation of this one and nothing else; empty when that is upright. Never longer."""
    turn = orientation(block)
    if turn == 1:
        return b""
    tiff = struct.pack(">2sHIHHHIHHI", b"MM", 42, _HEADER_BYTES, 1, _ORIENTATION_TAG, _SHORT, 1, turn, 0, 0)
    # The last four bytes, the offset of no further directory, are missing where they were.
    return tiff[: len(block.removeprefix(PREFIX))]
