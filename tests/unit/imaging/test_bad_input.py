"""Bombs, oddities and impostors, each with what becomes of it, with the limits of production."""

import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from imagehost.errors import ImageDimensions, Refused, UnreadableImage
from imagehost.imaging.results import Accepted
from tests import images

Inspect = Callable[[bytes], Accepted]
MOVING = {name: images.animated(f"image/{name}", 3) for name in ("png", "gif", "webp", "avif")}
GIANT = zlib.compress(bytes(200_000_000), 9)
XMP = b"XML:com.adobe.xmp\0\1\0\0\0"


@pytest.mark.parametrize(
    "bomb",
    [
        pytest.param(images.one_bit_png(), id="178 megapixels of png"),
        pytest.param(images.one_bit_png(20_000, 20_000), id="400 megapixels of png"),
        pytest.param(images.with_size(images.cmyk_jpeg(), 65_500, 65_500), id="jpeg of 65,500²"),
        pytest.param(images.with_size(MOVING["gif"], 65_500, 65_500), id="gif of 65,500²"),
        pytest.param(images.with_size(images.described("image/webp"), 16_383, 16_383), id="webp of 16,383²"),
        pytest.param(images.gif_of(5, 7_000, 7_000), id="gif of 5 large frames"),
        pytest.param(images.animated("image/webp", 501, (2, 2)), id="webp of 501 frames"),
        pytest.param(images.animated("image/png", 501, (2, 2)), id="png of 501 frames"),
    ],
)
def test_bombs_are_refused_by_what_their_header_says(bomb: bytes, inspect: Inspect) -> None:
    with pytest.raises(ImageDimensions):
        inspect(bomb)


@pytest.mark.parametrize(
    "bomb",
    [
        pytest.param(images.with_size(images.photo_as("image/avif"), 65_500, 65_500), id="avif of 65,500²"),
        pytest.param(images.with_size(MOVING["avif"], 40_000, 40_000), id="moving avif of 40,000²"),
        pytest.param(images.with_size(MOVING["webp"], 8_000, 8_000), id="moving webp of 8,000²"),
        pytest.param(images.gif_of(200_000, 1, 1), id="gif of 200,000 frames"),
        pytest.param(images.png_with(b"acTL", b"\x7f\xff\xff\xff\0\0\0\0"), id="png of two thousand million frames"),
        pytest.param(images.png_with(b"iCCP", b"giant\0\0" + GIANT), id="png with a giant profile"),
    ],
)
def test_other_bombs_are_refused_too(bomb: bytes, inspect: Inspect) -> None:
    with pytest.raises(Refused) as caught:
        inspect(bomb)
    assert caught.value.code in (ImageDimensions.code, UnreadableImage.code)


@pytest.mark.parametrize("kind, head", [(b"zTXt", b"giant\0\0"), (b"iTXt", b"giant\0\1\0\0\0"), (b"iTXt", XMP)])
def test_giant_texts_go_before_anybody_unpacks_them(kind: bytes, head: bytes, inspect: Inspect) -> None:
    accepted = inspect(images.png_with(kind, head + GIANT))
    assert accepted.path.read_bytes() == images.encode(images.corner(), "image/png")
    assert accepted.source_size > 190_000 > accepted.size


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1)])
def test_extreme_proportions_are_accepted(size: tuple[int, int], inspect: Inspect) -> None:
    accepted = inspect(images.encode(Image.new("RGB", size, "red"), "image/png"))
    assert (accepted.width, accepted.height) == size
    assert len(accepted.derivatives) == 1


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(images.grey_16_bit_png(), id="16 bits"),
        pytest.param(images.cmyk_jpeg(), id="cmyk"),
        pytest.param(images.transparent_palette_png(), id="palette with transparency"),
        pytest.param(images.swapped_profile_jpeg(), id="odd profile"),
        pytest.param(images.encode(images.corner(), "image/jpeg", icc_profile=b"none at all"), id="corrupt profile"),
        pytest.param(images.png_with(b"iCCP", b"none\0\0at all"), id="corrupt profile of png"),
        pytest.param(images.two_photographs_mpo(), id="several photographs"),
    ],
)
def test_oddities_are_accepted_and_look_the_same(data: bytes, inspect: Inspect) -> None:
    accepted = inspect(data)
    assert len(accepted.derivatives) == 1
    assert images.appearance(accepted.path.read_bytes()) == images.appearance(data)


@pytest.mark.parametrize("mime", ["image/jpeg", "image/png", "image/webp", "image/avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("keep_metadata", [False, True])
def test_the_size_is_the_one_that_browsers_show(
    mime: str, orientation: int, keep_metadata: bool, inspect: Callable[..., Accepted]
) -> None:
    accepted = inspect(images.described(mime, orientation), keep_metadata=keep_metadata)
    upright = orientation < 5
    assert (accepted.width, accepted.height) == ((60, 40) if upright else (40, 60))
    [thumb] = accepted.derivatives
    assert (thumb.width, thumb.height) == (accepted.width, accepted.height)
    kept = any(secret in accepted.path.read_bytes() for secret in images.SECRETS)
    assert kept == keep_metadata
