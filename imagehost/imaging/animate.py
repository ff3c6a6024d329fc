"""Makes derivatives that move: every frame of an animation reduced, one after the other, into one WebP.

A source's frames may add up to a gigabyte, so none is kept: Pillow's writer is given an image that renders its next
frame when the writer comes to it.
"""

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from imagehost.imaging import derive, gate
from imagehost.imaging.formats import GIF
from imagehost.imaging.variants import Variant

# Half the time of the method that stills are saved with, for a twelfth more bytes: there may be 500 frames.
_METHOD = 0


class _Film(Image.Image):
    """Frames that are met once, in their order; all have the size of the first."""

    def __init__(self, frames: Iterator[Image.Image], count: int) -> None:
        super().__init__()
        first = next(frames)
        self._mode, self._size, self.im = first.mode, first.size, first.im
        self.n_frames = count
        self._frames = frames
        self._at = 0

    def seek(self, frame: int) -> None:
        if frame > self._at:
            self._at = frame
            self.im = next(self._frames).im


def write_animation(path: Path, header: gate.Header, variant: Variant, target: Path) -> tuple[int, int]:
    """Write the variant of an animated image, which plays as often and as fast; its width and height in pixels.

    Raises what a decoder raises, as `gate.decode` does.
    """
    durations_ms: list[float] = []  # grows as frames are rendered; the writer asks for each after its frame
    with gate.opened(path, header.format) as image:
        # A PNG may begin with a picture for programs that do not know of animation; it is no part of it.
        start = 1 if image.info.get("default_image") else 0

        def render() -> Iterator[Image.Image]:
            for number in range(start, header.frames):
                image.seek(number)
                image.load()
                durations_ms.append(image.info.get("duration", 0))
                # A GIF's frame may reach beyond the first, which is what everybody shows.
                shown = image if image.size == size else image.crop((0, 0, *size))
                yield derive.fitted(derive.make_seed(shown, size, px), variant).convert("RGBA")

        image.load()
        size, px = image.size, derive.seed_px([variant], *image.size)
        film = _Film(render(), header.frames - start)
        options = {"quality": derive.QUALITY, "method": _METHOD, "loop": _plays(image, header)}
        film.save(target, "WEBP", save_all=True, duration=durations_ms, **options)
        return film.size


def _plays(image: Image.Image, header: gate.Header) -> int:
    """How often the animation plays, 0 for ever. A GIF says how often it is repeated (NETSCAPE2.0 extension), or
    nothing for once; the other formats say how often it plays."""
    if header.format is not GIF:
        return int(image.info.get("loop", 0))
    repeats = image.info.get("loop")
    if repeats is None:
        return 1
    return int(repeats) + 1 if repeats else 0
