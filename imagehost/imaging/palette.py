"""Recolours an image to a few given colours, and finds the colours that it has.

Every pixel gets one of the palette's colours: `nearest` the one that looks most like it (CIELAB); `luminance` the one
whose place in the palette, from dark to light, is that of the pixel's cluster among the image's own colours, so that
the picture keeps its structure in whatever colours. Pillow has no lookup of that kind, so pixels are looked up here, a
strip after the other, in a table of the colours that were met: some eighty nanoseconds a pixel.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from imagehost.imaging import derive, gate
from imagehost.imaging.cielab import Rgb, distance, nearest, to_lab
from imagehost.imaging.variants import fit

FOUND_MAX = 8  # colours of an image
_ALIKE = 10.0  # a distance in CIELAB: colours nearer than that count as one

_EXACT_COLOURS = 1 << 16  # an image of more colours is recoloured by the middles of cells of 4 × 4 × 4 of them
_CELLS = [value & 0xFC | 2 for value in range(256)] * 3
_STRIP_PIXELS = 4_000_000
_SAMPLE_PX = 128
_SEEN = 128  # from this alpha on a pixel counts among an image's colours
_WORDS = "BGRX" if sys.byteorder == "little" else "XRGB"  # a pixel is then the number 0xRRGGBB


class _Lookup(dict[int, int]):
    """From a pixel, 0xRRGGBB, to the place of its new colour; filled as pixels are met. `targets` has that place for
    each of the colours that a pixel may be nearest to."""

    def __init__(self, near: Sequence[Rgb], targets: Sequence[int]) -> None:
        super().__init__()
        self._near = [to_lab(colour) for colour in near]
        self._targets = targets

    def __missing__(self, pixel: int) -> int:
        colour = to_lab((pixel >> 16, pixel >> 8 & 255, pixel & 255))
        self[pixel] = target = self._targets[nearest(colour, self._near)]
        return target


def recolour(source: Path, header: gate.Header, palette: Sequence[Rgb], mode: str, target: Path) -> tuple[int, int]:
    """Write the first frame as a PNG of the palette's colours, upright, its alpha as it was; its size in pixels.

    Raises what a decoder raises, as `gate.decode` does.
    """
    with gate.opened(source, header.format) as frame:
        frame.load()
        lookup = _lookup(frame, palette, mode)
        result, alpha = _looked_up(frame, lookup)
        result.putpalette([value for colour in palette for value in colour])
        if alpha is not None and alpha.getextrema() != (255, 255):
            result = result.convert("RGB")
            result.putalpha(alpha)
        result = derive.turned(result, derive.orientation(frame))
    result.save(target, "PNG")
    return result.size


def find_colours(source: Path, header: gate.Header) -> list[tuple[Rgb, float]]:
    """At most `FOUND_MAX` colours of the first frame, with their shares of what is seen of it, the largest first."""
    with gate.opened(source, header.format) as frame:
        gate.draft(frame, header.format, _SAMPLE_PX)
        frame.load()
        clusters = sorted(_clusters(frame, FOUND_MAX), reverse=True)
    found: dict[Rgb, int] = {}
    for count, colour in clusters:
        alike = next((known for known in found if distance(to_lab(known), to_lab(colour)) < _ALIKE), colour)
        found[alike] = found.get(alike, 0) + count
    total = sum(found.values())
    shares = [(colour, count / total) for colour, count in found.items()]
    return sorted(shares, key=lambda entry: entry[1], reverse=True)


def _lookup(frame: Image.Image, palette: Sequence[Rgb], mode: str) -> _Lookup:
    clusters = [colour for _, colour in _clusters(frame, len(palette))] if mode == "luminance" else []
    if not clusters:
        return _Lookup(palette, range(len(palette)))
    clusters.sort(key=_lightness)
    by_lightness = sorted(range(len(palette)), key=lambda place: _lightness(palette[place]))
    return _Lookup(clusters, _ranked(clusters, palette, by_lightness))


def _ranked(clusters: Sequence[Rgb], palette: Sequence[Rgb], by_lightness: Sequence[int]) -> list[int]:
    """The palette's place for each cluster, both from dark to light; clusters that are fewer are spread over it."""
    if len(clusters) == 1:
        light = to_lab(clusters[0])[0]
        return [min(by_lightness, key=lambda place: abs(to_lab(palette[place])[0] - light))]
    steps, last = len(clusters) - 1, len(by_lightness) - 1
    return [by_lightness[(rank * last + steps // 2) // steps] for rank in range(len(clusters))]


def _lightness(colour: Rgb) -> tuple[float, Rgb]:
    return to_lab(colour)[0], colour


def _clusters(frame: Image.Image, count: int) -> list[tuple[int, Rgb]]:
    """At most `count` colours that stand for all that is seen, and how many pixels of a sample each stands for."""
    # Pixels as they are: a mean of several would be a colour that is nowhere.
    sample = frame.resize(fit(*frame.size, _SAMPLE_PX), Image.Resampling.NEAREST)
    data = derive.to_srgb(sample).convert("RGBA").tobytes()
    seen = b"".join(data[at : at + 3] for at in range(0, len(data), 4) if data[at + 3] >= _SEEN)
    if not seen:
        return []
    row = Image.frombytes("RGB", (len(seen) // 3, 1), seen)
    clustered = row.quantize(count, Image.Quantize.MEDIANCUT, kmeans=1)
    colours = bytes(clustered.getpalette() or [])
    counts = enumerate(clustered.histogram())
    return [(count, (*colours[3 * at : 3 * at + 3],)) for at, count in counts if count]


def _looked_up(frame: Image.Image, lookup: _Lookup) -> tuple[Image.Image, Image.Image | None]:
    """An image of places in the palette, and the alpha of the frame, if it has any."""
    # Greys of 16 bits become ones of 8, which are few.
    few = frame.mode.startswith("I") or frame.getcolors(_EXACT_COLOURS) is not None
    result, alpha = Image.new("P", frame.size), None
    rows = max(1, _STRIP_PIXELS // frame.width)
    for top in range(0, frame.height, rows):
        box = (0, top, frame.width, min(top + rows, frame.height))
        strip = derive.to_srgb(frame.crop(box))
        if strip.mode == "RGBA":
            alpha = alpha or Image.new("L", frame.size)
            alpha.paste(strip.getchannel("A"), box)
            strip = strip.convert("RGB")
        if not few:
            strip = strip.point(_CELLS)
        pixels = memoryview(strip.tobytes("raw", _WORDS)).cast("I")
        result.paste(Image.frombytes("P", strip.size, bytes(map(lookup.__getitem__, pixels))), box)
    return result, alpha
