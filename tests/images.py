"""Makes the odd images that tests of all layers send: every format, every way to be wrong. Bytes out, cheap to make.

Photographs are in `tests/photos` (LICENCES.md there names their sources).
"""

import struct
import zlib
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms

PHOTOS = Path(__file__).parent / "photos"

PILLOW_NAMES = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/avif": "AVIF",
}
ANIMATED = ("image/png", "image/gif", "image/webp", "image/avif")


def photo(name: str = "coffee") -> bytes:
    return (PHOTOS / f"{name}.jpg").read_bytes()


def encode(image: Image.Image, mime: str, **options: Any) -> bytes:
    if mime == "image/avif":
        options = {"speed": 10, **options}
    buffer = BytesIO()
    image.save(buffer, PILLOW_NAMES[mime], **options)
    return buffer.getvalue()


@cache
def photo_as(mime: str, name: str = "chelsea") -> bytes:
    """A photograph in another format; for JPEG the photograph itself."""
    if mime == "image/jpeg":
        return photo(name)
    with Image.open(PHOTOS / f"{name}.jpg") as image:
        return encode(image, mime)


@cache
def large_photo(width: int = 1_700) -> bytes:
    """A photograph that is larger than a preview, 4:3 and upright."""
    with Image.open(PHOTOS / "coffee.jpg") as image:
        return encode(image.resize((width, width * 3 // 4)), "image/jpeg")


def corner(width: int = 60, height: int = 40, mode: str = "RGB") -> Image.Image:
    """White with a red block in the upper left corner, so that one sees which way up it is."""
    image = Image.new("RGB", (width, height), "white")
    image.paste("red", (0, 0, width // 2, height // 2))
    return image.convert(mode)


@cache
def animated(mime: str, frames: int = 3, size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    """Frames of one colour each, 100 ms long unless told otherwise."""
    pictures = [Image.new("RGB", size, (80 * number % 256, 40 * number % 256, 200)) for number in range(frames)]
    return encode(pictures[0], mime, save_all=True, append_images=pictures[1:], **{"duration": 100} | options)


def oriented(orientation: int, mime: str = "image/jpeg", image: Image.Image | None = None) -> bytes:
    """As stored: a viewer has to turn it as the EXIF orientation says."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(image or corner(), mime, exif=exif)


def cmyk_jpeg() -> bytes:
    return encode(corner(mode="CMYK"), "image/jpeg")


def grey_16_bit_png() -> bytes:
    """The left half at a quarter of the full brightness, the right half at three quarters."""
    row = struct.pack("<60H", *[0x4000] * 30, *[0xC000] * 30)
    return encode(Image.frombytes("I;16", (60, 40), row * 40), "image/png")


def transparent_palette_png() -> bytes:
    """The left half transparent, the right half green."""
    image = Image.new("P", (60, 40), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.paste(1, (30, 0, 60, 40))
    return encode(image, "image/png", transparency=0)


def two_photographs_mpo() -> bytes:
    buffer = BytesIO()
    corner().save(buffer, "MPO", save_all=True, append_images=[Image.new("RGB", (30, 20), "blue")])
    return buffer.getvalue()


def swapped_profile_jpeg() -> bytes:
    """Stored as red, with a profile whose red and blue primaries are swapped: it has to be shown blue."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"?").replace(b"bXYZ", b"rXYZ").replace(b"?", b"bXYZ")
    return encode(Image.new("RGB", (40, 40), (255, 0, 0)), "image/jpeg", icc_profile=swapped)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@cache
def one_bit_png(width: int = 13_350, height: int = 13_350) -> bytes:
    """By default 178 megapixels in about 20 KB; 1 bit a pixel, all black."""
    rows = zlib.compress(bytes((1 + (width + 7) // 8) * height), 9)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, body) for kind, body in chunks)


def png_with_wrong_crc() -> bytes:
    data = bytearray(photo_as("image/png"))
    at = data.index(b"IDAT") + 4
    length = int.from_bytes(data[at - 8 : at - 4], "big")
    data[at + length] ^= 0xFF
    return bytes(data)


@cache
def gif_of(frames: int, width: int, height: int) -> bytes:
    """One plain frame, repeated: small to send, long to decode."""
    single = encode(Image.new("P", (width, height)), "image/gif")
    start = 13 + (3 << ((single[10] & 7) + 1))
    return single[:start] + single[start:-1] * frames + b";"


@cache
def large_rgba(mime: str, width: int = 10_000, height: int = 5_000) -> bytes:
    """By default 50 megapixels, the most that a frame may have; half transparent, a second or three to make."""
    image = Image.new("RGBA", (width, height), (10, 200, 30, 128))
    image.paste((200, 10, 10, 255), (100, 100, width // 2, height // 2))
    quick: dict[str, dict[str, Any]] = {
        "image/webp": {"lossless": True, "quality": 0, "method": 0},
        "image/png": {"compress_level": 1},
        "image/avif": {"speed": 10, "quality": 30},
    }
    return encode(image, mime, **quick[mime])


def not_images() -> dict[str, bytes]:
    """Files that are no image of an accepted format, by a name that says what they are."""
    others = {}
    for name in ("TIFF", "BMP", "ICO", "PPM", "TGA", "PDF", "EPS"):
        buffer = BytesIO()
        corner().save(buffer, name)
        others[name] = buffer.getvalue()
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)
    return others | {
        "one byte": b"\x89",
        "text": b"once upon a time\n",
        "html": b"<!doctype html><script>alert(1)</script>",
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        "heic": heic,
        "zeros": bytes(1000),
    }
