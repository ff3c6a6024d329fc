"""ThumbHash: what an image looks like, in 25 bytes, to be shown while its thumbnail loads. No Pillow in here: the
parent uses it to check what a child says it made.

The format is Evan Wallace's (https://evanw.github.io/thumbhash/), after his `thumbhash.js` 0.1.1 (MIT): the lowest
components of a cosine transform of luminance, of two colours, and of alpha. His loops walk through all pixels once a
component; here each row is summed up first, which gives the same numbers.
"""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import cos, floor, pi
from operator import mul

MAX_PX = 32
"""Of the longer side of what is encoded. The format allows 100; the fastest component has three waves, which these show
as well: of its four bits the last differs now and then."""

_COLOUR = 3  # components along a side: of the colours, of alpha, of luminance beside alpha, of luminance alone
_ALPHA = 5
_WITH_ALPHA = 5
_OPAQUE = 7
_FLAT = 1e-9  # less than this is the noise of adding up, and would be written as components

_HEADER_BYTES = 5
_MAX_BYTES = 25


@dataclass(frozen=True)
class _Channel:
    """The mean, the other components in 0–1 around ½, and the factor that they have to be spread by."""

    mean: float
    components: Sequence[float]
    scale: float


def encode(width: int, height: int, rgba: bytes) -> str:
    """The ThumbHash of an image, in base64; `rgba` are its rows, with alpha not multiplied in. Raises ValueError unless
    the image fits `MAX_PX` and has that many pixels."""
    if not (0 < width <= MAX_PX and 0 < height <= MAX_PX and len(rgba) == 4 * width * height):
        raise ValueError(f"not an image of at most {MAX_PX} × {MAX_PX} pixels")
    has_alpha = rgba[3::4].count(255) < width * height
    limit = _WITH_ALPHA if has_alpha else _OPAQUE
    across = max(1, _round(limit * width / max(width, height)))
    down = max(1, _round(limit * height / max(width, height)))

    waves = _waves(width), _waves(height)
    luminance, *colours, alpha = _planes(rgba)
    light = _transform(luminance, *waves, max(3, across), max(3, down))
    p, q = (_transform(plane, *waves, _COLOUR, _COLOUR) for plane in colours)
    channels = [light, p, q]

    wide = width > height
    head = _round(63 * light.mean) | _round(31.5 + 31.5 * p.mean) << 6 | _round(31.5 + 31.5 * q.mean) << 12
    head |= _round(31 * light.scale) << 18 | has_alpha << 23
    head |= (down if wide else across) << 24 | _round(63 * p.scale) << 27 | _round(63 * q.scale) << 33 | wide << 39
    data = bytearray(head.to_bytes(_HEADER_BYTES, "little"))
    if has_alpha:
        channels.append(a := _transform(alpha, *waves, _ALPHA, _ALPHA))
        data.append(_round(15 * a.mean) | _round(15 * a.scale) << 4)
    data += _packed(_round(15 * value) for channel in channels for value in channel.components)
    return base64.b64encode(data).decode()


def is_placeholder(text: str) -> bool:
    """Whether this can be a ThumbHash: base64 of so many bytes."""
    try:
        return _HEADER_BYTES < len(base64.b64decode(text, validate=True)) <= _MAX_BYTES
    except (binascii.Error, ValueError):
        return False


def _planes(rgba: bytes) -> tuple[list[float], list[float], list[float], list[float]]:
    """Luminance, yellow minus blue, red minus green, and alpha; what is transparent has the mean colour of the rest."""
    alpha = [value / 255 for value in rgba[3::4]]
    seen = sum(alpha) or 1.0
    bands = []
    for band in (rgba[0::4], rgba[1::4], rgba[2::4]):
        mean = sum(map(mul, alpha, band)) / 255 / seen
        bands.append([mean * (1 - a) + a / 255 * value for a, value in zip(alpha, band, strict=True)])
    colours = list(zip(*bands, strict=True))
    return (
        [(r + g + b) / 3 for r, g, b in colours],
        [(r + g) / 2 - b for r, g, b in colours],
        [r - g for r, g, _ in colours],
        alpha,
    )


def _waves(length: int) -> list[list[float]]:
    """The cosines that a side of so many pixels is compared with, the slowest first."""
    return [[cos(pi / length * n * (at + 0.5)) for at in range(length)] for n in range(_OPAQUE)]


def _transform(
    plane: Sequence[float], across: list[list[float]], down: list[list[float]], nx: int, ny: int
) -> _Channel:
    """The components of a plane below the diagonal of a rectangle of nx × ny, a row after the other."""
    width = len(across[0])
    rows = [plane[start : start + width] for start in range(0, len(plane), width)]
    sums = [[sum(map(mul, row, wave)) for row in rows] for wave in across[:nx]]
    mean, *found = (
        sum(map(mul, sums[cx], down[cy])) / len(plane)
        for cy in range(ny)
        for cx in range(nx)
        if cx * ny < nx * (ny - cy)
    )
    scale = max(map(abs, found))
    if scale < _FLAT:
        return _Channel(mean, [0.0] * len(found), 0.0)
    return _Channel(mean, [0.5 + 0.5 / scale * value for value in found], scale)


def _packed(digits: Iterable[int]) -> bytes:
    """Two digits of four bits a byte, the lower first."""
    found = list(digits)
    return bytes(low | high << 4 for low, high in zip_longest(found[::2], found[1::2], fillvalue=0))


def _round(value: float) -> int:
    """As JavaScript does: a half is rounded up."""
    return floor(value + 0.5)
