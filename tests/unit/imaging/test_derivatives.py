"""Derivatives made on demand, from images that were judged before."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagehost.errors import Unavailable
from imagehost.imaging.sandbox import Sandbox
from imagehost.imaging.variants import FORMATS, PREVIEW, Variant, sized
from imagehost.mediatypes import EXTENSIONS
from tests import images

MIB = 1 << 20
Derive = Callable[..., Image.Image | None]


@pytest.fixture
def derive(sandbox: Sandbox, tmp_path: Path) -> Iterator[Derive]:
    """Makes the preview of an image, or another variant, in a sandbox with the limits of production or with these."""

    def derive(data: bytes, variant: Variant = PREVIEW, **limits: Any) -> Image.Image | None:
        source = tmp_path / "source"
        source.write_bytes(data)
        used = Sandbox(1, slots_dir=tmp_path / "slots", **limits) if limits else sandbox
        try:
            made = used.derive(source, tmp_path, variant)
        finally:
            if used is not sandbox:
                used.close()
        if made is None:
            return None
        assert (made.name, made.path, made.mime) == (variant.file_name, tmp_path / variant.file_name, variant.mime)
        opened.append(Image.open(made.path))
        assert (Image.MIME[opened[-1].format or ""], opened[-1].size) == (variant.mime, (made.width, made.height))
        return opened[-1]

    opened: list[Image.Image] = []
    yield derive
    for image in opened:
        image.close()


def frames_of(image: Image.Image | None) -> list[tuple[int, bytes]]:
    """How long each frame lasts, in ms, and the colour (red, green, blue) in its middle."""
    assert image is not None
    found = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        image.load()
        found.append((round(image.info["duration"]), image.convert("RGB").crop((800, 10, 801, 11)).tobytes()))
    return found


@pytest.mark.parametrize("mime", EXTENSIONS)
def test_a_preview_fits_1600_px_in_every_format(mime: str, derive: Derive) -> None:
    image = derive(images.encode(images.corner(2400, 1200), mime))
    assert image is not None
    assert (image.size, getattr(image, "n_frames", 1)) == ((1600, 800), 1)
    assert not {"exif", "xmp", "icc_profile"} & set(image.info)


def test_a_preview_stands_upright_whole_and_in_srgb(derive: Derive) -> None:
    image = derive(images.oriented(6, image=images.corner(1800, 900)))
    assert image is not None
    assert image.size == (800, 1600)
    red, green, _ = image.convert("RGB").crop((700, 100, 701, 101)).tobytes()
    assert red > 200 > 100 > green
    blue = derive(images.swapped_profile_jpeg())
    assert blue is not None
    assert blue.convert("RGB").crop((20, 20, 21, 21)).tobytes()[2] > 200


@pytest.mark.parametrize("mime", FORMATS.values())
def test_every_size_is_made_in_every_format(mime: str, derive: Derive) -> None:
    large = images.encode(images.corner(3000, 1500), "image/jpeg")
    for name, size in (("w64", (64, 32)), ("h160", (320, 160)), ("w640h160", (320, 160)), ("w2048", (2048, 1024))):
        image = derive(large, sized(name, mime))
        assert image is not None
        assert image.size == size
        red, green, _ = image.convert("RGB").crop((size[0] // 8, size[1] // 8, size[0], size[1])).tobytes()[:3]
        assert red > 200 > 100 > green


@pytest.mark.parametrize("turn", [1, 6])
def test_a_covering_size_shows_the_middle_upright(turn: int, derive: Derive) -> None:
    upright = Image.new("RGB", (900, 300), "white")
    upright.paste("red", (300, 0, 600, 300))
    stored = upright if turn == 1 else upright.transpose(Image.Transpose.ROTATE_90)
    image = derive(images.oriented(turn, image=stored), sized("w160h160-cover", "image/png"))
    assert image is not None
    assert image.size == (160, 160)
    for place in ((4, 4), (155, 4), (80, 80), (4, 155), (155, 155)):
        red, green, _ = image.convert("RGB").crop((*place, place[0] + 1, place[1] + 1)).tobytes()
        assert red > 200 > 100 > green


def test_what_is_transparent_is_white_in_a_jpeg_and_stays_so_elsewhere(derive: Derive) -> None:
    data = images.encode(Image.new("RGBA", (200, 200), (255, 0, 0, 0)), "image/png")
    for mime in FORMATS.values():
        image = derive(data, sized("w64", mime))
        assert image is not None
        red, green, blue, alpha = image.convert("RGBA").crop((30, 30, 31, 31)).tobytes()
        assert (min(red, green, blue) > 250, alpha) == (True, 255) if mime == "image/jpeg" else alpha == 0


def test_a_size_moves_as_webp_and_is_the_first_frame_in_other_formats(derive: Derive) -> None:
    data = images.animated("image/gif", 4, (170, 25), duration=50)
    for mime in FORMATS.values():
        image = derive(data, sized("w64", mime))
        assert image is not None
        assert getattr(image, "n_frames", 1) == (4 if mime == "image/webp" else 1)


def test_a_preview_is_never_larger_than_its_image(derive: Derive) -> None:
    image = derive(images.photo())
    assert image is not None
    assert image.size == (1000, 667)


@pytest.mark.parametrize("mime", images.ANIMATED)
def test_an_animation_keeps_its_frames_and_their_times(mime: str, derive: Derive) -> None:
    durations = (50, 100, 150, 200)
    image = derive(images.animated(mime, 4, (1700, 25), duration=durations))
    assert image is not None
    assert image.size == (1600, 24)
    found = frames_of(image)
    assert [duration for duration, _ in found] == list(durations)
    for number, (_, colour) in enumerate(found):
        assert abs(colour[0] - 80 * number) < 12
        assert abs(colour[1] - 40 * number) < 12


@pytest.mark.parametrize(
    "mime, loop, plays",
    [
        ("image/gif", None, 1),
        ("image/gif", 0, 0),
        ("image/gif", 2, 3),
        ("image/webp", 0, 0),
        ("image/webp", 3, 3),
        ("image/png", 0, 0),
        ("image/png", 3, 3),
    ],
)
def test_an_animation_plays_as_often_as_it_did(mime: str, loop: int | None, plays: int, derive: Derive) -> None:
    image = derive(images.animated(mime, 2, (1700, 20), **({} if loop is None else {"loop": loop})))
    assert image is not None
    assert image.info["loop"] == plays


def test_the_picture_for_programs_that_know_no_animation_is_no_part_of_it(derive: Derive) -> None:
    data = images.animated("image/png", 4, (1700, 20), default_image=True)
    assert [colour[0] // 70 for _, colour in frames_of(derive(data))] == [1, 2, 3]


def test_transparency_stays_transparent_in_an_animation(derive: Derive) -> None:
    pictures = [Image.new("RGBA", (1700, 20), (200, 0, 0, 255 * number)) for number in range(2)]
    data = images.encode(pictures[0], "image/webp", save_all=True, append_images=pictures[1:], lossless=True)
    image = derive(data)
    assert image is not None
    alphas = []
    for number in range(2):
        image.seek(number)
        alphas.append(image.convert("RGBA").getchannel("A").getextrema())
    assert alphas == [(0, 0), (255, 255)]


def test_what_of_a_frame_lies_beyond_the_firsts_edge_is_cut_off(derive: Derive) -> None:
    black, white = (Image.new("RGB", (1700, 20), colour) for colour in ("black", "white"))
    data = bytearray(images.encode(black, "image/gif", save_all=True, append_images=[white]))
    second = data.rindex(struct.pack("<cHHHH", b",", 0, 0, 1700, 20))
    data[second + 1 : second + 3] = struct.pack("<H", 850)
    image = derive(bytes(data))
    assert image is not None
    image.seek(1)
    row = image.convert("L").crop((0, 10, 1600, 11)).tobytes()
    assert max(row[:790]) < 30
    assert min(row[810:]) > 225


@pytest.mark.parametrize(
    "limits", [{"cpu_s": 1}, {"wall_s": 0.2}, {"memory_bytes": 32 * MIB}], ids=["cpu", "wall", "memory"]
)
def test_what_takes_too_much_is_not_derived(limits: dict[str, Any], derive: Derive) -> None:
    assert derive(images.gif_of(9, 5500, 4000), **limits) is None


@pytest.mark.parametrize("data", [b"", b"text", images.photo()[:5000], images.one_bit_png()])
def test_what_cannot_be_decoded_is_not_derived(data: bytes, derive: Derive) -> None:
    assert derive(data) is None


def test_a_file_that_cannot_be_written_is_unavailable(derive: Derive, tmp_path: Path) -> None:
    (tmp_path / "preview.webp").mkdir()
    with pytest.raises(Unavailable) as caught:
        derive(images.photo())
    assert "IsADirectoryError" in caught.value.__notes__[0]


def test_makers_wait_for_the_same_slots_as_the_gate(
    derive: Derive, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imagehost.imaging.sandbox._SLOT_WAIT_S", 0.0)
    with sandbox._slots.taken(0), sandbox._slots.taken(0), pytest.raises(Unavailable, match="busy"):
        derive(images.photo())
