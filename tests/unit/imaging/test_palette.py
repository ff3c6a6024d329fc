"""Images in other colours: what each pixel becomes, in both modes, and the colours that are found in an image."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from imagehost.errors import Unavailable
from imagehost.imaging import gate, palette
from imagehost.imaging.cielab import Rgb, distance, parse_hex, to_hex, to_lab
from imagehost.imaging.reports import Found, parse_report, to_line
from imagehost.imaging.results import Colour
from imagehost.imaging.sandbox import Sandbox
from tests import images

Recolour = Callable[..., Image.Image]
POSTER = [parse_hex(colour) for colour in ("#ffec27", "#1d2b53", "#ff004d", "#fff1e8", "#7e2553", "#ffa300")]
CELL = 3.0  # in CIELAB: how far the middle of a cell of 4 × 4 × 4 colours may be from each of them


@pytest.fixture
def recolour(tmp_path: Path) -> Recolour:
    """Recolours in this very process."""

    def recolour(data: bytes, colours: Sequence[Rgb], mode: str) -> Image.Image:
        path, target = tmp_path / "source", tmp_path / "target.png"
        path.write_bytes(data)
        header = gate.read_header(path, gate.find_format(path))
        size = palette.recolour(path, header, colours, mode, target)
        with Image.open(target) as image:
            image.load()
            assert (image.format, image.size) == ("PNG", size)
            return image

    return recolour


def colours_of(image: Image.Image) -> list[Rgb]:
    data = image.convert("RGB").tobytes()
    return [(data[at], data[at + 1], data[at + 2]) for at in range(0, len(data), 3)]


def png(image: Image.Image) -> bytes:
    return images.encode(image, "image/png")


def sixteen() -> list[Rgb]:
    dice = random.Random(16)
    return [(dice.randrange(256), dice.randrange(256), dice.randrange(256)) for _ in range(16)]


def test_a_colour_in_cielab_is_what_others_say_it_is() -> None:
    """The D65 values that are printed everywhere, and LittleCMS's, which are of D50 and so agree for greys alone."""
    assert to_lab((255, 0, 0)) == pytest.approx((53.24, 80.09, 67.20), abs=0.02)
    assert to_lab((0, 255, 0)) == pytest.approx((87.73, -86.18, 83.18), abs=0.02)
    assert to_lab((0, 0, 255)) == pytest.approx((32.30, 79.19, -107.86), abs=0.02)
    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    for grey in (0, 3, 119, 255):
        lightness = ImageCms.applyTransform(Image.new("RGB", (1, 1), (grey,) * 3), transform)
        assert lightness is not None
        assert to_lab((grey,) * 3) == pytest.approx((lightness.tobytes()[0] / 2.55, 0, 0), abs=0.3)


@pytest.mark.parametrize("colours", [POSTER, sixteen()], ids=["six", "sixteen"])
def test_each_pixel_gets_the_nearest_colour(recolour: Recolour, colours: list[Rgb]) -> None:
    dice = random.Random(len(colours))
    image = Image.frombytes("RGB", (60, 40), dice.randbytes(60 * 40 * 3))
    labs = [to_lab(colour) for colour in colours]
    for before, after in zip(colours_of(image), colours_of(recolour(png(image), colours, "nearest")), strict=True):
        wanted = to_lab(before)
        assert after in colours
        assert distance(wanted, to_lab(after)) == min(distance(wanted, lab) for lab in labs)


def test_of_very_many_colours_each_pixel_gets_one_that_looks_as_near(recolour: Recolour) -> None:
    image = Image.frombytes("RGB", (320, 220), random.Random(1).randbytes(320 * 220 * 3))
    assert image.getcolors(1 << 16) is None
    labs = [to_lab(colour) for colour in POSTER]
    for before, after in list(zip(colours_of(image), colours_of(recolour(png(image), POSTER, "nearest")), strict=True))[
        ::31
    ]:
        wanted = to_lab(before)
        assert distance(wanted, to_lab(after)) <= min(distance(wanted, lab) for lab in labs) + 2 * CELL


def test_by_luminance_a_ramp_gets_lighter_step_by_step(recolour: Recolour) -> None:
    ramp = Image.linear_gradient("L").rotate(90)
    row = colours_of(recolour(png(ramp), POSTER, "luminance"))[:256]
    steps = [place for place, colour in enumerate(row) if place == 0 or colour != row[place - 1]]
    assert [row[place] for place in steps] == sorted(POSTER, key=lambda colour: to_lab(colour)[0])
    lengths = [end - start for start, end in zip(steps, [*steps[1:], 256], strict=True)]
    assert min(lengths) > 20


@pytest.mark.parametrize("name", ["coffee", "rocket"])
def test_by_luminance_lighter_parts_of_a_photograph_stay_lighter(name: str, recolour: Recolour) -> None:
    """The mean lightness of the pixels that became a colour rises with the colour's own."""
    with Image.open(images.PHOTOS / f"{name}.jpg") as photograph:
        small = photograph.resize((120, 80))
    became: dict[Rgb, list[float]] = {}
    pairs = zip(colours_of(small), colours_of(recolour(png(small), POSTER, "luminance")), strict=True)
    for before, after in pairs:
        became.setdefault(after, []).append(to_lab(before)[0])
    means = [sum(became[c]) / len(became[c]) for c in sorted(became, key=lambda colour: to_lab(colour)[0])]
    assert len(means) == len(POSTER)
    assert means == sorted(means)


def test_by_luminance_a_dark_image_uses_light_colours_too_where_the_nearest_would_not(recolour: Recolour) -> None:
    dark = Image.linear_gradient("L").point(lambda value: value // 8).resize((64, 64))
    by_mode = {mode: set(colours_of(recolour(png(dark), POSTER, mode))) for mode in ("nearest", "luminance")}
    assert by_mode["nearest"] == {POSTER[1]}
    assert by_mode["luminance"] == set(POSTER)


def test_fewer_colours_than_the_palette_has_are_spread_from_its_darkest_to_its_lightest(recolour: Recolour) -> None:
    board = Image.new("L", (20, 20), 40)
    board.paste(60, (0, 0, 10, 20))
    assert set(colours_of(recolour(png(board), POSTER, "luminance"))) == {(0x1D, 0x2B, 0x53), (0xFF, 0xF1, 0xE8)}


def test_an_image_of_one_colour_gets_the_one_that_is_as_light(recolour: Recolour) -> None:
    assert set(colours_of(recolour(png(Image.new("RGB", (9, 9), "red")), POSTER, "luminance"))) == {(0xFF, 0, 0x4D)}


@pytest.mark.parametrize("mode", ["nearest", "luminance"])
def test_a_palette_of_one_colour_leaves_nothing_else(mode: str, recolour: Recolour) -> None:
    assert set(colours_of(recolour(images.photo("chelsea"), [(1, 2, 3)], mode))) == {(1, 2, 3)}


@pytest.mark.parametrize("mode", ["nearest", "luminance"])
def test_alpha_stays_what_it_is(mode: str, recolour: Recolour) -> None:
    with Image.open(images.PHOTOS / "coffee.jpg") as photograph:
        image = photograph.resize((64, 64)).convert("RGBA")
    image.putalpha(Image.radial_gradient("L").resize((64, 64)))
    made = recolour(png(image), POSTER, mode)
    assert made.mode == "RGBA"
    assert made.getchannel("A").tobytes() == image.getchannel("A").tobytes()
    assert set(colours_of(made)) <= set(POSTER)


@pytest.mark.parametrize("mode", ["nearest", "luminance"])
def test_what_cannot_be_seen_has_no_part_in_the_clusters(mode: str, recolour: Recolour) -> None:
    assert recolour(png(Image.new("RGBA", (8, 8), (0, 0, 0, 0))), POSTER, mode).getchannel("A").getextrema() == (0, 0)


@pytest.mark.parametrize("mode", ["nearest", "luminance"])
def test_the_same_image_gets_the_same_bytes(mode: str, recolour: Recolour, tmp_path: Path) -> None:
    made = set()
    for _ in range(2):
        recolour(images.photo("chelsea"), POSTER, mode)
        made.add((tmp_path / "target.png").read_bytes())
    assert len(made) == 1


def test_strips_join_without_a_seam(recolour: Recolour, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = recolour(images.photo("chelsea"), POSTER, "luminance")
    monkeypatch.setattr("imagehost.imaging.palette._STRIP_PIXELS", 7_777)
    assert recolour(images.photo("chelsea"), POSTER, "luminance").tobytes() == whole.tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_result_stands_upright(orientation: int, recolour: Recolour) -> None:
    stored_turn = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    upright = images.corner()
    stored = upright if stored_turn is None else upright.transpose(Image.Transpose(stored_turn))
    made = recolour(images.oriented(orientation, "image/png", stored), [(250, 0, 0), (0, 0, 9)], "nearest")
    assert made.size == (60, 40)
    assert made.convert("RGB").getpixel((10, 10)) == (250, 0, 0)


def test_colours_are_those_of_the_images_profile(recolour: Recolour) -> None:
    made = recolour(images.swapped_profile_jpeg(), [(255, 0, 0), (0, 0, 255)], "nearest")
    assert set(colours_of(made)) == {(0, 0, 255)}


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_of_png_can_be_recoloured(mode: str, recolour: Recolour) -> None:
    data = images.grey_16_bit_png() if mode == "I;16" else png(images.corner(mode=mode))
    for how in ("nearest", "luminance"):
        made = colours_of(recolour(data, [(120, 60, 60), (255, 255, 255)], how))
        assert (made[0], made[-1]) == ((120, 60, 60), (255, 255, 255))


@pytest.mark.parametrize("mime", images.ANIMATED)
def test_of_an_animation_the_first_frame_is_taken(mime: str, recolour: Recolour) -> None:
    made = recolour(images.animated(mime), [(0, 0, 200), (80, 40, 200)], "nearest")
    assert getattr(made, "n_frames", 1) == 1
    assert set(colours_of(made)) == {(0, 0, 200)}


def test_the_sandbox_recolours_and_finds_colours(sandbox: Sandbox, tmp_path: Path) -> None:
    source = images.PHOTOS / "coffee.jpg"
    made = sandbox.recolour(source, tmp_path, tuple(map(to_hex, POSTER)), "nearest")
    assert made is not None
    with Image.open(made) as image:
        assert set(colours_of(image)) <= set(POSTER)
    found = sandbox.find_colours(source, tmp_path)
    assert found is not None
    assert 5 <= len(found) <= palette.FOUND_MAX
    assert [colour.share for colour in found] == sorted((colour.share for colour in found), reverse=True)
    assert sum(colour.share for colour in found) == pytest.approx(1, abs=0.001)


def test_the_colours_of_a_flag_are_found_with_their_shares(sandbox: Sandbox, tmp_path: Path) -> None:
    flag = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    flag.paste((255, 0, 0, 255), (0, 0, 30, 100))
    flag.paste((0, 64, 255, 255), (30, 0, 40, 100))
    (tmp_path / "flag").write_bytes(png(flag))
    assert sandbox.find_colours(tmp_path / "flag", tmp_path) == (Colour("#ff0000", 0.75), Colour("#0040ff", 0.25))
    (tmp_path / "glass").write_bytes(png(Image.new("RGBA", (9, 9), (1, 2, 3, 0))))
    assert sandbox.find_colours(tmp_path / "glass", tmp_path) == ()


def test_what_takes_too_much_is_not_recoloured(tmp_path: Path) -> None:
    small = Sandbox(1, memory_bytes=16 << 20, slots_dir=tmp_path / "slots")
    source = tmp_path / "large"
    source.write_bytes(images.gif_of(1, 5500, 4000))
    try:
        assert small.recolour(source, tmp_path, ("#000000",), "nearest") is None
        assert small.find_colours(source, tmp_path) is None
    finally:
        small.close()


def test_a_result_that_cannot_be_written_is_unavailable(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "recoloured.png").mkdir()
    with pytest.raises(Unavailable):
        sandbox.recolour(images.PHOTOS / "coffee.jpg", tmp_path, ("#000000",), "nearest")


@pytest.mark.parametrize("colours", ["", "#00ff7f=10000", "#00ff7f=7300,#ffffff=2700"])
def test_a_report_of_colours_arrives_as_it_was_sent(colours: str) -> None:
    assert parse_report(to_line(Found(colours))) == Found(colours)


@pytest.mark.parametrize(
    "colours", ["red", "#00ff7f", "#00ff7f=1,", "#00FF7F=1", "#00ff7f=1;#000000=1", "#000000=1," * 20]
)
def test_a_report_of_anything_else_is_nonsense(colours: str) -> None:
    with pytest.raises(ValueError, match="no colours"):
        parse_report(to_line(Found(colours)))
