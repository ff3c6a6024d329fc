"""What an address asks for, and which variant of an image that is for which viewer."""

from dataclasses import replace

import pytest

from imagehost.imaging.variants import PREVIEW, THUMB
from imagehost.services.ways import AS_IT_IS, Way
from tests.unit.strategies import SMALLEST

IMAGE = replace(SMALLEST.image, mime="image/jpeg", width=3000, height=2000, frames=1)
CHROMIUM = {"image/avif", "image/webp", "image/apng", "image/svg+xml", "image/*", "*/*"}


@pytest.mark.parametrize(
    "mime, frames, accepted, chosen",
    [
        ("image/jpeg", 1, CHROMIUM, "w640.avif"),
        ("image/gif", 9, CHROMIUM, "w640.webp"),
        ("image/jpeg", 1, {"image/webp", "*/*"}, "w640.webp"),
        ("image/jpeg", 1, {"*/*"}, "w640.jpg"),
        ("image/png", 1, (), "w640.png"),
        ("image/gif", 1, {"*/*"}, "w640.webp"),
        ("image/avif", 1, {"*/*"}, "w640.webp"),
    ],
)
def test_a_size_comes_in_the_format_that_the_viewer_prefers(
    mime: str, frames: int, accepted: set[str], chosen: str
) -> None:
    image = replace(IMAGE, mime=mime, frames=frames)
    variant = Way(width_px=640).find_variant(image, accepted)
    assert variant is not None
    assert variant.file_name == chosen


def test_a_format_that_is_named_is_had_by_everybody() -> None:
    way = Way(width_px=640, height_px=640, fit="cover", format="png")
    for accepted in ((), CHROMIUM):
        variant = way.find_variant(IMAGE, accepted)
        assert variant is not None
        assert variant.file_name == "w640h640-cover.png"
    assert not way.depends_on_viewer
    assert Way(width_px=640).depends_on_viewer


def test_every_way_has_a_name_of_its_own() -> None:
    ways = [
        AS_IT_IS,
        *(Way(variant=variant) for variant in ("thumb", "preview")),
        Way(purpose="view"),
        Way(purpose="download"),
        Way(purpose="embed"),
        Way(width_px=64),
        Way(height_px=64),
        Way(width_px=64, height_px=64),
        Way(width_px=64, height_px=64, fit="cover"),
        *(Way(width_px=64, format=name) for name in ("webp", "jpeg", "png", "avif")),
    ]
    assert len({way.name for way in ways}) == len({frozenset(way.parameters.items()) for way in ways}) == len(ways)


def test_a_named_variant_is_the_same_for_all() -> None:
    assert Way(variant="thumb").find_variant(IMAGE, ()) == THUMB
    assert Way(variant="preview").find_variant(IMAGE, CHROMIUM) == PREVIEW
    assert AS_IT_IS.find_variant(IMAGE, CHROMIUM) is None
    assert Way(purpose="download").find_variant(IMAGE, CHROMIUM) is None
