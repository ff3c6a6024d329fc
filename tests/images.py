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


def with_size(data: bytes, width: int, height: int) -> bytes:
    """A JPEG, GIF, WebP (VP8X) or AVIF that says it has this size; of its pixels nothing changes."""
    if data.startswith(b"GIF"):
        return data[:6] + struct.pack("<HH", width, height) + data[10:]
    if data.startswith(b"RIFF"):
        return data[:24] + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3] + data[30:]
    at = data.index(b"ispe") + 8 if data[4:8] == b"ftyp" else data.index(b"\xff\xc0") + 5
    size = struct.pack(">II", width, height) if data[4:8] == b"ftyp" else struct.pack(">HH", height, width)
    return data[:at] + size + data[at + len(size) :]


def png_with(kind: bytes, body: bytes) -> bytes:
    """A small PNG with this chunk behind its header."""
    data = encode(corner(), "image/png")
    return data[:33] + png_chunk(kind, body) + data[33:]


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
        "psd": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 40, 60, 8, 3) + bytes(64),
        "zeros": bytes(1000),
    }


def as_file(data: bytes) -> BytesIO:
    return BytesIO(data)


def appearance(data: bytes) -> list[tuple[Any, ...]]:
    """All that one sees of an image when it is decoded: every frame with its pixels, colours, time and place."""
    seen: list[tuple[Any, ...]] = []
    with Image.open(BytesIO(data)) as image:
        told = ("icc_profile", "gamma", "transparency", "background", "loop", "default_image", "adobe_transform")
        for number in range(getattr(image, "n_frames", 1) if image.format != "MPO" else 1):
            image.seek(number)
            image.load()
            pixels = (image.mode, image.size, image.tobytes(), image.convert("RGBA").tobytes())
            moving = tuple(image.info.get(name) for name in ("duration", "timestamp", "disposal", "blend", "bbox"))
            seen.append((*pixels, *moving, getattr(image, "disposal_method", None)))
        seen.append((*(image.info.get(name) for name in told), image.getexif().get(0x0112, 1)))
    return seen


SECRET_PLACE = struct.pack(">6I", 48, 1, 51, 1, 2963, 100)  # a latitude
SECRET_XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">the secret of XMP</x:xmpmeta>'
SECRETS = (SECRET_PLACE, b"the secret camera", b"secret of XMP", b"the secret comment", b"the secret of IPTC")


def _directory(at: int, entries: list[tuple[int, int, int, bytes]], following: int = 0) -> bytes:
    """A TIFF directory at this offset: tag, type, count and bytes of each entry, the long ones behind the directory."""
    head, tail = struct.pack(">H", len(entries)), b""
    for tag, kind, count, value in entries:
        where = struct.pack(">I", at + 2 + 12 * len(entries) + 4 + len(tail))
        is_long = len(value) > 4
        tail += value if is_long else b""
        head += struct.pack(">HHI", tag, kind, count) + (where if is_long else value.ljust(4, b"\0"))
    return head + struct.pack(">I", following) + tail


@cache
def camera_exif(orientation: int = 1) -> bytes:
    """What a camera writes, without the prefix: its name, the orientation, where it was, and a small picture."""
    small = encode(Image.new("RGB", (16, 12), "navy"), "image/jpeg")
    name = b"the secret camera\0"
    first = [(0x010F, 2, len(name), name), (0x0112, 3, 1, struct.pack(">H", orientation)), (0x8825, 4, 1, bytes(4))]
    gps_at = 8 + len(_directory(8, first))
    gps = _directory(gps_at, [(1, 2, 2, b"N\0"), (2, 5, 3, SECRET_PLACE)])
    second_at = gps_at + len(gps)
    second = [(0x0103, 3, 1, b"\0\6"), (0x0201, 4, 1, struct.pack(">I", second_at + 42))]
    second.append((0x0202, 4, 1, struct.pack(">I", len(small))))
    first[2] = (0x8825, 4, 1, struct.pack(">I", gps_at))
    return b"MM\0*\0\0\0\x08" + _directory(8, first, second_at) + gps + _directory(second_at, second) + small


def jpeg_segment(kind: int, body: bytes) -> bytes:
    return bytes((0xFF, kind)) + struct.pack(">H", len(body) + 2) + body


def gif_extension(label: int, *pieces: bytes) -> bytes:
    return bytes((0x21, label)) + b"".join(bytes((len(piece),)) + piece for piece in pieces) + b"\0"


def gif_blocks_start(data: bytes) -> int:
    """Where the blocks begin, after the palette."""
    return 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)


@cache
def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@cache
def described(mime: str, orientation: int = 1, frames: int = 1) -> bytes:
    """An image, moving if it has more frames, with all the metadata that its format can have, and a profile. (Pillow
    cannot write an animated AVIF with an orientation.)"""
    pictures = [corner(mode="P" if mime == "image/gif" else "RGB").rotate(90 * number) for number in range(frames)]
    options: dict[str, Any] = {"icc_profile": srgb_profile()}
    if mime != "image/gif":
        options["exif"] = (b"Exif\0\0" if mime == "image/jpeg" else b"") + camera_exif(orientation)
    if mime in ("image/jpeg", "image/webp", "image/avif"):
        options["xmp"] = SECRET_XMP
    if frames > 1:
        options |= {"save_all": True, "append_images": pictures[1:], "duration": [50, 100, 150][:frames], "loop": 3}
    data = encode(pictures[0], mime, **options)
    if mime == "image/jpeg":
        iptc = jpeg_segment(0xED, b"Photoshop 3.0\x008BIM the secret of IPTC")
        return data[:2] + iptc + jpeg_segment(0xFE, b"the secret comment") + data[2:]
    if mime == "image/png":
        words = zlib.compress(b"the secret comment")
        texts = ((b"tEXt", b"Comment\0the secret comment"), (b"zTXt", b"Author\0\0" + words))
        xmp = (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + SECRET_XMP)
        others = ((b"tIME", bytes(7)), (b"prVt", b"the secret comment"), (b"gAMA", struct.pack(">I", 45_455)))
        chunks = b"".join(png_chunk(kind, body) for kind, body in (*texts, xmp, *others))
        return data[:33] + chunks + data[33:-12] + png_chunk(b"tEXt", b"Comment\0the secret comment") + data[-12:]
    if mime == "image/gif":
        start = gif_blocks_start(data)
        trailer = bytes((1, *range(255, -1, -1)))  # makes the walk through pieces of any length end
        adobe = b"\x21\xff\x0bXMP DataXMP" + SECRET_XMP + trailer + b"\0"
        comments = gif_extension(0xFE, b"the secret comment") + gif_extension(0x01, bytes(12), b"the secret comment")
        return data[:start] + comments + adobe + data[start:]
    return data
