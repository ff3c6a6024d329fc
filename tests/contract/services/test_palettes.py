"""Images in other colours, published like uploads: whatever fails or dies on the way, nothing of it is left."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from imagehost.errors import ImageDeleted, ImageDimensions, OutcomeUnknown, QuotaExceeded, Unavailable
from imagehost.models import Image, Published
from imagehost.services.facade import Services
from tests.contract.services.conftest import PHOTO, Bench, Crash

PALETTE = ("#1d2b53", "#ff004d", "#fff1e8")
ALONE = (len(PHOTO), 1, 0, 0)


@pytest.fixture
def image(bench: Bench) -> Image:
    """A published photograph."""
    iid = bench.publish(private=True, title="Start", tags=("night",), kind="rocket", metadata={"prompt": "a rocket"})
    found = bench.parts.images.find(iid).entry
    assert isinstance(found, Published)
    return found.image


def recolour(bench: Bench, image: Image) -> Image:
    return bench.faulty.palettes.recolour(image, PALETTE, "nearest").published.image


def derived(bench: Bench, image: Image) -> list[str]:
    """What the index knows of the user's other images."""
    return [iid for iid in bench.raw.images_of(bench.uid) if iid != image.iid]


def undo(bench: Bench, image: Image) -> None:
    """Let the time of what was begun run out, and sweep; then only the source is left, and only it counts."""
    for iid in derived(bench, image):
        bench.pass_deadline(iid)
        bench.sweep_now(iid)
        assert bench.objects_of(iid) == set()
    assert bench.raw.counters(bench.uid) == ALONE


@pytest.mark.parametrize("mode", ["nearest", "luminance"])
def test_an_image_in_other_colours_is_a_new_image_of_the_same_owner(bench: Bench, image: Image, mode: Any) -> None:
    done = bench.services.palettes.recolour(image, PALETTE, mode)
    made = done.published.image
    assert done.created
    assert (made.uid, made.mime, made.frames) == (bench.uid, "image/png", 1)
    assert (made.width, made.height) == (image.width, image.height)
    assert (made.private, made.title, made.tags, made.kind) == (True, "Start", ("night",), "rocket")
    assert made.metadata == {"derived_from": image.iid, "palette": {"colors": list(PALETTE), "mode": mode}}
    assert made.filename == f"photo ({mode}).png"
    assert made.variants == ("thumb.webp",)
    assert made.placeholder is not None
    assert bench.raw.counters(bench.uid) == (len(PHOTO) + made.size, 2, 0, 0)
    assert bench.objects_of(made.iid) == {made.version}
    stored = bench.parts.records.find_image(made.iid)
    assert stored is not None
    assert bench.raw.due(made.iid) == {}


def test_it_ends_when_its_source_does(bench: Bench) -> None:
    iid = bench.request(image_expires_in_s=1_000).iid
    source = bench.services.completion.complete(bench.uid, iid).published.image
    made = bench.services.palettes.recolour(source, PALETTE, "nearest").published.image
    assert source.expires_at_ms is not None
    assert made.expires_at_ms is not None
    assert abs(made.expires_at_ms - source.expires_at_ms) < 60_000


@pytest.mark.parametrize("limit", [{"quota_images": 1}, {"quota_bytes": len(PHOTO) + 10}])
def test_what_does_not_fit_into_the_quota_leaves_nothing(bench: Bench, image: Image, limit: dict[str, int]) -> None:
    poor = Services.of(replace(bench.parts, config=bench.parts.config.model_copy(update=limit)))
    with pytest.raises(QuotaExceeded):
        poor.palettes.recolour(image, PALETTE, "nearest")
    assert derived(bench, image) == []
    assert bench.raw.counters(bench.uid) == ALONE


def test_what_takes_too_much_is_told_and_leaves_nothing(bench: Bench, image: Image) -> None:
    bench.sandbox.adapter = _Tired()
    with pytest.raises(ImageDimensions, match="more time or memory"):
        recolour(bench, image)
    with pytest.raises(ImageDimensions, match="more time or memory"):
        bench.faulty.palettes.find_colours(image)
    assert derived(bench, image) == []


class _Tired:
    """A sandbox to which everything is too much."""

    def recolour(self, *_: Any) -> None:
        return None

    find_colours = recolour


@pytest.mark.parametrize("read", [lambda s, i: s.recolour(i, PALETTE, "nearest"), lambda s, i: s.find_colours(i)])
def test_a_source_that_was_deleted_meanwhile_is_deleted(
    bench: Bench, image: Image, read: Callable[[Any, Image], Any]
) -> None:
    bench.objects.plan["download"] = ["do"]
    bench.objects.first = lambda: bench.services.changes.delete(bench.uid, image.iid)
    with pytest.raises(ImageDeleted):
        read(bench.faulty.palettes, image)
    assert bench.raw.counters(bench.uid) == (0, 0, 0, 0)


def test_a_record_whose_answer_was_lost_is_ours(bench: Bench, image: Image) -> None:
    bench.records.plan["write_image"] = ["apply"]
    made = recolour(bench, image)
    assert bench.objects_of(made.iid) == {made.version}


@pytest.mark.parametrize(
    "adapter, method, step",
    [
        ("images", "reserve", "after"),
        ("images", "begin_complete", "after"),
        ("sandbox", "recolour", "after"),
        ("sandbox", "inspect", "after"),
        ("objects", "put_file", "after"),
        ("records", "write_image", "before"),
    ],
)
def test_a_process_that_dies_on_the_way_leaves_nothing(
    bench: Bench, image: Image, adapter: str, method: str, step: str
) -> None:
    getattr(bench, adapter).plan[method] = [step]
    with pytest.raises(Crash):
        recolour(bench, image)
    undo(bench, image)


def test_a_process_that_dies_behind_the_record_has_published(bench: Bench, image: Image) -> None:
    bench.records.plan["write_image"] = ["after"]
    with pytest.raises(Crash):
        recolour(bench, image)
    (iid,) = derived(bench, image)
    bench.sweep_now(iid)
    found = bench.parts.images.find(iid).entry
    assert isinstance(found, Published)
    assert found.image.metadata["derived_from"] == image.iid


@pytest.mark.parametrize(
    "adapter, method, step",
    [
        ("sandbox", "inspect", "fail"),
        ("images", "begin_complete", "fail"),
    ],
)
def test_what_fails_for_now_is_unavailable_and_undone(
    bench: Bench, image: Image, adapter: str, method: str, step: str
) -> None:
    getattr(bench, adapter).plan[method] = [step]
    with pytest.raises(Unavailable):
        recolour(bench, image)
    undo(bench, image)


def test_a_write_that_lands_after_all_is_an_image(bench: Bench, image: Image) -> None:
    bench.records.plan["write_image"] = ["late", "drop", "drop"]
    with pytest.raises(OutcomeUnknown):
        recolour(bench, image)
    bench.records.land()
    (iid,) = derived(bench, image)
    bench.sweep_now(iid)
    assert isinstance(bench.parts.images.find(iid).entry, Published)


def test_the_colours_of_an_image_are_looked_for_once(bench: Bench, image: Image) -> None:
    found = bench.faulty.palettes.find_colours(image)
    assert 1 <= len(found) <= 8
    bench.sandbox.plan["find_colours"] = ["break"]
    assert bench.faulty.palettes.find_colours(image) == found
