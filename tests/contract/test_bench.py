"""The bench itself, on so little that it takes seconds: that it measures, not what."""

from collections.abc import Mapping
from pathlib import Path

from bench import growth, pictures, signing, web
from bench.figures import Figure


def test_the_web_server_is_measured_beside_flask(environment: Mapping[str, str], tmp_path: Path) -> None:
    size = web.Size(rounds=1, complete_rounds=1, images=2, listed=2, operations=("view",), peers=False)
    figures = by_name(web.measure(environment, tmp_path, size, lambda _: None))
    assert {"complete.rate", "complete.cpu_of_flask", "view.rate_of_flask", "view.cpu_of_wsgi"} <= figures.keys()
    assert all(figure.value > 0 for figure in figures.values())


def test_signatures_are_measured_beside_boto3() -> None:
    figures = by_name(signing.measure(urls=5, rounds=1))
    assert {"signing.get", "signing.get_cheaper", "signing.put_cheaper"} <= figures.keys()
    assert all(figure.value > 0 for figure in figures.values())


def test_the_index_is_filled_and_its_pages_are_measured(tmp_path: Path) -> None:
    figures = by_name(growth.measure(tmp_path, (1_000,), lambda _: None, rounds=1))
    assert figures["index.bytes"].value > 100
    assert figures["index.bytes_stripped"].value > figures["index.bytes"].value
    assert figures["index.deep_page_1k"].value > 0


def test_a_photograph_is_measured_beside_the_bare_work(environment: Mapping[str, str], tmp_path: Path) -> None:
    size = pictures.Size(rounds=1, completes=1, uploads=6, warm=2, photo_px=(900, 600))
    figures = by_name(pictures.measure(environment, tmp_path, size, lambda _: None))
    assert {"photo.complete_of_bare", "photo.share_decode", "photo.memory_growth", "thumb.cpu"} <= figures.keys()
    assert figures["photo.complete_of_bare"].value > 1
    assert figures["thumb.ssim"].value > 0.8


def by_name(figures: list[Figure]) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures}
