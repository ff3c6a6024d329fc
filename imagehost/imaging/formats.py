"""Which formats the gate lets in: a file's first bytes, Pillow's name, our media type. No Pillow in here.

The signature only chooses the one decoder that is asked; whether the file is such an image, that decoder decides.
"""

import struct
import zlib
from dataclasses import dataclass

HEAD_BYTES = 256
"""As much of a file as `sniff` wants to see."""

# What Pillow's decoders were seen to raise for damaged files. An exception outside of this list ends the child without
# a verdict, which is safe: the answer is then Unavailable, never a refusal.
DECODER_ERRORS: tuple[type[Exception], ...] = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    SystemError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True)
class Format:
    """`pillow` is the name to open with; `reported` are the names that Pillow may report afterwards.

    A JPEG with a Multi-Picture index (several photographs in one file, CIPA DC-007) is reported as MPO however it is
    opened. Every browser shows its first photograph, so it counts as a JPEG of one frame.
    """

    name: str
    mime: str
    pillow: str
    reported: frozenset[str]


PNG = Format("PNG", "image/png", "PNG", frozenset({"PNG"}))
JPEG = Format("JPEG", "image/jpeg", "JPEG", frozenset({"JPEG", "MPO"}))
GIF = Format("GIF", "image/gif", "GIF", frozenset({"GIF"}))
WEBP = Format("WebP", "image/webp", "WEBP", frozenset({"WEBP"}))
AVIF = Format("AVIF", "image/avif", "AVIF", frozenset({"AVIF"}))


def sniff(head: bytes) -> Format | None:
    """The format that a file with these first bytes could only be, or None when it is none of ours."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith((b"GIF87a", b"GIF89a")):
        return GIF
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WEBP
    if head[4:8] == b"ftyp" and _brands(head) & {b"avif", b"avis"}:
        return AVIF
    return None


def _brands(head: bytes) -> set[bytes]:
    """Major and compatible brands of an ISO media file (ISO 14496-12, `ftyp` box); HEIC files differ from AVIF here."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12]}
    brands.update(head[at : at + 4] for at in range(16, end - 3, 4))
    return brands
