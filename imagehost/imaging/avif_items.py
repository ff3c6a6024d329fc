"""The items of an AVIF: which there are, where their bytes lie, and which of them are no part of the picture.

A `meta` box lists items (`iinf`), their extents in the file (`iloc`), their properties (`iprp`) and how they refer to
each other (`iref`): ISO 14496-12, 8.11, and ISO 23008-12 (HEIF).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from imagehost.imaging.boxes import FREE, Box, Range, Reader, boxes, zero
from imagehost.imaging.containers import MAX_PARTS, cut_off, damaged, limited, too_many
from imagehost.imaging.formats import AVIF

_KEPT_BOXES = frozenset(b"hdlr pitm iloc iinf iprp iref idat grpl dinf".split())
_KEPT_ITEMS = frozenset(b"av01 grid iovl iden tmap sato".split())
_KEPT_PROPERTIES = frozenset(
    b"ispe pasp colr pixi rloc auxC clap irot imir lsel av1C a1op a1lx clli mdcv cclv amve ndwt".split()
)
_XMP = b"application/rdf+xml"


@dataclass
class Extents:
    """Where the items' bytes lie; `stores` are the `idat` boxes, which hold such bytes beside `mdat`."""

    kept: list[Range] = field(default_factory=list)
    dropped: list[Range] = field(default_factory=list)
    stores: list[Range] = field(default_factory=list)

    def add(self, start: int, length: int, is_kept: bool) -> None:
        if len(self.kept) + len(self.dropped) >= MAX_PARTS:
            raise too_many(AVIF)
        (self.kept if is_kept else self.dropped).append((start, start + length))


def clean_meta(data: bytes, image: bytearray, meta: Box, keep_metadata: bool, extents: Extents) -> None:
    """Blank in `image`, a copy of `data`, what this box says of metadata, and tell where the items' bytes are.

    Raises UnreadableImage for a structure that is not understood.
    """
    children: dict[bytes, Box] = {}
    for box in limited(boxes(data, meta.body + 4, meta.end), AVIF):
        if box.kind in _KEPT_BOXES and box.kind not in children:
            children[box.kind] = box
        else:
            box.blank(image)
    if iprp := children.get(b"iprp"):
        _clean_properties(data, image, iprp)
    iref, iinf, iloc, idat = (children.get(kind) for kind in (b"iref", b"iinf", b"iloc", b"idat"))
    thumbnails = set(_thumbnails(data, iref)) if iref else set()
    kept = set(_clean_infos(data, image, iinf, thumbnails, keep_metadata)) if iinf else set()
    if idat:
        extents.stores.append((idat.body, idat.end))
    for item, method, offset, length in _locations(data, iloc) if iloc else ():
        if method > 1 or (method and not idat):
            raise damaged(AVIF)
        start = offset + idat.body if method and idat else offset
        if item in kept and start + length > len(data):
            raise cut_off(AVIF)
        extents.add(start, length, item in kept)


def _clean_properties(data: bytes, image: bytearray, iprp: Box) -> None:
    """A property keeps its place, by which it is numbered; readers pass over those that they do not know."""
    for container in limited(boxes(data, iprp.body, iprp.end), AVIF):
        if container.kind == b"ipco":
            for box in limited(boxes(data, container.body, container.end), AVIF):
                if box.kind not in _KEPT_PROPERTIES:
                    box.blank(image)
        elif container.kind != b"ipma":
            container.blank(image)


def _thumbnails(data: bytes, iref: Box) -> Iterator[int]:
    """The items that say of themselves that they are thumbnails."""
    number_size = 2 if Reader(data, iref.body, iref.end).take(1) == 0 else 4
    for box in limited(boxes(data, iref.body + 4, iref.end), AVIF):
        if box.kind == b"thmb":
            yield Reader(data, box.body, box.end).take(number_size)


def _clean_infos(data: bytes, image: bytearray, iinf: Box, thumbnails: set[int], keep_metadata: bool) -> Iterator[int]:
    """The numbers of the items that stay. The others get a type that no reader knows, and lose their names."""
    count_size = 2 if Reader(data, iinf.body, iinf.end).take(1) == 0 else 4
    for box in limited(boxes(data, iinf.body + 4 + count_size, iinf.end), AVIF):
        fields = Reader(data, box.body, box.end)
        version = fields.take(1)
        fields.take(3)
        item = fields.take(4 if version == 3 else 2)
        fields.take(2)
        if box.kind != b"infe" or version not in (2, 3):  # older ones have no type, so no reader of images uses them
            zero(image, fields.at, box.end)
            continue
        at = fields.at
        fields.take(4)
        kind, names = data[at : at + 4], data[fields.at : box.end]
        described = kind == b"Exif" or (kind == b"mime" and names.split(b"\0", 2)[1:2] == [_XMP])
        if (kind in _KEPT_ITEMS and item not in thumbnails) or (described and keep_metadata):
            yield item
        else:
            image[at : at + 4] = FREE
            zero(image, at + 4, box.end)


def _locations(data: bytes, iloc: Box) -> Iterator[tuple[int, int, int, int]]:
    """Item, construction method (0: offset in the file, 1: in `idat`), offset and length of each extent."""
    fields = Reader(data, iloc.body, iloc.end)
    version = fields.take(1)
    fields.take(3)
    if version > 2:
        raise damaged(AVIF)
    sizes = fields.take(2)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version else 0
    number_size = 4 if version == 2 else 2
    for _ in range(fields.take(number_size)):
        item = fields.take(number_size)
        method = fields.take(2) & 15 if version else 0
        fields.take(2)  # which file: always this one
        base = fields.take(base_size)
        extents = fields.take(2)
        if extents > 1 and not (index_size or offset_size or length_size):  # without end, as they have no bytes
            raise damaged(AVIF)
        for _ in range(extents):
            fields.take(index_size)
            yield item, method, base + fields.take(offset_size), fields.take(length_size)
