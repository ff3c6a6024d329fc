"""Makes derivatives from the one decode that verified the image.

The full frame is needed once: `make_seed` reduces it to what the largest wanted variant needs, upright and in sRGB,
while the gate still holds it. Derivatives are made from the seed, after the verdict, so that none can change it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms

from imagehost.imaging import exif, placeholder
from imagehost.imaging.formats import DECODER_ERRORS
from imagehost.imaging.variants import Variant, fit

# Reducing to 1.5 × the target before the Lanczos filter cannot be told from filtering the full frame (SSIM 0.995).
_HEADROOM = 1.5

QUALITY = 80  # of WebP, 0–100
# AVIF: what a photograph needs to look as WebP does at 80, at half the time of the slowest speeds that pay.
_OPTIONS: dict[str, dict[str, Any]] = {
    "image/webp": {"format": "WEBP", "quality": QUALITY, "method": 4},
    "image/avif": {"format": "AVIF", "quality": 65, "speed": 8},
    "image/jpeg": {"format": "JPEG", "quality": 82, "progressive": True, "optimize": True},
    "image/png": {"format": "PNG"},
}

# EXIF 2.32, table 6: how the stored image has to be turned to stand upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# What making a derivative may raise; it is then missing, and the verdict on the image stands.
FAILURES: tuple[type[Exception], ...] = (MemoryError, ImageCms.PyCMSError, *DECODER_ERRORS)

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@dataclass(frozen=True)
class Seed:
    """A small RGB or RGBA image, upright, in sRGB; `width` and `height` are those of the whole image as displayed."""

    image: Image.Image
    width: int
    height: int


def seed_px(variants: Iterable[Variant], width: int, height: int) -> int:
    """The longer side that the seed of an image of this stored size needs for these variants, and for the placeholder.
    How the image lies is not known yet, so it is enough either way."""
    scales = [v.scale(*size) for v in variants for size in ((width, height), (height, width))]
    side = max(width, height)
    return min(side, max(round(max(scales, default=0) * _HEADROOM * side), 2 * placeholder.MAX_PX))


def orientation(image: Image.Image) -> int:
    """EXIF orientation 1–8 of a loaded image, 1 when there is none or it is unreadable.

    XMP is not asked, although Pillow would: browsers ignore it, and width and height must be what they display.
    """
    return exif.orientation(image.info.get("exif", b""))


def displayed(width: int, height: int, turn: int) -> tuple[int, int]:
    """Stored size → displayed size: orientations 5–8 lie on their side."""
    return (height, width) if turn >= 5 else (width, height)


def make_seed(frame: Image.Image, size: tuple[int, int], px: int) -> Seed:
    """`size` is the stored size of the image, of which `frame` may be a reduced decode. Leaves `frame` as it is."""
    turn = orientation(frame)
    image = _plain(frame)
    factor = max(image.size) // px
    if factor > 1:
        image = image.reduce(factor)
    image = turned(_managed(image, frame.info.get("icc_profile")), turn)
    if image is frame:
        image = frame.copy()
    return Seed(image, *displayed(*size, turn))


def to_srgb(frame: Image.Image) -> Image.Image:
    """The frame, or a part that was cut out of it, as RGB or RGBA in sRGB, not turned."""
    return _managed(_plain(frame), frame.info.get("icc_profile"))


def turned(image: Image.Image, turn: int) -> Image.Image:
    """The image upright, given its EXIF orientation."""
    return image.transpose(_UPRIGHT[turn]) if turn in _UPRIGHT else image


def write_variant(seed: Seed, variant: Variant, path: Path) -> tuple[int, int]:
    """Write the variant's file and return its width and height in pixels; metadata and profile are not copied. What is
    transparent becomes white in a JPEG."""
    image = fitted(seed, variant)
    if variant.mime == "image/jpeg" and image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image)
        image = white.convert("RGB")
    image.save(path, **_OPTIONS[variant.mime])
    return image.size


def fitted(seed: Seed, variant: Variant) -> Image.Image:
    """The seed in the size of the variant, without any metadata."""
    size = variant.size(seed.width, seed.height)
    across, down = seed.image.width / seed.width, seed.image.height / seed.height
    left, top, right, bottom = variant.box(seed.width, seed.height)
    box = (left * across, top * down, right * across, bottom * down)
    as_it_is = seed.image.size == size and box == (0, 0, *size)
    image = seed.image if as_it_is else seed.image.resize(size, Image.Resampling.LANCZOS, box)
    image.info = {}
    return image


def make_placeholder(seed: Seed) -> str:
    """The image's ThumbHash: one to three milliseconds. Each pixel of it is the mean of those below."""
    image = seed.image.resize(fit(seed.width, seed.height, placeholder.MAX_PX), Image.Resampling.BOX)
    return placeholder.encode(*image.size, image.convert("RGBA").tobytes())


def _plain(frame: Image.Image) -> Image.Image:
    """The frame in a mode that can be filtered: L, LA, RGB, RGBA or CMYK; palette and key transparency become alpha."""
    if frame.mode.startswith("I"):  # 16-bit grey; convert() would clip instead of scaling, and loses its key colour
        return frame.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if frame.has_transparency_data and frame.mode not in ("RGBA", "LA"):
        return frame.convert("RGBA")
    if frame.mode == "1":
        return frame.convert("L")
    if frame.mode in ("L", "LA", "RGB", "RGBA", "CMYK"):
        return frame
    return frame.convert("RGB")


def _managed(image: Image.Image, profile: bytes | None) -> Image.Image:
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colours = image.convert(image.mode.removesuffix("A")) if alpha else image
    result = _converted(colours, profile) if profile else None
    result = result or colours.convert("RGB")
    if alpha:
        result.putalpha(alpha)
    return result


def _converted(image: Image.Image, profile: bytes) -> Image.Image | None:
    """None when the profile is damaged or belongs to another kind of image: then the numbers are taken as sRGB."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        return ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
    except FAILURES:
        return None
