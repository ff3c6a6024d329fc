"""An AVIF is blanked in place: nothing moves, what is no picture is zeros."""

import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagehost.errors import UnreadableImage
from imagehost.imaging import avifs
from imagehost.imaging.boxes import Box, boxes, find_box, merged, without
from tests import images

MIME = "image/avif"
SECRET = b"the secret comment"
AVIF = images.photo_as(MIME)
CONTAINERS = {
    b"meta": 4,
    b"iinf": 6,
    b"iprp": 0,
    b"ipco": 0,
    b"moov": 0,
    b"trak": 0,
    b"mdia": 0,
    b"minf": 0,
    b"edts": 0,
}


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body


def all_boxes(data: bytes, at: int = 0, end: int | None = None) -> Iterator[Box]:
    for found in boxes(data, at, len(data) if end is None else end):
        yield found
        if found.kind in CONTAINERS:
            yield from all_boxes(data, found.body + CONTAINERS[found.kind], found.end)


def body_of(data: bytes, kind: bytes) -> bytes:
    return next(data[found.body : found.end] for found in all_boxes(data) if found.kind == kind)


def with_idat(version: int) -> bytes:
    """A described AVIF, the bytes of whose items lie in `idat`, told by a later version of `iloc`."""
    data = images.described(MIME)
    old, parts, entries = body_of(data, b"iloc"), b"", b""
    number = {1: ">H", 2: ">I"}[version]
    for at in range(8, len(old), 14):
        item, _, _, start, length = struct.unpack_from(">HHHII", old, at)
        entries += struct.pack(number, item) + struct.pack(">HHHIII", 1, 0, 1, 0, len(parts), length)
        parts += data[start : start + length]
    iloc = bytes((version, 0, 0, 0)) + b"\x44\x04" + struct.pack(number, (len(old) - 8) // 14) + entries
    meta = body_of(data, b"meta")
    children = b"".join(meta[c.start : c.end] for c in boxes(meta, 4, len(meta)) if c.kind != b"iloc")
    return box(b"ftyp", body_of(data, b"ftyp")) + box(
        b"meta", bytes(4), children, box(b"iloc", iloc), box(b"idat", parts)
    )


@pytest.mark.parametrize("frames", [1, 3])
def test_nothing_moves_in_an_avif_and_its_metadata_are_zeros(frames: int) -> None:
    sent = images.described(MIME, 1, frames)
    stored = avifs.clean(sent, False)
    assert len(stored) == len(sent)
    assert [(b.start, b.end) for b in all_boxes(stored)] == [(b.start, b.end) for b in all_boxes(sent)]
    for word in (b"Exif", b"mime", b"XMP", b"rdf+xml"):
        assert word in sent
        assert word not in stored
    assert body_of(stored, b"hdlr") == body_of(sent, b"hdlr")


@pytest.mark.parametrize("version", [1, 2])
def test_items_inside_of_the_header_are_understood(version: int) -> None:
    sent = with_idat(version)
    stored = avifs.clean(sent, False)
    assert [secret for secret in images.SECRETS if secret in sent]
    assert not [secret for secret in images.SECRETS if secret in stored]
    assert images.appearance(stored) == images.appearance(sent)
    assert avifs.clean(sent, True) == sent


def test_the_time_of_making_goes_from_an_animation() -> None:
    sent = images.described(MIME, 1, 3)
    assert body_of(sent, b"mvhd")[4:20] != bytes(16)
    stored = avifs.clean(sent, False)
    for kind in (b"mvhd", b"tkhd", b"mdhd"):
        assert body_of(stored, kind) == body_of(sent, kind)[:4] + bytes(16) + body_of(sent, kind)[20:]


def test_unknown_boxes_become_free_space() -> None:
    start = box(b"ftyp", body_of(AVIF, b"ftyp"))
    for kind in (b"uuid", b"skip", b"free", b"prvt"):
        # A box before the others moves them: only what is said of them is looked at here.
        stored = avifs.clean(AVIF[: len(start)] + box(kind, SECRET, bytes(20)) + AVIF[len(start) :], False)
        assert stored[len(start) :].startswith(box(b"free", bytes(len(SECRET) + 20)))
    sent = images.described(MIME, 1, 3)
    for old, new in ((b"elst", b"udta"), (b"vmhd", b"uuid"), (b"pixi", b"udes"), (b"hdlr", b"xml ")):
        stored = avifs.clean(sent.replace(old, new), True)
        assert new not in stored
        assert not any(body_of(stored, b"free"))


def test_bytes_that_no_item_has_are_zeros() -> None:
    stored = avifs.clean(AVIF + box(b"mdat", SECRET), False)
    assert stored == AVIF + box(b"mdat", bytes(len(SECRET)))
    at = AVIF.index(b"mdat") - 4
    endless = AVIF[:at] + bytes(4) + AVIF[at + 4 :]
    assert avifs.clean(endless + SECRET, False) == endless + bytes(len(SECRET))


def test_a_thumbnail_is_no_part_of_the_picture() -> None:
    sent = (
        images.described(MIME).replace(b"\x0ecdsc\0\3\0\1\0\1", b"\x0ethmb\0\3\0\1\0\1").replace(b"mimeXMP", b"av01XMP")
    )
    stored = avifs.clean(sent, False)
    assert images.SECRET_XMP in sent
    assert b"secret" not in stored
    assert b"av01XMP" not in stored
    assert images.appearance(stored) == images.appearance(sent)


def test_bytes_that_metadata_share_with_the_picture_stay() -> None:
    sent = bytearray(images.described(MIME))
    iloc = next(found for found in all_boxes(bytes(sent)) if found.kind == b"iloc")
    sent[iloc.body + 8 + 20 : iloc.body + 8 + 28] = sent[iloc.body + 8 + 6 : iloc.body + 8 + 14]  # of EXIF: as of Color
    assert images.appearance(avifs.clean(bytes(sent), False))[:1] == images.appearance(images.described(MIME))[:1]


@pytest.mark.parametrize(
    "data, words",
    [
        (AVIF[:-1], "ends before"),
        (AVIF[: len(AVIF) // 2], "ends before"),
        (AVIF[:40], "ends before"),
        (AVIF[:32], "damaged"),
        (AVIF[: AVIF.index(b"mdat") - 4], "ends before"),
        (AVIF.replace(b"iloc\0", b"iloc\3"), "damaged"),
        (AVIF.replace(b"\0\0\0\0\x44\0\0\1\0\1\0\0\0\1", b"\0\0\0\0\0\0\0\1\0\1\0\0\xff\xff"), "damaged"),
        (with_idat(1).replace(b"\0\1\0\1\0\0\0\1\0\0\0\0", b"\0\1\0\2\0\0\0\1\0\0\0\0"), "damaged"),
        (with_idat(1).replace(b"idat", b"prvt"), "damaged"),
    ],
)
def test_what_is_not_understood_of_an_avif_is_refused(data: bytes, words: str) -> None:
    assert data not in (AVIF, with_idat(1))
    with pytest.raises(UnreadableImage, match=words):
        avifs.clean(data, False)


def test_an_item_of_an_old_kind_is_none() -> None:
    stored = avifs.clean(AVIF.replace(b"infe\2", b"infe\0"), False)
    assert not any(body_of(stored, b"infe")[8:])
    assert not any(body_of(stored, b"mdat"))


def test_a_box_may_have_a_long_size_or_reach_to_the_end() -> None:
    long = struct.pack(">I4sQ", 1, b"mdat", 20) + SECRET
    found = find_box(long, 0, len(long))
    assert found == Box(b"mdat", 0, 16, 20)
    assert find_box(bytes(4) + b"mdat" + SECRET, 0, 26) == Box(b"mdat", 0, 8, 26)
    for broken in (b"", b"\0\0\0\x07mdat", b"\0\0\0\x09mdat", struct.pack(">I4sQ", 1, b"mdat", 15) + bytes(9)):
        assert find_box(broken, 0, len(broken)) is None


RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)


@given(RANGES, RANGES)
def test_ranges_are_taken_from_ranges_byte_by_byte(
    ranges: list[tuple[int, int]], others: list[tuple[int, int]]
) -> None:
    def covered(pairs: list[tuple[int, int]]) -> set[int]:
        return {at for start, end in pairs for at in range(start, end)}

    assert covered(merged(ranges)) == covered(ranges)
    left = list(without(ranges, others))
    assert covered(left) == covered(ranges) - covered(others)
    assert left == sorted(left)
    assert all(start < end for start, end in left)


def test_an_avif_with_an_irot_keeps_it(tmp_path: object) -> None:
    with Image.open(images.as_file(avifs.clean(images.described(MIME, 6), False))) as image:
        assert dict(image.getexif()) == {0x0112: 6}
