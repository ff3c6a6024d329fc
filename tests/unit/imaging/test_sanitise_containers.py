"""What stays and what goes, container by container. JPEG, PNG, WebP and GIF; AVIF has a file of its own."""

import struct

import pytest
from PIL import Image

from imagehost.errors import UnreadableImage
from imagehost.imaging import exif, gifs, jpegs, pngs, webps
from tests import images

SECRET = b"the secret comment"
JPEG, PNG, WEBP, GIF = (images.encode(images.corner(), f"image/{name}") for name in ("jpeg", "png", "webp", "gif"))
EXIF = images.camera_exif(6)


def info_of(data: bytes) -> dict[str | tuple[int, int], object]:
    with Image.open(images.as_file(data)) as image:
        image.load()
        return image.info


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(kind + struct.pack("<I", len(part)) + part + bytes(len(part) % 2) for kind, part in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def extended_webp(flags: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """VP8X (60 × 40) with these flags, and these chunks around the picture."""
    picture = (b"VP8 ", WEBP[20:])
    return webp((b"VP8X", bytes((flags, 0, 0, 0, 59, 0, 0, 39, 0, 0))), *chunks[:1], picture, *chunks[1:])


# JPEG


def jpeg_with(*segments: bytes, body: bytes = JPEG[2:]) -> bytes:
    return JPEG[:2] + b"".join(segments) + body


def test_the_thumbnails_of_jfif_go_and_the_density_stays() -> None:
    density = b"JFIF\0\1\2\1\0\x48\0\x48"
    small = jpeg_with(images.jpeg_segment(0xE0, density + b"\2\2" + SECRET[:12]), body=JPEG[20:])
    stored = jpegs.clean(small, False)
    assert stored == JPEG[:2] + images.jpeg_segment(0xE0, density + b"\0\0") + JPEG[20:]
    jfxx = images.jpeg_segment(0xE0, b"JFXX\0\x13\2\2" + SECRET[:12])
    assert jpegs.clean(JPEG[:20] + jfxx + JPEG[20:], True) == JPEG


@pytest.mark.parametrize("kind", [*range(0xE0, 0xF0), 0xFE, 0xC8, 0xF0, 0xF7, 0xFD, 0xDE, 0xDF, 0x02, 0xBF])
def test_other_segments_of_a_jpeg_go(kind: int) -> None:
    assert jpegs.clean(jpeg_with(images.jpeg_segment(kind, SECRET)), True) == JPEG


def test_bytes_between_segments_go_as_readers_pass_over_them() -> None:
    dirty = JPEG[:20] + SECRET + b"\xff\0\xff\xff" + images.jpeg_segment(0xFE, b"") + JPEG[20:]
    assert images.appearance(dirty) == images.appearance(JPEG)
    assert jpegs.clean(dirty, False) == JPEG
    assert jpegs.clean(jpeg_with(b"\xff\xd8", b"\xff\xd0", SECRET, b"\xff\x01"), False) == JPEG


def test_an_empty_segment_that_says_it_has_no_length_goes() -> None:
    assert jpegs.clean(jpeg_with(b"\xff\xfe\0\0", b"\xff\xe5\0\1"), False) == JPEG


def test_comments_between_the_scans_of_a_progressive_jpeg_go() -> None:
    sent = images.encode(images.corner(), "image/jpeg", progressive=True, restart_marker_blocks=1)
    at = sent.rindex(b"\xff\xda")
    dirty = sent[:at] + images.jpeg_segment(0xFE, SECRET) + images.jpeg_segment(0xE1, b"Exif\0\0" + EXIF) + sent[at:]
    assert jpegs.clean(dirty, True) == sent
    assert sent.count(b"\xff\xd0") > 1


def test_only_the_first_photograph_of_several_stays() -> None:
    sent = images.two_photographs_mpo()
    stored = jpegs.clean(sent, False)
    with Image.open(images.as_file(stored)) as image:
        assert (image.format, image.size) == ("JPEG", (60, 40))
    assert stored.count(b"\xff\xd8\xff") == 1
    assert b"MPF" not in stored


def test_of_several_exif_segments_the_first_counts() -> None:
    turned, upright = (images.jpeg_segment(0xE1, b"Exif\0\0" + images.camera_exif(turn)) for turn in (8, 1))
    assert info_of(jpegs.clean(jpeg_with(turned, upright), False))["exif"] == b"Exif\0\0" + exif.minimal(
        images.camera_exif(8)
    )
    assert jpegs.clean(jpeg_with(upright, turned), False) == JPEG
    assert jpegs.clean(jpeg_with(upright, turned), True) == jpeg_with(upright, turned)


def test_long_xmp_and_a_profile_in_several_segments_stay_whole() -> None:
    xmp = images.jpeg_segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + images.SECRET_XMP)
    profile = images.srgb_profile().ljust(70_000, b"\0")
    sent = images.encode(images.corner(), "image/jpeg", icc_profile=profile)
    assert jpegs.clean(sent, False) == sent
    assert jpegs.clean(jpeg_with(xmp), True) == jpeg_with(xmp)
    assert jpegs.clean(jpeg_with(xmp), False) == JPEG


@pytest.mark.parametrize("cut", [2, 3, 30, 100, len(JPEG) // 2, len(JPEG) - 2, len(JPEG) - 1])
def test_a_jpeg_without_its_end_is_cut_off(cut: int) -> None:
    with pytest.raises(UnreadableImage, match="JPEG file ends before the image does"):
        jpegs.clean(JPEG[:cut], False)


# EXIF


@pytest.mark.parametrize("order", ["<", ">"])
def test_an_orientation_is_read_in_both_byte_orders_and_written_in_fewer_bytes(order: str) -> None:
    head = {"<": b"II*\0", ">": b"MM\0*"}[order]
    for turn in range(2, 9):
        block = head + struct.pack(order + "IHHHIHHI", 8, 1, 0x112, 3, 1, turn, 0, 0)
        assert exif.orientation(block) == exif.orientation(b"Exif\0\0" + block) == turn
        for shorter in (block, block[:-4], b"Exif\0\0" + block[:-1]):
            assert exif.orientation(exif.minimal(shorter)) == turn
            assert len(exif.minimal(shorter)) <= len(shorter)
            assert exif.minimal(exif.minimal(shorter)) == exif.minimal(shorter)
        assert exif.minimal(block[:-5]) == b""


@pytest.mark.parametrize(
    "entry",
    [(0x112, 4, 1, 6, 0), (0x112, 3, 2, 6, 6), (0x112, 3, 1, 0, 0), (0x112, 3, 1, 9, 0), (0x113, 3, 1, 6, 0)],
    ids=["a long", "two of them", "0", "9", "another tag"],
)
def test_an_orientation_that_browsers_do_not_believe_is_none(entry: tuple[int, ...]) -> None:
    block = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, *entry, 0)
    assert exif.orientation(block) == 1
    assert exif.minimal(block) == b""


# PNG


def png_with(*chunks: tuple[bytes, bytes], at: int = 33) -> bytes:
    return PNG[:at] + b"".join(images.png_chunk(*chunk) for chunk in chunks) + PNG[at:]


KEPT = {
    b"cHRM": bytes(32),
    b"sRGB": b"\0",
    b"sBIT": b"\5\6\5",
    b"cICP": b"\1\x0d\0\1",
    b"mDCV": bytes(24),
    b"cLLI": bytes(8),
    b"bKGD": bytes(6),
    b"pHYs": struct.pack(">IIB", 2835, 2835, 1),
    b"gAMA": struct.pack(">I", 45_455),
}


@pytest.mark.parametrize("kind", KEPT)
def test_what_tells_of_colours_and_density_stays_in_a_png(kind: bytes) -> None:
    sent = png_with((kind, KEPT[kind]))
    assert pngs.clean(sent, False) == sent


@pytest.mark.parametrize(
    "kind", [b"tEXt", b"zTXt", b"iTXt", b"tIME", b"prVt", b"CRIT", b"caBX", b"hIST", b"sPLT", b"\0\0\0\0"]
)
def test_other_chunks_of_a_png_go_wherever_they_are(kind: bytes) -> None:
    for at in (33, len(PNG) - 12):
        assert pngs.clean(png_with((kind, b"Comment\0" + SECRET), at=at), True) == PNG


def test_an_orientation_behind_the_pixels_of_a_png_is_not_believed() -> None:
    late = png_with((b"eXIf", EXIF), at=len(PNG) - 12)
    assert pngs.clean(late, False) == PNG
    assert pngs.clean(late, True) == PNG
    twice = png_with((b"eXIf", images.camera_exif(1)), (b"eXIf", EXIF))
    assert pngs.clean(twice, False) == PNG
    assert pngs.clean(twice, True) == png_with((b"eXIf", images.camera_exif(1)))


def test_an_end_mark_of_a_png_is_empty() -> None:
    assert pngs.clean(PNG[:-12] + images.png_chunk(b"IEND", SECRET), False) == PNG


# WebP


def test_the_flags_and_the_size_of_a_webp_are_corrected() -> None:
    sent = extended_webp(0xFF & ~0x12, (b"ICCP", images.srgb_profile()), (b"EXIF", EXIF), (b"XMP ", images.SECRET_XMP))
    stored = webps.clean(sent, False)
    assert stored[20] == 0x28
    assert int.from_bytes(stored[4:8], "little") == len(stored) - 8
    assert info_of(stored)["exif"] == exif.minimal(EXIF)
    assert webps.clean(sent, True)[20] == 0x2C
    upright = webps.clean(extended_webp(0x2C, (b"ICCP", b"x"), (b"EXIF", images.camera_exif(1))), False)
    assert upright == extended_webp(0x20, (b"ICCP", b"x"))


def test_what_the_flags_of_a_webp_do_not_announce_goes() -> None:
    chunks = (b"ICCP", images.srgb_profile()), (b"EXIF", EXIF), (b"XMP ", images.SECRET_XMP)
    assert "icc_profile" not in info_of(extended_webp(0, *chunks))
    assert webps.clean(extended_webp(0, *chunks), True) == extended_webp(0)
    assert webps.clean(webp((b"VP8 ", WEBP[20:]), *chunks), True) == WEBP


def test_unknown_chunks_of_a_webp_go_also_inside_of_frames() -> None:
    frame = (b"ANMF", bytes(6) + b"\x3b\0\0\x27\0\0\x64\0\0\0" + WEBP[12:])
    dirty_frame = (b"ANMF", frame[1] + webp((b"prvt", SECRET), (b"EXIF", EXIF))[12:])
    anim = (b"ANIM", bytes(6))
    head = (b"VP8X", bytes((2, 0, 0, 0, 59, 0, 0, 39, 0, 0)))
    sent = webp(head, anim, (b"prvt", SECRET), dirty_frame, anim, dirty_frame)
    assert webps.clean(sent, True) == webp(head, anim, frame, frame)
    assert images.appearance(webps.clean(sent, False)) == images.appearance(sent)


@pytest.mark.parametrize("cut", [8, 11, 12, 19, 20, len(WEBP) // 2, len(WEBP) - 1])
def test_a_webp_that_is_shorter_than_it_says_is_cut_off(cut: int) -> None:
    with pytest.raises(UnreadableImage, match="WebP file ends before the image does"):
        webps.clean(WEBP[:cut], False)


@pytest.mark.parametrize(
    "data",
    [
        webp((b"VP8X", b"short")),
        webp((b"VP8X", bytes((2, *bytes(9)))), (b"ANMF", b"short")),
        webp((b"VP8X", bytes(10)), (b"VP8 ", b"abcd")).replace(b"VP8 \4", b"VP8 \5"),
        WEBP[:16] + struct.pack("<I", len(WEBP)) + WEBP[20:],
        WEBP[:4] + struct.pack("<I", len(WEBP) - 9) + WEBP[8:],
    ],
)
def test_a_webp_whose_chunks_do_not_fit_is_damaged(data: bytes) -> None:
    with pytest.raises(UnreadableImage, match="damaged"):
        webps.clean(data, False)


# GIF

START = images.gif_blocks_start(GIF)


def gif_with(*blocks: bytes) -> bytes:
    return GIF[:START] + b"".join(blocks) + GIF[START:]


@pytest.mark.parametrize(
    "block",
    [
        images.gif_extension(0xFE, SECRET),
        images.gif_extension(0x01, bytes(12), SECRET),
        images.gif_extension(0xFF, b"ImageMagick", b"gamma=0.45"),
        images.gif_extension(0xFF, b"short", SECRET),
        images.gif_extension(0xFF, b"NETSCAPE2.0", b"\2abcd"),
        images.gif_extension(0xFF, b"NETSCAPE2.0"),
        images.gif_extension(0xFF),
        images.gif_extension(0x99, SECRET),
        images.gif_extension(0xF9, b"abc"),
        SECRET.replace(b"!", b""),
        bytes(9),
    ],
)
def test_what_no_browser_shows_of_a_gif_goes(block: bytes) -> None:
    assert gifs.clean(gif_with(block), False) == GIF


@pytest.mark.parametrize(
    "block",
    [
        images.gif_extension(0xFF, b"NETSCAPE2.0", b"\1\3\0"),
        images.gif_extension(0xFF, b"ANIMEXTS1.0", b"\1\0\0"),
        images.gif_extension(
            0xFF, b"ICCRGBG1012", *[images.srgb_profile()[at : at + 255] for at in range(0, 588, 255)]
        ),
        images.gif_extension(0xF9, b"\4\x0a\0\0"),
    ],
)
def test_loop_profile_and_timing_of_a_gif_stay(block: bytes) -> None:
    assert gifs.clean(gif_with(block), False) == gif_with(block)


def test_only_the_count_stays_of_a_loop_extension() -> None:
    loop = images.gif_extension(0xFF, b"NETSCAPE2.0", b"\2abcd", b"\1\3\0" + SECRET, SECRET)
    assert gifs.clean(gif_with(loop), False) == gif_with(images.gif_extension(0xFF, b"NETSCAPE2.0", b"\1\3\0"))
    control = images.gif_extension(0xF9, b"\4\x0a\0\0" + SECRET, SECRET)
    assert gifs.clean(gif_with(control), False) == gif_with(images.gif_extension(0xF9, b"\4\x0a\0\0"))


@pytest.mark.parametrize("cut", [6, 12, 13, 100, len(GIF) // 2, len(GIF) - 1])
def test_a_gif_without_its_end_is_cut_off(cut: int) -> None:
    with pytest.raises(UnreadableImage, match="GIF file ends before the image does"):
        gifs.clean(GIF[:cut], False)


@pytest.mark.parametrize("kind", [b"sBIT", b"bKGD", b"gAMA", b"pHYs", b"tRNS"])
def test_a_chunk_of_a_png_that_is_larger_than_it_can_be_goes(kind: bytes) -> None:
    assert pngs.clean(png_with((kind, b"PK" + bytes(300)), at=33), False) == PNG


def test_a_second_chunk_of_a_png_that_has_one_goes() -> None:
    first = png_with((b"gAMA", b"\0\0\xb1\x8f"), at=33)
    again = first[:33] + images.png_chunk(b"gAMA", b"\0\0\xb1\x8f") + first[33:]
    assert pngs.clean(again, False) == first
