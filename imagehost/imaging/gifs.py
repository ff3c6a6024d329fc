"""Walks through a GIF's blocks without decoding a pixel (format: GIF89a specification, W3C copy).

Pillow counts a GIF's frames only by visiting all of them, and a file within the size limit can hold more than a
million: `walk` stops at the limit, and sees whether the file has its end mark. `clean` copies the blocks that the
picture is made of: not comments, plain text and applications' data (XMP among them) but for the loop count and the ICC
profile, nor bytes between blocks, nor what follows the end mark.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from imagehost.imaging.containers import cut_off, limited, too_many
from imagehost.imaging.formats import GIF

_EXTENSION, _IMAGE, _TRAILER = b"!,;"
_GRAPHIC_CONTROL, _APPLICATION = 0xF9, 0xFF
_HEAD_BYTES, _FLAGS_AT, _DESCRIPTOR_BYTES = 13, 10, 10
_MARK = re.compile(rb"[!,;]")
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_PROFILE = b"ICCRGBG1012"

# Data come in pieces of at most 255 bytes, and Pillow reads them one by one: a gigabyte of whole pieces has four
# million, and a real image within the limits far fewer.
_MAX_SUB_BLOCKS = 1_000_000


@dataclass(frozen=True)
class GifLayout:
    """`width` and `height` are what a decoder has to allocate: the screen, widened by frames that reach beyond it."""

    width: int
    height: int
    frames: int
    complete: bool


class _Block(NamedTuple):
    """`mark` tells images, extensions and the end mark apart; `label` is an extension's kind."""

    mark: int
    label: int
    start: int
    end: int


def walk(data: bytes, max_frames: int) -> GifLayout:
    """Count frames, but at most one more than `max_frames`; `complete` is False when the file ends before its trailer.

    Raises UnreadableImage when the file is cut into more parts than an image has.
    """
    if len(data) < _HEAD_BYTES:
        return GifLayout(0, 0, 0, complete=False)
    width, height = _pair(data, 6)
    frames = 0
    for block in limited(_blocks(data), GIF):
        if block.mark == _TRAILER:
            return GifLayout(width, height, frames, complete=True)
        if block.mark == _IMAGE:
            (left, top), (wide, high) = _pair(data, block.start + 1), _pair(data, block.start + 5)
            width, height = max(width, left + wide), max(height, top + high)
            frames += 1
            if frames > max_frames:
                break
    return GifLayout(width, height, frames, complete=False)


def clean(data: bytes, keep_metadata: bool) -> bytes:
    """`keep_metadata` keeps XMP; there is no EXIF in a GIF. Raises UnreadableImage when the end mark is missing."""
    kept = [data[: _after_palette(data, _FLAGS_AT, _HEAD_BYTES)]]
    for block in limited(_blocks(data), GIF):
        if block.mark == _TRAILER:
            return b"".join((*kept, b";"))
        if block.mark == _IMAGE:
            kept.append(data[block.start : block.end])
        elif block.label == _GRAPHIC_CONTROL and data[block.start + 2] >= 4:
            kept.append(data[block.start : block.start + 2] + b"\4" + data[block.start + 3 : block.start + 7] + b"\0")
        elif block.label == _APPLICATION:
            kept.append(_application(data[block.start : block.end], keep_metadata))
    raise cut_off(GIF)


def _blocks(data: bytes) -> Iterator[_Block]:
    """Each block that is complete; bytes between blocks are skipped, as Pillow and browsers do."""
    at, pieces = _after_palette(data, _FLAGS_AT, _HEAD_BYTES), 0
    while found := _MARK.search(data, at):
        start, at = found.span()
        mark = data[start]
        if mark == _TRAILER:
            yield _Block(mark, 0, start, at)
            return
        if mark == _EXTENSION:
            at += 1
        else:
            at = _after_palette(data, start + 9, start + _DESCRIPTOR_BYTES) + 1  # the code size of LZW
        while at < len(data) and (length := data[at]):
            at += length + 1
            pieces += 1
        if at >= len(data):
            return
        if pieces > _MAX_SUB_BLOCKS:
            raise too_many(GIF)
        at += 1
        yield _Block(mark, data[start + 1], start, at)


def _application(block: bytes, keep_metadata: bool) -> bytes:
    """What stays of an application's extension: the loop count alone of one that has it. Empty for nothing."""
    name = block[3:14]
    if block[2] != len(name):
        return b""
    if name in _LOOPS:
        at = 14
        while length := block[at]:
            if length >= 3 and block[at + 1] & 7 == 1:
                return block[:14] + b"\3" + block[at + 1 : at + 4] + b"\0"
            at += length + 1
        return b""
    return block if name == _PROFILE or (keep_metadata and name == b"XMP DataXMP") else b""


def _pair(data: bytes, at: int) -> tuple[int, int]:
    return int.from_bytes(data[at : at + 2], "little"), int.from_bytes(data[at + 2 : at + 4], "little")


def _after_palette(data: bytes, flags_at: int, at: int) -> int:
    """`at`, or where the palette ends that begins there, if the flags say that there is one."""
    flags = int.from_bytes(data[flags_at : flags_at + 1], "little")
    return at + (3 << ((flags & 7) + 1)) if flags & 0x80 else at
