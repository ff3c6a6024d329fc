"""Decides whether a file is an image that may be published: paths in, values out.

Owns the limits and the order of the looks: signature (then the file is sanitised) → header (limits, before pixels are
allocated) → `verify()` → reopen → `load()` of every frame. `verify()` and `load()` each find damage that the other
misses. Raises `errors.Refused` for what our own rules refuse; whatever a decoder raises comes through raw, because only
the caller knows whether the decoder may have been short of memory. It runs in sandbox children only, never in a web
process.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PIL import AvifImagePlugin, Image

from imagehost.errors import ImageDimensions, UnreadableImage, UnsupportedImage
from imagehost.imaging import formats, gifs
from imagehost.imaging.containers import cut_off

T = TypeVar("T")

MAX_FRAME_PIXELS = 50_000_000
MAX_FRAMES = 500
MAX_TOTAL_PIXELS = 200_000_000

# Pillow refuses more than twice this number with an error, in some formats before it allocates the canvas; the
# warning that it gives from this number on is of no use to us.
Image.MAX_IMAGE_PIXELS = MAX_FRAME_PIXELS // 2
# A gate is one image at a time; a decoder's own threads would add memory per core and could deadlock in a fork.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1


@dataclass(frozen=True)
class Header:
    """What is known before any pixel is decoded; `width` and `height` in pixels as stored, before the orientation."""

    format: formats.Format
    width: int
    height: int
    frames: int


def find_format(path: Path) -> formats.Format:
    """The one format that the file can be. Raises UnreadableImage (empty file), UnsupportedImage, OSError."""
    with path.open("rb") as file:
        head = file.read(formats.HEAD_BYTES)
    if not head:
        raise UnreadableImage("The file is empty.")
    found = formats.sniff(head)
    if found is None:
        raise UnsupportedImage("The file is not a PNG, JPEG, GIF, WebP or AVIF image.")
    return found


def read_header(path: Path, found: formats.Format) -> Header:
    """Raises UnreadableImage, UnsupportedImage, ImageDimensions; OSError and the decoder's errors come through."""
    if found is formats.GIF:
        return _gif_header(gifs.walk(path.read_bytes(), MAX_FRAMES))
    try:
        with opened(path, found) as image:
            frames = 1 if found is formats.JPEG else int(getattr(image, "n_frames", 1))
            return _within_limits(Header(found, image.width, image.height, frames))
    except Image.DecompressionBombError as exc:
        raise ImageDimensions(_TOO_MANY_PIXELS) from exc


def decode(path: Path, header: Header, draft_px: int, take_first: Callable[[Image.Image], T]) -> T:
    """Decode the whole file once, and return what `take_first` made of the first frame.

    A JPEG is decoded at a reduced scale (DCT scaling), at which its longer side keeps at least `draft_px`: all bytes
    are still entropy-decoded, so damage is found as by a full decode, for a quarter of its cost.
    """
    with opened(path, header.format) as image:
        image.verify()
    with opened(path, header.format) as image:
        if (image.width, image.height) != (header.width, header.height) and header.format is not formats.GIF:
            raise UnreadableImage("The file contradicts itself about its size.")
        draft(image, header.format, draft_px)
        image.load()
        first = take_first(image)
        for number in range(1, header.frames):
            image.seek(number)
            image.load()
        return first


def draft(image: Image.Image, wanted: formats.Format, px: int) -> None:
    """Have a JPEG decoded at the smallest scale at which its longer side keeps `px`."""
    if wanted is formats.JPEG:
        shrink = min(1.0, px / max(image.size))
        image.draft(image.mode, (max(1, int(image.width * shrink)), max(1, int(image.height * shrink))))


@contextmanager
def opened(path: Path, wanted: formats.Format) -> Iterator[Image.Image]:
    """The image, by the one decoder of that format. Raises UnsupportedImage; the decoder's errors come through."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(path, formats=[wanted.pillow]) as image:
            if image.format not in wanted.reported:
                raise UnsupportedImage(f"The file starts as {wanted.name} and is something else.")
            yield image


def _gif_header(layout: gifs.GifLayout) -> Header:
    header = _within_limits(Header(formats.GIF, layout.width, layout.height, layout.frames))
    if not layout.complete:
        raise cut_off(formats.GIF)
    if not layout.frames:
        raise UnreadableImage("The GIF file holds no image.")
    return header


def _within_limits(header: Header) -> Header:
    pixels = header.width * header.height
    if pixels > MAX_FRAME_PIXELS:
        raise ImageDimensions(f"The image is {header.width} × {header.height} pixels. {_TOO_MANY_PIXELS}")
    if header.frames > MAX_FRAMES:
        raise ImageDimensions(f"The image has more than {MAX_FRAMES} frames.")
    if pixels * header.frames > MAX_TOTAL_PIXELS:
        raise ImageDimensions(
            f"The image has {header.frames} frames of {header.width} × {header.height} pixels; "
            f"at most {MAX_TOTAL_PIXELS // 1_000_000} megapixels over all frames are accepted."
        )
    return header


_TOO_MANY_PIXELS = f"At most {MAX_FRAME_PIXELS // 1_000_000} megapixels are accepted."
