"""What images cost: completing a photograph of 12 megapixels beside the bare work on it, a thumbnail on demand beside
libvips, and the memory of the web server after many uploads."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from PIL import Image

from bench import load, peers, processes, servers
from bench.caller import Caller
from bench.figures import Failed, Figure, ratio
from bench.servers import Web
from imagehost.build import build_services
from imagehost.config import load_config
from tests import images
from tests.blackbox import ROOT

PHOTO_PX = (4000, 3000)


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: `completes` in a round; memory over so many `uploads` after `warm` ones, by which
    everything is loaded."""

    rounds: int = 7
    completes: int = 3
    warm: int = 100
    uploads: int = 300
    photo_px: tuple[int, int] = PHOTO_PX


def measure(
    environment: Mapping[str, str], directory: Path, size: Size, advance: Callable[[str], None]
) -> list[Figure]:
    """On a running Redis and S3 that `environment` names. Raises Failed when any answer is an error."""
    photo = directory / "photo.jpg"
    photo.write_bytes(_photo(size.photo_px))
    services = build_services(load_config(environment))
    try:
        caller = Caller(services)
        with servers.gunicorn("wsgi:app", "pictures", directory, environment) as web:
            load.ask(web.port, caller.upload(photo.read_bytes(), "image/jpeg"))
            completes: list[float] = []
            works: dict[str, list[float]] = {}
            for _ in range(size.rounds):
                advance("complete of a photograph")
                completes.append(_complete(web, caller, photo.read_bytes(), size.completes))
                advance("the bare work")
                for name, took_s in _work(photo).items():
                    works.setdefault(name, []).append(took_s)
            return [*_figures(completes, works), _growth(web, caller, size, advance)]
    finally:
        services.parts.close()


def _figures(completes: list[float], works: Mapping[str, list[float]]) -> list[Figure]:
    figures = [
        Figure("photo.complete", median(completes) * 1e3, "ms"),
        Figure("photo.bare", median(works["bare"]) * 1e3, "ms"),
        Figure("photo.complete_of_bare", ratio(completes, works["bare"])),
    ]
    for name, took_s in works.items():
        if name.startswith("step."):
            figures.append(Figure(f"photo.share_{name.removeprefix('step.')}", ratio(took_s, completes) * 100, "%"))
    if "vips" in works:
        figures.append(Figure("thumb.vips", median(works["vips"]) * 1e3, "ms"))
        figures.append(Figure("thumb.speed_of_vips", ratio(works["vips"], works["thumb"])))
        figures.append(Figure("thumb.ssim_vips", median(works["ssim.vips"]), "SSIM"))
    return [
        *figures,
        Figure("thumb.cpu", median(works["thumb"]) * 1e3, "ms"),
        Figure("thumb.ssim", median(works["ssim.thumb"]), "SSIM"),
    ]


def _complete(web: Web, caller: Caller, photo: bytes, count: int) -> float:
    """CPU seconds of the web server and its children for one complete."""
    completes = [caller.upload(photo, "image/jpeg") for _ in range(count)]
    before_s = processes.cpu_s(web.pid)
    load.send_all(web.port, completes, 1)
    return (processes.cpu_s(web.pid) - before_s) / count


def _work(photo: Path) -> dict[str, float]:
    """CPU seconds of each piece of work on the photograph, done in a process of its own; bench/work.py has them."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.work", str(photo)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(peers.SITE))), "VIPS_CONCURRENCY": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"the bare work failed: {done.stderr[-500:]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _growth(web: Web, caller: Caller, size: Size, advance: Callable[[str], None]) -> Figure:
    """How much more memory the web server holds after uploads of every format, large and small."""
    mixed = [(images.photo_as(mime), mime) for mime in ("image/png", "image/jpeg", "image/gif", "image/webp")]
    mixed += [(images.animated("image/gif"), "image/gif"), (images.large_photo(), "image/jpeg")]

    def upload(count: int) -> int:
        for start in range(0, count, 50):
            advance("memory after uploads")
            batch = [caller.upload(*mixed[n % len(mixed)]) for n in range(start, min(start + 50, count))]
            load.send_all(web.port, batch, 2)
        return processes.resident_bytes(web.pid)

    before = upload(size.warm)
    return Figure("photo.memory_growth", (upload(size.uploads) - before) / 2**20, "MiB")


def _photo(size: tuple[int, int]) -> bytes:
    with Image.open(images.PHOTOS / "coffee.jpg") as image:
        return images.encode(image.resize(size, Image.Resampling.BICUBIC), "image/jpeg", quality=90)
