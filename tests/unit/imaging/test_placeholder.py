"""The placeholder: what the reference implementation makes of the same pixels, byte by byte; of images as they are
shown; and never in the way of a verdict.

`thumbhashes.json` was made with `thumbhash.js` 0.1.1 under Node, from the photographs of the tests and some shapes.
"""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagehost.imaging import job, placeholder
from imagehost.imaging.reports import Accept, Job, Made, Report
from imagehost.imaging.results import Accepted
from imagehost.imaging.sandbox import Sandbox
from tests import images

Inspect = Callable[[bytes], Accepted]
VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "thumbhashes.json").read_text(encoding="utf-8"))


def hash_of(accepted: Accepted) -> bytes:
    assert accepted.placeholder is not None
    return base64.b64decode(accepted.placeholder, validate=True)


def mean_of(thumbhash: bytes) -> tuple[float, float, float]:
    """The mean colour, 0–1, as `thumbHashToAverageRGBA` reads it."""
    head = int.from_bytes(thumbhash[:3], "little")
    light, p, q = (head & 63) / 63, (head >> 6 & 63) / 31.5 - 1, (head >> 12 & 63) / 31.5 - 1
    blue = light - 2 / 3 * p
    red = (3 * light - blue + q) / 2
    return red, red - q, blue


def has_alpha(thumbhash: bytes) -> bool:
    return bool(thumbhash[2] & 0x80)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_the_same_pixels_make_the_same_hash_as_in_the_reference(vector: dict[str, Any]) -> None:
    made = placeholder.encode(vector["width"], vector["height"], base64.b64decode(vector["rgba"]))
    assert made == vector["hash"]
    assert placeholder.is_placeholder(made)


def test_an_image_of_one_colour_has_no_components_but_its_mean() -> None:
    thumbhash = base64.b64decode(placeholder.encode(20, 10, bytes((10, 200, 99, 255)) * 200))
    assert mean_of(thumbhash) == pytest.approx((10 / 255, 200 / 255, 99 / 255), abs=0.03)
    assert not any(thumbhash[5:])


@pytest.mark.parametrize("size", [(0, 1), (33, 1), (1, 33), (2, 2)])
def test_pixels_that_are_too_many_or_missing_are_a_programming_error(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="32 × 32"):
        placeholder.encode(*size, b"1234")


@pytest.mark.parametrize(
    "text", ["", "AAAA", "GIoKDYSlqIdPUXd3eEeHh9J/YIk", "A" * 36, "GIoKDYSlqIdPUXd3 eEe", "ÄÖÜß" * 4]
)
def test_what_cannot_be_one_is_no_placeholder(text: str) -> None:
    assert not placeholder.is_placeholder(text)


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "hubble", "rocket"])
def test_every_photograph_gets_one_of_its_mean_colour(name: str, inspect: Inspect) -> None:
    thumbhash = hash_of(inspect(images.photo(name)))
    with Image.open(images.PHOTOS / f"{name}.jpg") as image:
        mean = image.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(mean, tuple)
    assert mean_of(thumbhash) == pytest.approx([value / 255 for value in mean], abs=0.06)
    assert not has_alpha(thumbhash)


@pytest.mark.parametrize("mime", ["image/gif", "image/webp", "image/avif"])
def test_other_formats_and_animations_get_one_too(mime: str, inspect: Inspect) -> None:
    assert mean_of(hash_of(inspect(images.animated(mime)))) == pytest.approx((0, 0, 200 / 255), abs=0.05)


def test_it_shows_the_image_upright(inspect: Inspect) -> None:
    lying = images.corner().transpose(Image.Transpose.ROTATE_90)
    turned = inspect(images.oriented(6, "image/png", lying))
    assert turned.placeholder == inspect(images.encode(images.corner(), "image/png")).placeholder


def test_it_shows_the_colours_of_the_images_profile(inspect: Inspect) -> None:
    assert mean_of(hash_of(inspect(images.swapped_profile_jpeg()))) == pytest.approx((0, 0, 1), abs=0.05)


def test_what_is_transparent_stays_so_and_has_no_colour(inspect: Inspect) -> None:
    thumbhash = hash_of(inspect(images.transparent_palette_png()))
    assert has_alpha(thumbhash)
    assert mean_of(thumbhash) == pytest.approx((0, 1, 0), abs=0.05)


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1)])
def test_extreme_proportions_get_one(size: tuple[int, int], inspect: Inspect) -> None:
    assert hash_of(inspect(images.encode(Image.new("RGB", size, "red"), "image/png")))


def test_it_needs_no_eager_variant(sandbox: Sandbox, tmp_path: Path) -> None:
    assert hash_of(sandbox.inspect(images.PHOTOS / "coffee.jpg", tmp_path, eager=()))


@pytest.mark.parametrize("error", [MemoryError(), ValueError("too odd")])
def test_one_that_cannot_be_made_refuses_nothing(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_seed: object) -> str:
        raise error

    monkeypatch.setattr("imagehost.imaging.derive.make_placeholder", fail)
    said: list[Report] = []
    job.run(Job(str(images.PHOTOS / "coffee.jpg"), str(tmp_path), ("thumb.webp",), 1 << 30, 10), said.append)
    assert [type(report) for report in said] == [Accept, Made]
