import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imagehost.mediatypes import EXTENSIONS
from imagehost.storage import object_keys
from tests.unit.strategies import IDS, MIMES, OPS

FILENAMES = st.text(max_size=300) | st.text("./\\ -_aé\x00", max_size=300)


@given(FILENAMES, MIMES)
@example("../../etc/passwd", "image/png")
@example("..", "image/png")
@example(".", "image/gif")
@example("...png", "image/png")
@example(".htaccess", "image/jpeg")
@example("a/../../b.png", "image/png")
@example("C:\\Windows\\x.png", "image/png")
@example("\u202egnp.exe", "image/png")
@example("", "image/avif")
@example("x" * 5000 + ".png", "image/png")
@example("x" * 94 + "." + "y" * 50, "image/webp")
def test_a_slug_is_a_safe_name_with_the_right_extension(filename: str, mime: str) -> None:
    slug = object_keys.slug(filename, mime)
    extension = "." + EXTENSIONS[mime]
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", slug)
    assert len(slug) <= object_keys.SLUG_MAX
    assert slug.endswith(extension)
    assert len(slug) > len(extension)
    assert slug.removesuffix(extension).strip("-._") == slug.removesuffix(extension)


@given(FILENAMES, MIMES)
def test_a_slug_of_a_slug_is_the_same(filename: str, mime: str) -> None:
    slug = object_keys.slug(filename, mime)
    assert object_keys.slug(slug, mime) == slug


@pytest.mark.parametrize(
    "filename, mime, slug",
    [
        ("holiday.jpeg", "image/jpeg", "holiday.jpg"),
        ("page.html", "image/png", "page.png"),
        ("archive.tar.gz", "image/webp", "archive.tar.webp"),
        ("Ein schönes Bild.png", "image/png", "Ein-sch-nes-Bild.png"),
        ("写真.jpg", "image/jpeg", "image.jpg"),
        ("no extension", "image/gif", "no-extension.gif"),
    ],
)
def test_a_slug_keeps_what_can_be_kept(filename: str, mime: str, slug: str) -> None:
    assert object_keys.slug(filename, mime) == slug


@given(IDS, IDS, OPS, FILENAMES, MIMES)
def test_object_keys_have_as_many_segments_as_they_should(
    uid: str, iid: str, version: str, filename: str, mime: str
) -> None:
    staging = object_keys.incoming(uid, iid, filename, mime).split("/")
    original = object_keys.upload(uid, iid, version, filename, mime).split("/")
    assert staging[:-1] == ["incoming", uid, iid]
    assert original[:-1] == ["uploads", uid, iid, version]
    assert staging[-1] not in {"", ".", ".."}
    assert original[-1] not in {"", ".", ".."}


@given(IDS, IDS, OPS)
def test_the_prefixes_of_an_image_hold_all_that_is_made_of_it_and_nothing_of_others(
    uid: str, iid: str, version: str
) -> None:
    made = (
        object_keys.upload(uid, iid, version, "a.png", "image/png"),
        object_keys.variant(uid, iid, version, "thumb.webp"),
        object_keys.incoming(uid, iid, "a.png", "image/png"),
    )
    prefixes = object_keys.prefixes_of_image(uid, iid)
    assert [key.startswith(prefix) for key, prefix in zip(made, prefixes, strict=True)] == [True] * 3
    assert all(prefix.endswith(f"{iid}/") for prefix in prefixes)
    of_version = object_keys.prefixes_of_version(uid, iid, version)
    assert [key.startswith(prefix) for key, prefix in zip(made[:2], of_version, strict=True)] == [True] * 2
    assert all(prefix.endswith(f"{version}/") for prefix in of_version)


def test_a_record_is_found_from_the_id_alone() -> None:
    iid = "4k" + "a" * 22
    assert object_keys.image_record(iid) == f"records/4k/{iid}.json"
    assert object_keys.account_record(iid) == f"accounts/4k/{iid}.json"
    assert object_keys.username_claim("ann") == "usernames/ann.json"
