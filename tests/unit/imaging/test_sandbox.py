"""The three answers of the gate, with the limits of production."""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import run

import pytest
from PIL import Image

from imagehost.errors import ImageDimensions, Refused, UnreadableImage, UnsupportedImage
from imagehost.imaging.results import Accepted
from imagehost.imaging.sandbox import Sandbox
from imagehost.imaging.variants import PREVIEW, THUMB
from imagehost.mediatypes import EXTENSIONS
from tests import images

Inspect = Callable[[bytes], Accepted]


@pytest.mark.parametrize("mime", EXTENSIONS)
def test_a_photograph_is_accepted_in_every_format(mime: str, inspect: Inspect) -> None:
    data = images.photo_as(mime)
    accepted = inspect(data)
    assert (accepted.mime, accepted.extension) == (mime, EXTENSIONS[mime])
    assert (accepted.width, accepted.height, accepted.frames) == (451, 300, 1)
    assert accepted.path.read_bytes() == data
    assert accepted.size == accepted.source_size == len(data)
    assert accepted.sha256 == accepted.source_sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "hubble", "rocket"])
def test_every_test_photograph_gets_a_thumb_that_fits_400_px(name: str, inspect: Inspect) -> None:
    (thumb,) = inspect(images.photo(name)).derivatives
    assert (thumb.name, thumb.mime) == ("thumb.webp", "image/webp")
    assert max(thumb.width, thumb.height) == 400
    with Image.open(thumb.path) as image:
        assert (image.format, image.size, image.mode) == ("WEBP", (thumb.width, thumb.height), "RGB")


@pytest.mark.parametrize("mime", images.ANIMATED)
def test_frames_of_an_animation_are_counted(mime: str, inspect: Inspect) -> None:
    accepted = inspect(images.animated(mime))
    assert (accepted.mime, accepted.frames) == (mime, 3)
    assert len(accepted.derivatives) == 1


@pytest.mark.parametrize("mime", EXTENSIONS)
@pytest.mark.parametrize("part", [0.1, 0.5, 0.95])
def test_a_file_that_was_cut_off_is_unreadable(mime: str, part: float, inspect: Inspect) -> None:
    data = images.photo_as(mime)
    with pytest.raises(UnreadableImage) as caught:
        inspect(data[: int(len(data) * part)])
    assert EXTENSIONS[mime].replace("jpg", "jpeg") in caught.value.detail.lower()


def test_a_png_that_was_cut_20_bytes_short_is_unreadable(inspect: Inspect) -> None:
    with pytest.raises(UnreadableImage):
        inspect(images.photo_as("image/png")[:-20])


def test_a_jpeg_without_its_last_two_bytes_is_unreadable(inspect: Inspect) -> None:
    with pytest.raises(UnreadableImage, match="ends before"):
        inspect(images.photo("rocket")[:-2])


def test_a_png_with_a_wrong_checksum_is_unreadable(inspect: Inspect) -> None:
    with pytest.raises(UnreadableImage, match="damaged"):
        inspect(images.png_with_wrong_crc())


def test_an_empty_file_is_unreadable(inspect: Inspect) -> None:
    with pytest.raises(UnreadableImage, match="empty"):
        inspect(b"")


@pytest.mark.parametrize("name", images.not_images())
def test_what_is_no_accepted_format_is_unsupported(name: str, inspect: Inspect) -> None:
    with pytest.raises(UnsupportedImage, match="not a PNG, JPEG, GIF, WebP or AVIF"):
        inspect(images.not_images()[name])


@pytest.mark.parametrize("mime", EXTENSIONS)
def test_a_bare_signature_is_unreadable(mime: str, inspect: Inspect) -> None:
    with pytest.raises(UnreadableImage):
        inspect(images.photo_as(mime)[:32])


def test_a_png_of_178_megapixels_is_refused_by_its_header(inspect: Inspect) -> None:
    data = images.one_bit_png()
    assert len(data) < 50_000
    with pytest.raises(ImageDimensions, match="50 megapixels"):
        inspect(data)


def test_a_gif_with_too_many_frames_is_refused(inspect: Inspect) -> None:
    assert inspect(images.gif_of(500, 2, 2)).frames == 500
    with pytest.raises(ImageDimensions, match="more than 500 frames"):
        inspect(images.gif_of(501, 2, 2))


def test_a_gif_with_too_many_pixels_over_all_frames_is_refused(inspect: Inspect) -> None:
    with pytest.raises(ImageDimensions, match="200 megapixels"):
        inspect(images.gif_of(5, 7000, 7000))


@pytest.mark.parametrize("mime", ["image/webp", "image/png", "image/avif"])
def test_fifty_megapixels_with_alpha_are_accepted(mime: str, inspect: Inspect) -> None:
    accepted = inspect(images.large_rgba(mime))
    assert (accepted.width, accepted.height) == (10_000, 5_000)
    assert [(thumb.width, thumb.height) for thumb in accepted.derivatives] == [(400, 200)]


@pytest.mark.parametrize("data", [b"", b"text", images.one_bit_png(), images.photo()[:5000]])
def test_a_refusal_is_the_same_on_every_retry(data: bytes, inspect: Inspect) -> None:
    answers = set()
    for _ in range(3):
        with pytest.raises(Refused) as caught:
            inspect(data)
        answers.add((caught.value.code, caught.value.detail))
    assert len(answers) == 1


def test_the_source_is_left_alone_and_inspecting_again_gives_the_same(sandbox: Sandbox, tmp_path: Path) -> None:
    source = tmp_path / "staging"
    source.write_bytes(images.photo())
    assert sandbox.inspect(source, tmp_path) == sandbox.inspect(source, tmp_path)
    assert source.read_bytes() == images.photo()


@pytest.mark.parametrize(
    "data, made",
    [
        (images.large_photo(), {"thumb.webp": (400, 300), "preview.webp": (1600, 1200)}),
        (images.photo(), {"thumb.webp": (400, 267)}),
        (images.animated("image/gif", 2, (1700, 17)), {"thumb.webp": (400, 4)}),
    ],
    ids=["large", "fits", "moves"],
)
def test_a_preview_that_is_wanted_at_once_is_made_where_it_would_be_and_stands(
    sandbox: Sandbox, tmp_path: Path, data: bytes, made: dict[str, tuple[int, int]]
) -> None:
    source = tmp_path / "source"
    source.write_bytes(data)
    accepted = sandbox.inspect(source, tmp_path, (THUMB, PREVIEW))
    assert {each.name: (each.width, each.height) for each in accepted.derivatives} == made


def test_without_eager_variants_nothing_is_derived(sandbox: Sandbox, tmp_path: Path) -> None:
    accepted = sandbox.inspect(images.PHOTOS / "coffee.jpg", tmp_path, eager=())
    assert accepted.derivatives == ()
    assert [path.name for path in tmp_path.iterdir()] == ["sanitised.jpg"]


def test_a_source_that_the_result_would_overwrite_is_a_programming_error(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name of a result"):
        sandbox.inspect(tmp_path / "sanitised.jpg", tmp_path)


def test_a_derivative_that_cannot_be_written_refuses_nothing(inspect: Inspect, tmp_path: Path) -> None:
    (tmp_path / "thumb.webp").mkdir()
    accepted = inspect(images.photo())
    assert accepted.derivatives == ()
    assert accepted.width == 1000


def test_the_web_process_never_loads_pillow() -> None:
    code = "import sys, imagehost.imaging.sandbox; sys.exit('PIL' in sys.modules)"
    assert run([sys.executable, "-c", code], check=False).returncode == 0
