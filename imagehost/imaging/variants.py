"""Recipes of derivatives: the named ones, and any size of the ladder. No Pillow in here: the parent uses it to check
what a child says it made.

A recipe goes by the name of its file (`thumb.webp`, `w640h480-cover.avif`), in the bucket and wherever it is told.
"""

import re
from dataclasses import dataclass
from typing import Literal

from imagehost.mediatypes import EXTENSIONS

Fit = Literal["contain", "cover"]

LADDER_PX = (64, 160, 320, 400, 640, 800, 1280, 1600, 2048, 2560)
"""The sides that may be asked for, so that one image has a bounded number of derivatives."""

FormatName = Literal["webp", "avif", "jpeg", "png"]
FORMATS: dict[FormatName, str] = {"webp": "image/webp", "avif": "image/avif", "jpeg": "image/jpeg", "png": "image/png"}
"""What derivatives may be written as, as an address names it."""

_MIMES = {EXTENSIONS[mime]: mime for mime in FORMATS.values()}
_SIZE = re.compile(r"(?:w([1-9][0-9]{1,3}))?(?:h([1-9][0-9]{1,3}))?(-cover)?")


@dataclass(frozen=True)
class Variant:
    """`width_px` and `height_px` are the box (None: unbounded). An image is never enlarged: `contain` shows all of it
    inside the box; `cover` has the proportions of the box, and cuts off what sticks out, on both sides the same.
    `on_demand`: made when first asked for. Only WebP moves where its image does, and only on demand."""

    name: str
    mime: str
    width_px: int | None
    height_px: int | None
    fit: Fit = "contain"
    on_demand: bool = True

    @property
    def file_name(self) -> str:
        """What the derivative is called in the bucket."""
        return f"{self.name}.{EXTENSIONS[self.mime]}"

    @property
    def may_move(self) -> bool:
        return self.on_demand and self.mime == "image/webp"

    def box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """The part of an image of this size that is shown: left, top, right, bottom."""
        if self.fit == "contain" or self.width_px is None or self.height_px is None:
            return 0, 0, width, height
        wide = min(width, height * self.width_px / self.height_px)
        high = min(height, width * self.height_px / self.width_px)
        left, top = (width - wide) / 2, (height - high) / 2
        return left, top, left + wide, top + high

    def scale(self, width: int, height: int) -> float:
        """How much smaller everything becomes; at most 1."""
        left, top, right, bottom = self.box(width, height)
        sides = ((self.width_px, right - left), (self.height_px, bottom - top))
        return min(1.0, *(bound / side for bound, side in sides if bound is not None))

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The size of the derivative of an image of this size."""
        left, top, right, bottom = self.box(width, height)
        scale = self.scale(width, height)
        return max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))

    def is_needed(self, width: int, height: int) -> bool:
        """Whether an image of this size is not as good itself. For a size it never is: that stands upright, in sRGB,
        without what the image's owner has kept in it."""
        return self.name not in VARIANTS or self.size(width, height) != (width, height)


def _square(name: str, side_px: int, *, on_demand: bool) -> Variant:
    return Variant(name, "image/webp", side_px, side_px, on_demand=on_demand)


THUMB = _square("thumb", 400, on_demand=False)
PREVIEW = _square("preview", 1600, on_demand=True)
VARIANTS: dict[str, Variant] = {v.name: v for v in (THUMB, PREVIEW)}
"""Those that have a name, and that everybody may ask for who may see their image."""


def fit(width: int, height: int, side_px: int) -> tuple[int, int]:
    """The size with the same proportions that fits a square of this side; never larger than the given one."""
    return _square("", side_px, on_demand=False).size(width, height)


def size_name(width_px: int | None, height_px: int | None, fit: Fit) -> str:
    """The name of a size: `w640`, `h480`, `w640h480`, `w640h480-cover`."""
    wide = f"w{width_px}" if width_px else ""
    high = f"h{height_px}" if height_px else ""
    return wide + high + ("-cover" if fit == "cover" else "")


def sized(name: str, mime: str) -> Variant:
    """The variant of a size by its name. Raises ValueError unless that is one of the ladder, and the format is ours."""
    found = _SIZE.fullmatch(name)
    if found is None or mime not in FORMATS.values():
        raise ValueError(f"no variant: {name} as {mime}")
    width_px, height_px = (int(side) if side else None for side in found.groups()[:2])
    fit: Fit = "cover" if found[3] else "contain"
    sides = [side for side in (width_px, height_px) if side is not None]
    if not sides or not set(sides) <= set(LADDER_PX) or (fit == "cover" and len(sides) < 2):
        raise ValueError(f"no size of the ladder: {name}")
    return Variant(name, mime, width_px, height_px, fit)


def from_file_name(file_name: str) -> Variant:
    """The variant that a file is of. Raises ValueError."""
    name, _, extension = file_name.partition(".")
    if (known := VARIANTS.get(name)) is not None and known.file_name == file_name:
        return known
    return sized(name, _MIMES.get(extension, ""))
