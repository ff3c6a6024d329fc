"""Blanks in an AVIF what does not belong to its picture, in place (format: AOM, AV1 Image File Format 1.1).

An AVIF says everywhere where other bytes lie, counted from the start of the file; so nothing is moved: items of EXIF
and XMP, thumbnails, boxes and properties that are not known turn into free space full of zeros, as do bytes that no
item has. What follows the last box of the picture is cut off. The orientation is no metadata here but a property
(`irot`, `imir`), and stays. A structure that is not understood is refused: what is not known cannot be cleaned.
"""

from imagehost.imaging.avif_items import Extents, clean_meta
from imagehost.imaging.boxes import Box, boxes, find_box, without, zero
from imagehost.imaging.containers import MAX_PARTS, cut_off, damaged, limited, too_many
from imagehost.imaging.formats import AVIF

_TOP = frozenset((b"ftyp", b"meta", b"moov", b"mdat"))
# What the track of an animation needs, box by box; the hierarchy has no cycle.
_MOVIE = {
    b"moov": frozenset(b"mvhd trak meta".split()),
    b"trak": frozenset(b"tkhd tref edts mdia meta".split()),
    b"edts": frozenset((b"elst",)),
    b"mdia": frozenset(b"mdhd hdlr minf".split()),
    b"minf": frozenset(b"vmhd nmhd dinf stbl".split()),
    b"dinf": frozenset((b"dref",)),
    b"stbl": frozenset(b"stsd stts ctts cslg stsc stsz stz2 stco co64 stss sgpd sbgp".split()),
}
_WITH_TIMES = frozenset((b"mvhd", b"tkhd", b"mdhd"))


def clean(data: bytes, keep_metadata: bool) -> bytes:
    """Raises UnreadableImage for a file that ends too early or has a structure that is not understood."""
    found = _top_level(data)
    kinds = {box.kind for box in found}
    if not kinds & {b"meta", b"moov"}:
        raise damaged(AVIF)
    data = data[: max(box.end for box in found if box.kind in _TOP)]
    image = bytearray(data)
    extents = Extents()
    for box in found:
        if box.end > len(data):
            break
        if box.kind == b"meta":
            clean_meta(data, image, box, keep_metadata, extents)
        elif box.kind == b"moov":
            _clean_movie(data, image, box, keep_metadata, extents)
        elif box.kind not in _TOP or (box.kind == b"ftyp" and box is not found[0]):
            box.blank(image)
    stores = [*extents.stores, *((box.body, box.end) for box in found if box.kind == b"mdat")]
    # The samples of an animation lie in `mdat` too, and are no items.
    kept = [*extents.kept, *without(stores, extents.dropped)] if b"moov" in kinds else extents.kept
    for start, stop in without(stores, kept):
        zero(image, start, stop)
    return bytes(image)


def _top_level(data: bytes) -> list[Box]:
    """The boxes of the file, as far as they make sense: whatever follows the image need not be boxes."""
    found: list[Box] = []
    at = 0
    while at < len(data) and (box := find_box(data, at, len(data))):
        found.append(box)
        at = box.end
        if len(found) > MAX_PARTS:
            raise too_many(AVIF)
    if data[at + 4 : at + 8] in _TOP:
        raise cut_off(AVIF)
    return found


def _clean_movie(data: bytes, image: bytearray, box: Box, keep_metadata: bool, extents: Extents) -> None:
    for child in limited(boxes(data, box.body, box.end), AVIF):
        if child.kind not in _MOVIE[box.kind]:
            child.blank(image)
        elif child.kind == b"meta":
            clean_meta(data, image, child, keep_metadata, extents)
        elif child.kind in _MOVIE:
            _clean_movie(data, image, child, keep_metadata, extents)
        elif child.kind in _WITH_TIMES and not keep_metadata:  # when it was made and changed
            start = child.body + 4
            zero(image, start, min(start + (16 if data[child.body : start][:1] == b"\1" else 8), child.end))
