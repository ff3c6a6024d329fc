"""imagehost as a library, on the embedded servers."""

import io
import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import requests
from PIL import Image as Pillow
from werkzeug.datastructures import FileStorage

from imagehost import ROOT
from imagehost import host as module
from imagehost.errors import (
    ImageDeleted,
    ImageNotFound,
    ImageTooLarge,
    InvalidRequest,
    NotFound,
    NotOwner,
    Unavailable,
    UnreadableImage,
    UnsupportedType,
)
from imagehost.host import ImageHost
from imagehost.services.bootstrap import OWNER
from imagehost.services.parts import Parts
from tests.contract.services.conftest import Bench
from tests.images import photo, photo_as

PHOTO = photo("rocket")


@pytest.fixture
def host(bench: Bench) -> ImageHost:
    return ImageHost(bench.services, bench.uid)


@pytest.fixture
def stranger(bench: Bench) -> ImageHost:
    return ImageHost(bench.services, bench.services.accounts.create().uid)


@pytest.fixture
def _environment(environment: Mapping[str, str], parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process has the stack's environment and no other."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("_environment")
def test_a_host_from_the_environment_is_a_users(bench: Bench) -> None:
    name = f"u{bench.uid[2:12].lower()}"
    uid = bench.services.accounts.create(name).uid
    with ImageHost.from_env(name) as host:
        assert host.uid == uid
        image = host.upload_image(PHOTO, filename="rocket.jpg", title="Lift-off", tags=["sky"])
        assert (image.uid, image.title, image.tags) == (uid, "Lift-off", ("sky",))
        with pytest.raises(ValueError, match="name of the account"):
            host.remove_all(confirm="somebody")
        assert host.remove_all(confirm=name) == 1
    for nobody in ("nobody-of-that-name", "ab" + "0" * 22):
        with pytest.raises(NotFound):
            ImageHost.from_env(nobody)


@pytest.mark.usefixtures("_environment")
def test_what_the_readme_shows_works_as_it_stands(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    if bench.services.accounts.find_uid(OWNER) is None:
        bench.services.accounts.create(OWNER)
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    exec(compile(block, "README.md", "exec"), {})
    assert "/i/" in capsys.readouterr().out


def test_what_was_uploaded_is_served_told_and_removed(host: ImageHost) -> None:
    image = host.upload_image(PHOTO, filename="a/b/rocket.jpg", private=True, metadata={"order": 7})
    assert (image.filename, image.mime, image.private) == ("a/b/rocket.jpg", "image/jpeg", True)
    for name in (image.iid, image.key, host.get_public_url(image.iid)):
        assert host.image_exists(name)
        assert host.get_image_metadata(name) == image
    data = host.download_image(image.iid)
    assert len(data) == image.size
    assert requests.get(host.create_signed_url(image.iid), timeout=20).content == data
    assert "w=64" in host.create_signed_url(image.iid, 60, w=64, h=64, fit="cover")
    with pytest.raises(InvalidRequest):
        host.create_signed_url(image.iid, 604_801)
    host.remove_image(image.iid)
    assert not host.image_exists(image.iid)
    with pytest.raises(ImageDeleted):
        host.remove_image(image.iid)


def test_bytes_files_and_what_a_form_sent_are_uploaded(host: ImageHost, tmp_path: Path) -> None:
    path, data = tmp_path / "cat.png", photo_as("image/png")
    path.write_bytes(data)
    with path.open("rb") as file:
        for sent, name in (
            (data, "image"),
            (io.BytesIO(data), "image"),
            (file, "cat.png"),
            (FileStorage(io.BytesIO(data), filename="../../Täßchen.png"), "Täßchen.png"),
        ):
            image = host.upload_image(sent)
            assert (image.mime, image.filename) == ("image/png", name)


def test_what_is_no_image_is_refused_and_nothing_stays(host: ImageHost, bench: Bench) -> None:
    for data, error in (
        (b"", InvalidRequest),
        (b"hello", UnsupportedType),
        (PHOTO[:2000], UnreadableImage),
        (PHOTO + bytes(26 << 20), ImageTooLarge),
    ):
        with pytest.raises(error):
            host.upload_image(data)
    with pytest.raises(InvalidRequest):
        host.upload_image(PHOTO, tags=["x" * 51])
    assert bench.raw.counters(bench.uid) == (0, 0, 0, 0)


def test_what_is_somebody_elses_is_refused(host: ImageHost, stranger: ImageHost) -> None:
    image = host.upload_image(PHOTO)
    hidden = host.upload_image(PHOTO, private=True)
    for ask in (
        stranger.get_image_metadata,
        stranger.download_image,
        stranger.create_signed_url,
        stranger.get_public_url,
        stranger.remove_image,
        lambda name: stranger.apply_color_palette(name, ["#000000"]),
    ):
        for name in (image.iid, image.key):
            with pytest.raises(NotOwner):
                ask(name)
        for name in (hidden.iid, "no id", "../../x"):
            with pytest.raises(ImageNotFound):
                ask(name)
    assert not stranger.image_exists(image.iid)
    assert host.image_exists(image.iid)
    assert stranger.remove_all(confirm=stranger.uid) == 0


def test_a_store_that_fails_for_a_moment_is_asked_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.001)
    bench.objects.plan["put_file"] = ["fail"]
    bench.records.plan["write_image"] = ["ok", "drop"]
    host = ImageHost(bench.faulty, bench.uid)
    image = host.upload_image(PHOTO)
    host.remove_image(image.iid)
    bench.objects.plan["put_file"] = ["fail"] * 20
    with pytest.raises(Unavailable):
        host.upload_image(PHOTO)
    bench.objects.plan.clear()


def test_a_palette_makes_a_new_image(host: ImageHost) -> None:
    image = host.upload_image(PHOTO)
    made = host.apply_color_palette(image.iid, ["#000000", "#ffffff"], "luminance")
    assert made.metadata["derived_from"] == image.iid
    with Pillow.open(io.BytesIO(host.download_image(made.iid))) as picture:
        colours = picture.convert("RGB").getcolors(2)
    assert colours is not None
    assert {colour for _, colour in colours} == {(0, 0, 0), (255, 255, 255)}


def test_all_images_of_an_account_or_of_everybody_are_removed(host: ImageHost, stranger: ImageHost) -> None:
    for _ in range(3):
        host.upload_image(photo_as("image/png"))
    other = stranger.upload_image(PHOTO)
    assert host.remove_all(confirm=host.uid) == 3
    assert stranger.image_exists(other.iid)
    with pytest.raises(ValueError, match="bucket"):
        host.remove_all(everyone=True, confirm=host.uid)
    assert host.remove_all(everyone=True, confirm="imagehost") >= 1
    assert not stranger.image_exists(other.iid)
