"""Boxes of an ISO media file, which an AVIF is (ISO 14496-12): found, read and blanked, in place and without recursion.

A box is never removed, because offsets elsewhere in the file count its bytes: it becomes `free`, full of zeros.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from imagehost.imaging.containers import damaged
from imagehost.imaging.formats import AVIF

FREE = b"free"
Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Box:
    """Offsets in the file: of the header, of what follows it, of the end."""

    kind: bytes
    start: int
    body: int
    end: int

    def blank(self, image: bytearray) -> None:
        image[self.start + 4 : self.start + 8] = FREE
        zero(image, self.body, self.end)


class Reader:
    """Big-endian numbers, one after the other, of a part of a file."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self._data, self.at, self._end = data, at, end

    def take(self, length: int) -> int:
        """The next `length` bytes; 0 for none of them. Raises UnreadableImage at the end."""
        start, self.at = self.at, self.at + length
        if self.at > self._end:
            raise damaged(AVIF)
        return int.from_bytes(self._data[start : self.at], "big")


def find_box(data: bytes, at: int, end: int) -> Box | None:
    """The box at this place; None when it does not fit before `end`."""
    size, kind, body = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], at + 8
    if size == 1:
        size, body = int.from_bytes(data[body : body + 8], "big"), body + 8
    elif size == 0:  # as much as there is
        size = end - at
    return Box(kind, at, body, at + size) if body <= at + size <= end else None


def boxes(data: bytes, at: int, end: int) -> Iterator[Box]:
    """Those that fill this part of a file. Raises UnreadableImage when one does not fit."""
    while at < end:
        box = find_box(data, at, end)
        if box is None:
            raise damaged(AVIF)
        yield box
        at = box.end


def zero(image: bytearray, start: int, end: int) -> None:
    image[start:end] = bytes(end - start)


def merged(ranges: Iterable[Range]) -> list[Range]:
    """The same bytes in ascending ranges that do not touch."""
    result: list[Range] = []
    for start, end in sorted(ranges):
        if start >= end:
            continue
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def without(ranges: Iterable[Range], others: Iterable[Range]) -> Iterator[Range]:
    """What of the ranges lies in none of the others, ascending."""
    holes = deque(merged(others))
    for start, end in merged(ranges):
        at = start
        while holes and holes[0][0] < end:
            hole_start, hole_end = holes[0]
            if hole_start > at:
                yield at, hole_start
            at = max(at, hole_end)
            if hole_end > end:  # it may reach into the next range
                break
            holes.popleft()
        if at < end:
            yield at, end
