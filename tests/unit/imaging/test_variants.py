from hypothesis import given
from hypothesis import strategies as st

from imagehost.imaging.variants import VARIANTS, fit

SIDE = st.integers(1, 50_000)


@given(SIDE, SIDE, st.integers(1, 4000))
def test_a_fitted_size_fits_keeps_proportions_and_is_never_larger(width: int, height: int, box_px: int) -> None:
    wide, high = fit(width, height, box_px)
    assert 1 <= wide <= min(width, box_px)
    assert 1 <= high <= min(height, box_px)
    assert max(wide, high) == min(box_px, max(width, height))
    assert abs(wide * height - high * width) <= max(width, height)


def test_every_variant_goes_by_its_name_and_is_stored_as_a_file_of_its_type() -> None:
    assert {name: variant.file_name for name, variant in VARIANTS.items()} == {
        "thumb": "thumb.webp",
        "preview": "preview.webp",
    }
