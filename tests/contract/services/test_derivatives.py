"""Derivatives made on demand: by one for all, never left behind for a dead image, whoever dies or comes between."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imagehost import faults
from imagehost.build import build_services
from imagehost.errors import GatesBusy, ImageDeleted, ImageDimensions, ImageNotFound, OutcomeUnknown, Unavailable
from imagehost.imaging.variants import PREVIEW, THUMB
from imagehost.models import Image
from imagehost.services import derivatives
from imagehost.services.derivatives import Derivatives
from imagehost.services.facade import Services
from imagehost.services.ways import Way
from tests.contract.services.conftest import Bench, Crash, faulty
from tests.images import large_photo

NAME = PREVIEW.file_name
AS_PREVIEW = Way(variant="preview")


@pytest.fixture
def image(bench: Bench) -> Image:
    """A published image that is larger than its preview."""
    return publish(bench)


@pytest.fixture
def at_after_derivative() -> Iterator[Callable[[Callable[[], Any]], None]]:
    """Has something happen between the PUT of a derivative and the look at the record."""
    yield lambda action: faults.arm("after_derivative", action)
    faults.disarm()


def publish(bench: Bench) -> Image:
    iid = bench.request(large_photo()).iid
    return bench.services.completion.complete(bench.uid, iid).published.image


def is_stored(bench: Bench, image: Image) -> bool:
    return bench.parts.objects.find_size(f"variants/{image.uid}/{image.iid}/{image.version}/{NAME}") is not None


class Counted:
    """The sandbox, counting what it makes."""

    def __init__(self, sandbox: Any) -> None:
        self.sandbox, self.calls = sandbox, 0

    def derive(self, *args: Any) -> Any:
        self.calls += 1
        return self.sandbox.derive(*args)


def test_a_hundred_first_views_at_once_make_one_derivative(bench: Bench, image: Image) -> None:
    sandbox: Any = Counted(bench.parts.sandbox)
    another = build_services(bench.parts.config).parts
    processes = [Services.of(replace(parts, sandbox=sandbox)) for parts in (bench.parts, another)]
    ready = threading.Barrier(100)

    def view(number: int) -> str:
        ready.wait()
        return processes[number % 2].delivery.redirect(image, AS_PREVIEW).url

    with ThreadPoolExecutor(100) as pool:
        urls = set(pool.map(view, range(100)))
    another.close()
    assert sandbox.calls == 1
    (url,) = urls
    assert f"/{image.version}/{NAME}?" in url


def test_what_was_made_once_is_found_by_other_processes_and_asked_for_only_once(bench: Bench, image: Image) -> None:
    assert Derivatives(bench.parts).provide(image, PREVIEW) == NAME
    bench.sandbox.plan["derive"] = ["break"]
    another = Derivatives(replace(bench.parts, objects=bench.objects, sandbox=bench.sandbox))
    assert another.provide(image, PREVIEW) == NAME
    bench.objects.plan["find_size"] = ["break"]
    assert another.provide(image, PREVIEW) == NAME


def test_an_image_that_fits_is_its_own_preview_and_a_thumb_is_never_made_late(bench: Bench, image: Image) -> None:
    bench.sandbox.plan["derive"] = ["break"]
    nothing_asked = Derivatives(replace(bench.parts, objects=bench.objects, sandbox=bench.sandbox))
    bench.objects.plan["find_size"] = ["break"]
    assert nothing_asked.provide(replace(image, width=1600, height=1600, frames=9), PREVIEW) is None
    assert nothing_asked.provide(replace(image, variants=()), THUMB) is None
    assert nothing_asked.provide(replace(image, variants=("thumb.webp", NAME)), PREVIEW) == NAME


def test_a_derivative_beyond_its_budget_is_the_original_and_not_tried_again_at_once(bench: Bench, image: Image) -> None:
    class Slow(Counted):
        def derive(self, *args: Any) -> None:
            self.calls += 1

    sandbox: Any = Slow(None)
    services = Services.of(replace(bench.parts, sandbox=sandbox))
    original = services.delivery.redirect(image)
    for _ in range(3):
        assert services.delivery.redirect(image, AS_PREVIEW).url == original.url
    assert sandbox.calls == 1
    assert not is_stored(bench, image)


def test_a_size_that_cannot_be_made_is_never_the_original_and_busy_gates_say_nothing(
    bench: Bench, image: Image
) -> None:
    class Failing(Counted):
        def derive(self, *args: Any) -> None:
            self.calls += 1
            raise (GatesBusy if self.calls <= 5 else Unavailable)("not this time")

    sandbox: Any = Failing(None)
    services = Services.of(replace(bench.parts, sandbox=sandbox))
    for _ in range(7):
        with pytest.raises(Unavailable):
            services.delivery.redirect(image, Way(width_px=64))
    for _ in range(2):
        with pytest.raises(ImageDimensions):
            services.delivery.redirect(image, Way(width_px=64))
    assert sandbox.calls == 8


def test_who_has_waited_long_enough_is_told_to_come_again(
    bench: Bench, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(derivatives, "WAIT_S", 0.0)
    bench.parts.leases.take(image.iid, NAME, "another process", 60_000)
    with pytest.raises(Unavailable) as caught:
        bench.services.delivery.redirect(image, AS_PREVIEW)
    assert int(caught.value.headers["Retry-After"]) >= 1
    bench.parts.leases.give_back(image.iid, NAME, "another process")
    assert "/variants/" in bench.services.delivery.redirect(image, AS_PREVIEW).url


def test_a_waiting_view_takes_over_when_the_maker_gives_up(bench: Bench, image: Image) -> None:
    bench.parts.leases.take(image.iid, NAME, "another process", 60_000)
    with ThreadPoolExecutor(1) as pool:
        view = pool.submit(Derivatives(bench.parts).provide, image, PREVIEW)
        bench.parts.leases.give_back(image.iid, NAME, "another process")
        assert view.result() == NAME


def test_a_view_that_gets_the_lease_looks_again_before_it_makes_anything(bench: Bench, image: Image) -> None:
    leases = faulty(bench.parts.leases)
    leases.plan["take"] = ["do"]
    leases.first = lambda: Derivatives(bench.parts).provide(image, PREVIEW)
    bench.sandbox.plan["derive"] = ["break"]
    late = Derivatives(replace(bench.parts, leases=leases, sandbox=bench.sandbox))
    assert late.provide(image, PREVIEW) == NAME


@pytest.mark.parametrize("adapter, method", [("sandbox", "derive"), ("objects", "download"), ("objects", "put_file")])
def test_what_fails_on_the_way_is_unavailable_and_works_the_next_time(
    bench: Bench, image: Image, adapter: str, method: str
) -> None:
    getattr(bench, adapter).plan[method] = ["fail"]
    with pytest.raises(Unavailable):
        bench.faulty.delivery.redirect(image, AS_PREVIEW)
    assert "/variants/" in bench.faulty.delivery.redirect(image, AS_PREVIEW).url


def test_what_fails_again_and_again_is_the_original_and_not_tried_again_at_once(bench: Bench, image: Image) -> None:
    bench.sandbox.plan["derive"] = ["fail"] * derivatives.FAILURES + ["break"]
    for _ in range(derivatives.FAILURES - 1):
        with pytest.raises(Unavailable):
            bench.faulty.delivery.redirect(image, AS_PREVIEW)
    for _ in range(3):
        assert "/uploads/" in bench.faulty.delivery.redirect(image, AS_PREVIEW).url
    assert not is_stored(bench, image)


def test_an_original_that_is_not_what_was_published_is_unavailable(bench: Bench, image: Image) -> None:
    with pytest.raises(Unavailable, match="damaged"):
        bench.services.delivery.redirect(replace(image, size=image.size + 1), AS_PREVIEW)
    with pytest.raises(Unavailable, match="missing"):
        bench.services.delivery.redirect(replace(image, key=image.key + "x"), AS_PREVIEW)


@pytest.mark.parametrize("adapter, method", [("objects", "download"), ("sandbox", "derive"), ("objects", "put_file")])
def test_a_delete_before_the_derivative_is_stored_leaves_nothing(
    bench: Bench, image: Image, adapter: str, method: str
) -> None:
    at = getattr(bench, adapter)
    at.plan[method] = ["do"]
    at.first = lambda: bench.services.changes.delete(bench.uid, image.iid)
    with pytest.raises(ImageDeleted):
        bench.faulty.delivery.redirect(image, AS_PREVIEW)
    assert bench.objects_of(image.iid) == set()


def test_a_delete_after_the_derivative_is_stored_takes_it_along(
    bench: Bench, image: Image, at_after_derivative: Callable[[Callable[[], Any]], None]
) -> None:
    at_after_derivative(lambda: bench.services.changes.delete(bench.uid, image.iid))
    with pytest.raises(ImageDeleted):
        bench.services.delivery.redirect(image, AS_PREVIEW)
    assert bench.objects_of(image.iid) == set()


def test_a_delete_that_dies_after_its_commit_has_the_maker_remove_its_own(bench: Bench, image: Image) -> None:
    def die() -> None:
        bench.records.plan["write_image"] = ["after"]
        with pytest.raises(Crash):
            bench.faulty.changes.delete(bench.uid, image.iid)

    bench.objects.plan["put_file"] = ["do"]
    bench.objects.first = die
    with pytest.raises(ImageDeleted):
        bench.faulty.delivery.redirect(image, AS_PREVIEW)
    assert not is_stored(bench, image)
    bench.sweep_now(image.iid)
    assert bench.objects_of(image.iid) == set()


def test_a_delete_between_the_look_and_the_answer_takes_the_derivative_along(bench: Bench, image: Image) -> None:
    bench.services.delivery.redirect(image, AS_PREVIEW)
    assert is_stored(bench, image)
    assert bench.services.changes.delete(bench.uid, image.iid)
    assert bench.objects_of(image.iid) == set()


def test_a_derivative_whose_put_was_in_doubt_while_the_image_died_is_removed(bench: Bench, image: Image) -> None:
    bench.sandbox.plan["derive"] = ["do"]
    bench.sandbox.first = lambda: bench.services.changes.delete(bench.uid, image.iid)
    bench.objects.plan["put_file"] = ["apply"]
    with pytest.raises(ImageDeleted):
        bench.faulty.delivery.redirect(image, AS_PREVIEW)
    assert bench.objects_of(image.iid) == set()


def test_a_derivative_whose_put_was_in_doubt_is_found_the_next_time(bench: Bench, image: Image) -> None:
    bench.objects.plan["put_file"] = ["apply"]
    with pytest.raises(OutcomeUnknown):
        bench.faulty.delivery.redirect(image, AS_PREVIEW)
    bench.sandbox.plan["derive"] = ["break"]
    assert "/variants/" in bench.faulty.delivery.redirect(image, AS_PREVIEW).url


def test_a_maker_that_dies_after_its_put_leaves_what_the_next_view_uses(
    bench: Bench, image: Image, at_after_derivative: Callable[[Callable[[], Any]], None]
) -> None:
    def die() -> None:
        raise Crash

    at_after_derivative(die)
    with pytest.raises(Crash):
        bench.services.delivery.redirect(image, AS_PREVIEW)
    faults.disarm()
    bench.sandbox.plan["derive"] = ["break"]
    assert "/variants/" in bench.faulty.delivery.redirect(image, AS_PREVIEW).url


def test_a_derivative_is_not_kept_for_a_version_that_no_record_names(bench: Bench, image: Image) -> None:
    other = replace(image, version="f" * 32)
    with pytest.raises(ImageNotFound):
        bench.services.delivery.redirect(other, AS_PREVIEW)
    assert bench.objects_of(image.iid) == {image.version}


def test_no_file_stays_behind_on_disk(
    bench: Bench, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    bench.objects.plan["put_file"] = ["fail", "ok"]
    with pytest.raises(Unavailable):
        bench.faulty.delivery.redirect(image, AS_PREVIEW)
    bench.faulty.delivery.redirect(image, AS_PREVIEW)
    assert list(tmp_path.iterdir()) == []
