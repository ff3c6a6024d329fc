import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagehost.imaging.variants import (
    FORMATS,
    LADDER_PX,
    PREVIEW,
    THUMB,
    VARIANTS,
    Fit,
    from_file_name,
    size_name,
    sized,
)

SIDE = st.integers(1, 50_000)
RUNG = st.sampled_from(LADDER_PX)
MIME = st.sampled_from(sorted(FORMATS.values()))
FITS: st.SearchStrategy[Fit] = st.sampled_from(["contain", "cover"])


@given(SIDE, SIDE, st.none() | RUNG, st.none() | RUNG, MIME)
def test_a_contained_size_fits_keeps_proportions_and_is_never_larger(
    width: int, height: int, width_px: int | None, height_px: int | None, mime: str
) -> None:
    if width_px is None and height_px is None:
        return
    variant = sized(size_name(width_px, height_px, "contain"), mime)
    wide, high = variant.size(width, height)
    assert 1 <= wide <= min(width, width_px or width)
    assert 1 <= high <= min(height, height_px or height)
    assert variant.box(width, height) == (0, 0, width, height)
    assert abs(wide * height - high * width) <= max(width, height)
    touches = wide == width_px or high == height_px or (wide, high) == (width, height)
    assert touches, "it is as large as it may be"


@given(SIDE, SIDE, RUNG, RUNG, MIME)
def test_a_covering_size_has_the_proportions_of_the_box_and_shows_the_middle(
    width: int, height: int, width_px: int, height_px: int, mime: str
) -> None:
    variant = sized(size_name(width_px, height_px, "cover"), mime)
    left, top, right, bottom = variant.box(width, height)
    assert left == pytest.approx(width - right)
    assert top == pytest.approx(height - bottom)
    assert min(left, top) == pytest.approx(0, abs=1e-6)
    assert (right - left) * height_px == pytest.approx((bottom - top) * width_px)
    wide, high = variant.size(width, height)
    assert 1 <= wide <= width_px
    assert 1 <= high <= height_px
    if width >= width_px and height >= height_px:
        assert (wide, high) == (width_px, height_px)


@given(st.none() | RUNG, st.none() | RUNG, FITS, MIME)
def test_every_variant_goes_by_the_name_of_its_file(
    width_px: int | None, height_px: int | None, fit: Fit, mime: str
) -> None:
    name = size_name(width_px, height_px, fit)
    if (width_px or height_px) and (fit == "contain" or (width_px and height_px)):
        variant = sized(name, mime)
        assert (variant.width_px, variant.height_px, variant.fit) == (width_px, height_px, fit)
        assert from_file_name(variant.file_name) == variant
    else:
        with pytest.raises(ValueError, match="no size"):
            sized(name, mime)


@pytest.mark.parametrize("name", ["", "w", "w641", "w064", "w640h", "h0", "w640-contain", "w99999", "thumb", "w640 "])
def test_what_is_not_on_the_ladder_is_no_size(name: str) -> None:
    with pytest.raises(ValueError, match="no "):
        sized(name, "image/webp")


@pytest.mark.parametrize("name", ["thumb", "thumb.png", "other.webp", "w640.gif", "w640.jpeg", "../w640.webp", "w640"])
def test_what_is_not_the_name_of_a_file_is_no_variant(name: str) -> None:
    with pytest.raises(ValueError, match="no "):
        from_file_name(name)


def test_the_named_variants_are_squares_of_webp() -> None:
    assert {name: variant.file_name for name, variant in VARIANTS.items()} == {
        "thumb": "thumb.webp",
        "preview": "preview.webp",
    }
    assert (THUMB.size(4000, 3000), PREVIEW.size(3000, 4000)) == ((400, 300), (1200, 1600))


def test_an_image_that_fits_is_its_own_preview_and_never_a_size_of_its_own() -> None:
    assert not PREVIEW.is_needed(1600, 1200)
    assert PREVIEW.is_needed(1601, 10)
    assert sized("w640", "image/webp").is_needed(10, 10)
