"""The gate and the derivatives in this very process: every look at an image, without a child around it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from imagehost.errors import ImageDimensions, Refused, UnreadableImage
from imagehost.imaging import derive, formats, gate, gifs
from imagehost.imaging.variants import VARIANTS, Variant
from imagehost.mediatypes import EXTENSIONS
from tests import images

Open = Callable[[bytes], tuple[Path, gate.Header]]
THUMB = VARIANTS["thumb"]
DAMAGE: tuple[type[Exception], ...] = (Refused, MemoryError, *formats.DECODER_ERRORS)


@pytest.fixture
def header_of(tmp_path: Path) -> Open:
    def header_of(data: bytes) -> tuple[Path, gate.Header]:
        path = tmp_path / "image"
        path.write_bytes(data)
        return path, gate.read_header(path, gate.find_format(path))

    return header_of


@pytest.fixture
def thumb_of(header_of: Open, tmp_path: Path) -> Callable[..., Image.Image]:
    def thumb_of(data: bytes, variant: Variant = THUMB) -> Image.Image:
        path, header = header_of(data)
        size = (header.width, header.height)
        px = derive.seed_px([variant], *size)
        seed = gate.decode(path, header, px, lambda frame: derive.make_seed(frame, size, px))
        derive.write_variant(seed, variant, tmp_path / "thumb")
        with Image.open(tmp_path / "thumb") as thumb:
            return thumb.copy()

    return thumb_of


def near(colour: object, wanted: tuple[int, ...], within: int = 12) -> bool:
    assert isinstance(colour, tuple)
    return all(abs(a - b) <= within for a, b in zip(colour, wanted, strict=True))


def test_a_bomb_is_refused_without_a_pixel_being_allocated(header_of: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def allocate(*_args: object) -> None:
        pytest.fail("pixels were allocated")

    monkeypatch.setattr("PIL.Image.core.fill", allocate)
    monkeypatch.setattr("PIL.Image.core.new", allocate)
    with pytest.raises(ImageDimensions):
        header_of(images.one_bit_png())


def test_the_limit_of_pixels_is_exact(header_of: Open) -> None:
    assert header_of(images.one_bit_png(10_000, 5_000))[1].width == 10_000
    with pytest.raises(ImageDimensions):
        header_of(images.one_bit_png(10_000, 5_001))


def test_several_photographs_in_one_jpeg_count_as_its_first(
    header_of: Open, thumb_of: Callable[..., Image.Image]
) -> None:
    data = images.two_photographs_mpo()
    with Image.open(header_of(data)[0]) as image:
        assert image.format == "MPO"
    header = header_of(data)[1]
    assert (header.format, header.frames, header.width, header.height) == (formats.JPEG, 1, 60, 40)
    assert near(thumb_of(data).getpixel((10, 10)), (254, 0, 0))


@pytest.mark.parametrize("mime", EXTENSIONS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(part=st.floats(0, 0.98))
def test_no_cut_off_file_passes(mime: str, part: float, header_of: Open) -> None:
    data = images.photo_as(mime)
    with pytest.raises(DAMAGE):
        gate.decode(*header_of(data[: int(len(data) * part)]), 600, lambda _: None)


@pytest.mark.parametrize("mime", EXTENSIONS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), min_size=1, max_size=8))
def test_a_damaged_file_passes_or_is_refused_and_nothing_else(
    mime: str, noise: list[tuple[float, int]], header_of: Open
) -> None:
    data = bytearray(images.photo_as(mime))
    for place, flip in noise:
        data[int(place * (len(data) - 1))] ^= flip
    try:
        gate.decode(*header_of(bytes(data)), 600, lambda _: None)
    except DAMAGE:
        return


@given(st.binary(max_size=300))
def test_walking_any_bytes_as_a_gif_ends_within_the_limit(tail: bytes) -> None:
    layout = gifs.walk(b"GIF89a" + tail, 3)
    assert layout.frames <= 4
    assert layout.width <= 0x1FFFE


def test_a_gif_without_end_mark_or_image_is_unreadable(header_of: Open) -> None:
    data = images.animated("image/gif")
    with pytest.raises(UnreadableImage, match="ends before"):
        header_of(data[:-1])
    with pytest.raises(UnreadableImage, match="no image"):
        header_of(data[: 13 + (3 << ((data[10] & 7) + 1))] + b";")


@given(st.binary(max_size=64))
def test_only_the_five_signatures_are_sniffed(data: bytes) -> None:
    found = formats.sniff(data)
    assert found is None or found.mime in EXTENSIONS


@pytest.mark.parametrize("mime", ["image/jpeg", "image/png", "image/webp", "image/avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_thumb_stands_upright(mime: str, orientation: int, thumb_of: Callable[..., Image.Image]) -> None:
    upright = images.corner()
    stored_turn = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    stored = upright if stored_turn is None else upright.transpose(Image.Transpose(stored_turn))
    thumb = thumb_of(images.oriented(orientation, mime, stored))
    assert thumb.size == (60, 40)
    assert near(thumb.getpixel((10, 10)), (254, 0, 0))
    assert near(thumb.getpixel((50, 30)), (255, 255, 255))


def test_an_orientation_that_is_none_is_ignored(thumb_of: Callable[..., Image.Image]) -> None:
    assert thumb_of(images.oriented(77)).size == (60, 40)


def test_transparency_of_a_palette_survives(thumb_of: Callable[..., Image.Image]) -> None:
    thumb = thumb_of(images.transparent_palette_png())
    assert thumb.mode == "RGBA"
    assert near(thumb.getpixel((50, 20)), (0, 255, 0, 255))
    left = thumb.getpixel((10, 20))
    assert isinstance(left, tuple)
    assert left[3] == 0


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_mode_of_png_gets_a_thumb(mode: str, thumb_of: Callable[..., Image.Image]) -> None:
    thumb = thumb_of(images.encode(images.corner(mode=mode), "image/png"))
    assert thumb.mode == ("RGBA" if "A" in mode else "RGB") or mode in ("LA", "RGBA")
    assert near(thumb.convert("RGB").getpixel((50, 30)), (255, 255, 255))


def test_sixteen_bits_are_scaled_and_not_clipped(thumb_of: Callable[..., Image.Image]) -> None:
    thumb = thumb_of(images.grey_16_bit_png())
    assert near(thumb.getpixel((5, 20)), (0x40,) * 3)
    assert near(thumb.getpixel((55, 20)), (0xC0,) * 3)


def test_a_key_colour_does_not_make_sixteen_bits_white(thumb_of: Callable[..., Image.Image]) -> None:
    data = images.grey_16_bit_png()
    at = data.index(b"IDAT") - 4
    thumb = thumb_of(data[:at] + images.png_chunk(b"tRNS", b"\0\1") + data[at:])
    assert near(thumb.convert("RGB").getpixel((5, 20)), (0x40,) * 3)


def test_a_cmyk_jpeg_keeps_its_colours(thumb_of: Callable[..., Image.Image]) -> None:
    thumb = thumb_of(images.cmyk_jpeg())
    assert thumb.mode == "RGB"
    assert near(thumb.getpixel((10, 10)), (254, 0, 0))


def test_colours_are_managed_to_srgb(thumb_of: Callable[..., Image.Image]) -> None:
    assert near(thumb_of(images.swapped_profile_jpeg()).getpixel((20, 20)), (0, 0, 255))


def test_a_damaged_profile_is_ignored(thumb_of: Callable[..., Image.Image]) -> None:
    data = images.encode(images.corner(), "image/jpeg", icc_profile=b"no profile at all")
    assert near(thumb_of(data).getpixel((10, 10)), (254, 0, 0))


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1), (399, 2), (401, 2)])
def test_extreme_proportions_get_a_thumb_that_is_never_larger(
    size: tuple[int, int], thumb_of: Callable[..., Image.Image]
) -> None:
    thumb = thumb_of(images.encode(Image.new("RGB", size, "red"), "image/png"))
    assert max(thumb.size) == min(400, max(size))
    assert min(thumb.size) >= 1


def test_the_reduced_decode_cannot_be_told_from_the_full_one(thumb_of: Callable[..., Image.Image]) -> None:
    with Image.open(images.PHOTOS / "coffee.jpg") as image:
        large = image.resize((4000, 2668), Image.Resampling.BICUBIC)
        reference = image.resize((400, 267), Image.Resampling.LANCZOS)
    thumb = thumb_of(images.encode(large, "image/jpeg", quality=95))
    assert thumb.size == reference.size
    pairs = zip(thumb.convert("RGB").tobytes(), reference.tobytes(), strict=True)
    differences = [abs(a - b) for a, b in pairs]
    assert sum(differences) / len(differences) < 4
