"""Walks through a GIF's blocks without decoding a pixel (format: GIF89a specification, W3C copy).

Pillow counts a GIF's frames only by visiting all of them, and a file within the size limit can hold more than a
million. This walk stops at the limit, and sees whether the file has its end mark.
"""

from dataclasses import dataclass
from typing import BinaryIO

_EXTENSION, _IMAGE, _TRAILER = b"!", b",", b";"


@dataclass(frozen=True)
class GifLayout:
    """`width` and `height` are what a decoder has to allocate: the screen, widened by frames that reach beyond it."""

    width: int
    height: int
    frames: int
    complete: bool


def walk(file: BinaryIO, max_frames: int) -> GifLayout:
    """Count frames, but at most one more than `max_frames`; `complete` is False when the file ends before its trailer.

    Bytes between blocks are skipped, as Pillow and browsers do.
    """
    head = file.read(13)
    if len(head) < 13:
        return GifLayout(0, 0, 0, complete=False)
    width, height = int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
    _skip_palette(file, head[10])
    frames = 0
    while frames <= max_frames:
        mark = file.read(1)
        if mark == _TRAILER:
            return GifLayout(width, height, frames, complete=True)
        if mark == _EXTENSION:
            file.read(1)
        elif mark == _IMAGE:
            left, top, wide, high, flags = _descriptor(file.read(9))
            width, height = max(width, left + wide), max(height, top + high)
            _skip_palette(file, flags)
            file.read(1)  # the code size of LZW
            frames += 1
        elif mark:
            continue
        if not mark or not _skip_sub_blocks(file):
            break
    return GifLayout(width, height, frames, complete=False)


def _descriptor(raw: bytes) -> tuple[int, int, int, int, int]:
    raw = raw.ljust(9, b"\0")
    left, top, wide, high = (int.from_bytes(raw[at : at + 2], "little") for at in (0, 2, 4, 6))
    return left, top, wide, high, raw[8]


def _skip_palette(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        file.read(3 << ((flags & 7) + 1))


def _skip_sub_blocks(file: BinaryIO) -> bool:
    """False when the file ends inside them."""
    while length := file.read(1):
        if length == b"\0":
            return True
        if len(file.read(length[0])) < length[0]:
            return False
    return False
