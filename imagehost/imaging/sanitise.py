"""Writes the bytes that will be stored: the image without what does not belong to it, and without re-encoding.

EXIF (but for the orientation), XMP, IPTC, comments, thumbnails and whatever follows the image go; ICC profile, gamma
and animation stay. Pixels are the same before and after, for none is decoded: a container is walked through, and what
its module's allow-list names is copied.

The order is sanitise → header limits → decode, so that what is published is what was verified, and Pillow sees nothing
else. Sanitising needs no limits before it: it is linear in the bytes and allocates no pixels, while Pillow takes 14 s
of CPU to open a JPEG of 25 MiB that is all empty comments.
"""

from collections.abc import Callable
from pathlib import Path

from imagehost.imaging import avifs, formats, gifs, jpegs, pngs, webps

_CLEAN: dict[formats.Format, Callable[[bytes, bool], bytes]] = {
    formats.PNG: pngs.clean,
    formats.JPEG: jpegs.clean,
    formats.GIF: gifs.clean,
    formats.WEBP: webps.clean,
    formats.AVIF: avifs.clean,
}


def sanitise(source: Path, target: Path, found: formats.Format, keep_metadata: bool = False) -> None:
    """Write `target`, replacing a file of that name; `source`, which is of this format, is left as it is.

    `keep_metadata` keeps EXIF and XMP, but no more. Never longer than `source`, and the same when done again. Raises
    UnreadableImage for a file that ends too early or makes no sense, OSError (disk full, …).
    """
    target.write_bytes(_CLEAN[found](source.read_bytes(), keep_metadata))
