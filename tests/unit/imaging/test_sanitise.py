"""What is stored shows the same as what was sent, and tells nothing else. The same for all formats."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagehost.imaging import gate
from imagehost.imaging.sanitise import sanitise
from imagehost.mediatypes import EXTENSIONS
from tests import images

Clean = Callable[..., bytes]
WITH_EXIF = ("image/jpeg", "image/png", "image/webp", "image/avif")
DESCRIBED = [*((mime, 1) for mime in EXTENSIONS), *((mime, 3) for mime in images.ANIMATED)]
TAIL = b"PK\x05\x06" + bytes(18) + b"<script>the secret comment</script>"
MODES = {
    "image/jpeg": ("L", "RGB", "CMYK"),
    "image/png": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "image/gif": ("1", "L", "P", "RGBA"),
    "image/webp": ("RGB", "RGBA"),
    "image/avif": ("L", "RGB", "RGBA"),
}


@pytest.fixture
def clean(tmp_path: Path) -> Clean:
    def clean(data: bytes, keep_metadata: bool = False) -> bytes:
        source, target = tmp_path / "sent", tmp_path / "stored"
        source.write_bytes(data)
        sanitise(source, target, gate.find_format(source), keep_metadata)
        return target.read_bytes()

    return clean


def secrets_in(data: bytes) -> set[bytes]:
    return {secret for secret in images.SECRETS if secret in data}


@pytest.mark.parametrize("mime, frames", DESCRIBED)
def test_metadata_go_and_everything_that_is_shown_stays(mime: str, frames: int, clean: Clean) -> None:
    sent = images.described(mime, 1, frames)
    assert secrets_in(sent)
    stored = clean(sent)
    assert not secrets_in(stored)
    assert b"\xff\xd8\xff" not in stored[2:]  # the small picture
    assert images.appearance(stored) == images.appearance(sent)


@pytest.mark.parametrize("mime, frames", DESCRIBED)
def test_who_wants_keeps_exif_and_xmp_and_nothing_else(mime: str, frames: int, clean: Clean) -> None:
    sent = images.described(mime, 1, frames)
    stored = clean(sent + TAIL, keep_metadata=True)
    kept = {images.SECRET_PLACE, b"the secret camera"} if mime in WITH_EXIF else set()
    assert secrets_in(stored) == {b"secret of XMP", *kept}
    assert images.appearance(stored) == images.appearance(sent)
    with_exif, told = Image.open(images.as_file(sent)), Image.open(images.as_file(stored))
    with with_exif, told:
        assert told.getexif().get_ifd(0x8825) == with_exif.getexif().get_ifd(0x8825)
        assert told.info.get("exif") == with_exif.info.get("exif")


@pytest.mark.parametrize("keep_metadata", [False, True])
@pytest.mark.parametrize("mime, frames", DESCRIBED)
def test_nothing_follows_the_image(mime: str, frames: int, keep_metadata: bool, clean: Clean) -> None:
    sent = images.described(mime, 1, frames)
    for tail in (TAIL, b"\0", bytes(16), b"\0\0\0\x0cfreeGIF8", bytes(8) + sent):
        assert clean(sent + tail, keep_metadata) == clean(sent, keep_metadata)


@pytest.mark.parametrize("keep_metadata", [False, True])
@pytest.mark.parametrize("mime, frames", DESCRIBED)
def test_sanitising_twice_is_sanitising_once(mime: str, frames: int, keep_metadata: bool, clean: Clean) -> None:
    once = clean(images.described(mime, 6 if frames == 1 else 1, frames), keep_metadata)
    assert clean(once, keep_metadata) == once


@pytest.mark.parametrize("mime", WITH_EXIF)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_stays(mime: str, orientation: int, clean: Clean) -> None:
    sent = images.described(mime, orientation)
    stored = clean(sent)
    assert not secrets_in(stored)
    assert images.appearance(stored) == images.appearance(sent)
    with Image.open(images.as_file(stored)) as image:
        image.load()
        assert image.getexif().get(0x0112, 1) == orientation
        assert set(image.getexif()) <= {0x0112}


@pytest.mark.parametrize("mime, mode", [(mime, mode) for mime, modes in MODES.items() for mode in modes])
def test_pixels_of_every_mode_are_the_same(mime: str, mode: str, clean: Clean) -> None:
    image = images.corner().convert("L").convert("I").point(lambda value: value * 200) if mode == "I;16" else None
    sent = images.encode(image.convert("I;16") if image else images.corner(mode=mode), mime)
    assert images.appearance(clean(sent + TAIL)) == images.appearance(sent)


@pytest.mark.parametrize("mime", EXTENSIONS)
def test_a_photograph_without_metadata_is_stored_as_it_was_sent(mime: str, clean: Clean) -> None:
    assert clean(images.photo_as(mime)) == images.photo_as(mime)


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "hubble", "rocket"])
def test_photographs_keep_every_pixel(name: str, clean: Clean) -> None:
    assert images.appearance(clean(images.photo(name))) == images.appearance(images.photo(name))


@pytest.mark.parametrize(
    "mime, options",
    [
        ("image/gif", {"disposal": 2, "transparency": 0, "loop": 0}),
        ("image/gif", {"disposal": [1, 2, 3], "duration": [20, 40, 60]}),
        ("image/png", {"disposal": 2, "blend": 1, "loop": 5}),
        ("image/png", {"default_image": True, "duration": [10, 20, 30]}),
        ("image/webp", {"lossless": True, "duration": [10, 20, 30], "loop": 2}),
        ("image/webp", {"kmax": 1, "allow_mixed": True}),
        ("image/avif", {"duration": [10, 20, 30]}),
    ],
)
def test_animations_move_as_before(mime: str, options: dict[str, Any], clean: Clean) -> None:
    pictures = [images.corner(mode="RGBA").rotate(90 * number) for number in range(3)]
    sent = images.encode(pictures[0], mime, save_all=True, append_images=pictures[1:], **{"duration": 100} | options)
    assert images.appearance(clean(sent)) == images.appearance(sent)


@pytest.mark.parametrize("block", [b"", b"MM\0*", b"II*\0\xff\xff\xff\xff", images.camera_exif(9), b"Exif\0\0MM\0*"])
def test_exif_that_says_nothing_goes(block: bytes, clean: Clean) -> None:
    for mime in ("image/png", "image/webp"):
        sent = images.encode(images.corner(), mime, exif=block or b"\0")
        with Image.open(images.as_file(sent)) as before, Image.open(images.as_file(clean(sent))) as after:
            assert after.tobytes() == before.tobytes()
            assert "exif" not in after.info
