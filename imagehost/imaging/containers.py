"""What the walks through all containers share: the words of a refusal, and a bound on the number of parts.

Each module of a container walks through one format's parts (JPEG segments, PNG chunks, GIF blocks, …) without decoding
a pixel, and copies those that its allow-list names. What is unknown is therefore dropped, not carried along.
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from imagehost.errors import UnreadableImage
from imagehost.imaging.formats import Format

T = TypeVar("T")

# A real image has a few thousand at most. Pillow spends microseconds on each in Python: a file of nothing but empty
# parts would use up its CPU time, and so never get a verdict.
MAX_PARTS = 100_000


def cut_off(found: Format) -> UnreadableImage:
    return UnreadableImage(f"The {found.name} file ends before the image does.")


def damaged(found: Format) -> UnreadableImage:
    return UnreadableImage(f"The {found.name} file is damaged: it cannot be decoded as an image.")


def limited(parts: Iterable[T], found: Format) -> Iterator[T]:
    """The same parts. Raises UnreadableImage when there are more than a real image has."""
    for number, part in enumerate(parts):
        if number >= MAX_PARTS:
            raise too_many(found)
        yield part


def too_many(found: Format) -> UnreadableImage:
    return UnreadableImage(f"The {found.name} file is cut into more parts than an image has.")
