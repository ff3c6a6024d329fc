"""Damaged and hostile bytes: an image or a refusal comes of them and nothing else, and files of two kinds come out as
one."""

import random
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagehost.errors import Refused, UnreadableImage
from imagehost.imaging import avifs, gifs, job, jpegs, pngs, webps
from imagehost.imaging.containers import MAX_PARTS
from imagehost.imaging.reports import Accept, Job, Refusal, Report
from imagehost.mediatypes import EXTENSIONS
from tests import images

CLEAN = {
    "image/png": pngs.clean,
    "image/jpeg": jpegs.clean,
    "image/gif": gifs.clean,
    "image/webp": webps.clean,
    "image/avif": avifs.clean,
}
SIGNATURES = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
    "image/gif": b"GIF89a",
    "image/webp": b"RIFF\x40\0\0\0WEBP",
    "image/avif": b"\0\0\0\x14ftypavif\0\0\0\0avif",
}
FLIPS = 1_000
Judge = Callable[[bytes], Report]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """The whole verdict, in this very process."""
    source = tmp_path / "staging"

    def judge(data: bytes) -> Report:
        source.write_bytes(data)
        return job._judge(Job(str(source), str(tmp_path), (), 1 << 30, 10))[0]

    return judge


def clean_if_possible(mime: str, data: bytes, keep_metadata: bool) -> bytes | None:
    """None when it was refused; whatever else is raised comes through."""
    try:
        return CLEAN[mime](data, keep_metadata)
    except Refused:
        return None


def assert_clean(mime: str, data: bytes, keep_metadata: bool) -> None:
    stored = clean_if_possible(mime, data, keep_metadata)
    if stored is not None:
        assert len(stored) <= len(data)
        assert CLEAN[mime](stored, keep_metadata) == stored


@pytest.mark.parametrize("mime", EXTENSIONS)
@settings(max_examples=60, deadline=None)
@given(tail=st.binary(max_size=400), keep_metadata=st.booleans())
def test_any_bytes_become_no_longer_or_are_refused(mime: str, tail: bytes, keep_metadata: bool) -> None:
    assert_clean(mime, SIGNATURES[mime] + tail, keep_metadata)


@pytest.mark.parametrize("mime", EXTENSIONS)
@settings(max_examples=60, deadline=None)
@given(
    noise=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=6)), max_size=6),
    cut=st.floats(0.5, 1),
    moving=st.booleans(),
    keep_metadata=st.booleans(),
)
def test_damaged_images_become_no_longer_or_are_refused(
    mime: str, noise: list[tuple[float, bytes]], cut: float, moving: bool, keep_metadata: bool
) -> None:
    frames = 3 if moving and mime in images.ANIMATED else 1
    data = bytearray(images.described(mime, 1, frames))
    for place, piece in noise:
        at = len(SIGNATURES[mime]) + int(place * (len(data) - len(SIGNATURES[mime]) - len(piece)))
        data[at : at + len(piece)] = piece
    assert_clean(mime, bytes(data[: int(len(data) * cut)] if not noise else data), keep_metadata)


@pytest.mark.parametrize("mime", EXTENSIONS)
def test_every_part_of_a_file_is_refused_and_the_whole_accepted(mime: str, judge: Judge) -> None:
    data = images.described(mime)
    for part in range(64):
        verdict = judge(data[: len(data) * part // 64])
        assert isinstance(verdict, Refusal), part
        assert verdict.rule, "a file without its end is found out without a decoder"
    assert isinstance(judge(data), Accept)


@pytest.mark.parametrize("mime", EXTENSIONS)
def test_every_flipped_bit_ends_in_a_verdict(mime: str, judge: Judge) -> None:
    chance = random.Random(5)
    data = images.described(mime)
    accepted = 0
    for _ in range(FLIPS):
        flipped = bytearray(data)
        flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        verdict = judge(bytes(flipped))
        assert isinstance(verdict, Accept | Refusal)
        accepted += isinstance(verdict, Accept)
    assert 0 < accepted < FLIPS


@pytest.mark.parametrize(
    "mime, start, part",
    [
        ("image/jpeg", 2, b"\xff\xfe\0\2"),
        ("image/jpeg", 2, b"\xff\xdb\0\2"),
        ("image/png", 33, images.png_chunk(b"prVt", b"")),
        ("image/gif", 13, b"!\xfe\0"),
        ("image/webp", 30, b"prvt\0\0\0\0"),
        ("image/avif", 32, b"\0\0\0\x08free"),
    ],
)
def test_a_file_of_nothing_but_parts_is_refused_before_a_decoder_sees_it(
    mime: str, start: int, part: bytes, judge: Judge
) -> None:
    data = images.described(mime) if mime != "image/gif" else images.gif_of(1, 2, 2)
    start = images.gif_blocks_start(data) if mime == "image/gif" else start
    many = bytearray(data[:start] + part * (MAX_PARTS + 1) + data[start:])
    if mime == "image/webp":
        many[4:8] = (len(many) - 8).to_bytes(4, "little")
    verdict = judge(bytes(many))
    assert isinstance(verdict, Refusal)
    assert (verdict.rule, verdict.code) == (True, UnreadableImage.code)
    assert "more parts" in verdict.detail


def test_a_jpeg_of_more_scans_than_an_image_has_is_refused(judge: Judge) -> None:
    data = images.encode(images.corner(), "image/jpeg", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    scans = data.count(b"\xff\xda")
    assert isinstance(judge(data[:-2] + scan * (64 - scans) + data[-2:]), Accept)
    verdict = judge(data[:-2] + scan * (65 - scans) + data[-2:])
    assert isinstance(verdict, Refusal)
    assert "more parts" in verdict.detail


def test_a_gif_whose_data_are_cut_small_is_refused(judge: Judge) -> None:
    data = images.gif_of(1, 2, 2)
    start = images.gif_blocks_start(data)
    verdict = judge(data[:start] + b"!\xfe" + b"\1a" * 1_000_001 + b"\0" + data[start:])
    assert isinstance(verdict, Refusal)
    assert "more parts" in verdict.detail


def a_zip() -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("evil.txt", "the secret comment")
    return buffer.getvalue()


SCRIPT = b"*/=1;alert('the secret comment');/*"
HTML = b"<!doctype html><script>alert('the secret comment')</script>"
PNG, JPEG, GIF = (images.encode(images.corner(), f"image/{name}") for name in ("png", "jpeg", "gif"))
POLYGLOTS = {
    "html after a png": (PNG + HTML, PNG),
    "html in a png": (PNG[:33] + images.png_chunk(b"tEXt", b"a\0" + HTML) + PNG[33:], PNG),
    "script after a gif": (GIF + SCRIPT, GIF),
    "script in a gif": (GIF[:-1] + images.gif_extension(0xFE, SCRIPT) + GIF[-1:], GIF),
    "zip after a jpeg": (JPEG + a_zip(), JPEG),
    "zip in a jpeg": (JPEG[:2] + images.jpeg_segment(0xFE, a_zip()) + JPEG[2:], JPEG),
    "html in a jpeg": (JPEG[:20] + HTML + JPEG[20:], JPEG),
}


@pytest.mark.parametrize("name", POLYGLOTS)
def test_a_file_that_is_an_image_and_something_else_becomes_the_image(name: str, judge: Judge, tmp_path: Path) -> None:
    both, alone = POLYGLOTS[name]
    assert zipfile.is_zipfile(BytesIO(both)) == ("zip" in name)
    assert isinstance(judge(both), Accept)
    [stored] = tmp_path.glob("sanitised.*")
    assert stored.read_bytes() == alone
    assert not zipfile.is_zipfile(stored)


@pytest.mark.parametrize("mime", EXTENSIONS)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tail=st.binary(min_size=1, max_size=64))
def test_whatever_follows_an_image_is_not_stored(mime: str, tail: bytes) -> None:
    data = images.photo_as(mime)
    box = len(tail) >= 8 and tail[4:8] in (b"mdat", b"meta", b"moov", b"ftyp")
    assert box or CLEAN[mime](data + tail, False) == data
