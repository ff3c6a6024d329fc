"""Pieces of work on one photograph, each a few times in turn; `python -m bench.work PHOTO` prints CPU seconds of each.

`bare` is what nobody can do without: hash the bytes, decode (DCT-scaled), resize, write a WebP. `thumb` is what
imagehost does for a thumbnail, `vips` what libvips does where pyvips is installed, of the same size, format
and quality; `ssim.*` compare both with filtering the full frame. `step.*` are the steps of the gate.
"""

import hashlib
import importlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, median, pvariance
from typing import Any

from PIL import Image

from imagehost.imaging import derive, gate
from imagehost.imaging.sanitise import sanitise
from imagehost.imaging.variants import THUMB

TURNS = 3


def measure(photo: Path, folder: Path) -> dict[str, float]:
    """See the module."""
    pieces: dict[str, Callable[[], object]] = {
        "bare": lambda: _bare(photo, folder / "bare.webp"),
        "thumb": lambda: _thumb(photo, folder / "thumb.webp"),
        **_steps(photo, folder),
    }
    vips = _vips()
    if vips is not None:
        pieces["vips"] = lambda: _by_vips(vips, photo, folder / "vips.webp")
    took: dict[str, list[float]] = {name: [] for name in pieces}
    for _ in range(1 + TURNS):
        for name, piece in pieces.items():
            before_s = time.process_time()
            piece()
            took[name].append(time.process_time() - before_s)
    found = {name: median(each[1:]) for name, each in took.items()}  # the first loads what it needs
    with Image.open(photo) as image:
        reference = image.convert("L").resize(THUMB.size(*image.size), Image.Resampling.LANCZOS)
    for name in ("thumb", "vips"):
        if name in pieces:
            with Image.open(folder / f"{name}.webp") as made:
                found[f"ssim.{name}"] = _ssim(reference, made.convert("L"))
    return found


def _bare(photo: Path, target: Path) -> None:
    hashlib.sha256(photo.read_bytes()).digest()
    with Image.open(photo) as image:
        size = THUMB.size(*image.size)
        image.draft("RGB", (round(size[0] * 1.5), round(size[1] * 1.5)))
        image.resize(size, Image.Resampling.LANCZOS).save(target, "WEBP", quality=80, method=4)


def _thumb(photo: Path, target: Path) -> None:
    header = gate.read_header(photo, gate.find_format(photo))
    size = (header.width, header.height)
    px = derive.seed_px([THUMB], *size)
    seed = gate.decode(photo, header, px, lambda frame: derive.make_seed(frame, size, px))
    derive.write_variant(seed, THUMB, target)


def _steps(photo: Path, folder: Path) -> dict[str, Callable[[], object]]:
    found = gate.find_format(photo)
    header = gate.read_header(photo, found)
    size = (header.width, header.height)
    px = derive.seed_px([THUMB], *size)
    seed = gate.decode(photo, header, px, lambda frame: derive.make_seed(frame, size, px))
    return {
        "step.sanitise": lambda: sanitise(photo, folder / "clean.jpg", found),
        "step.placeholder": lambda: derive.make_placeholder(seed),
        "step.hashes": lambda: [hashlib.sha256(photo.read_bytes()).digest() for _ in range(2)],
        "step.decode": lambda: gate.decode(photo, header, px, lambda frame: derive.make_seed(frame, size, px)),
        "step.thumb": lambda: derive.write_variant(seed, THUMB, folder / "step.webp"),
    }


def _vips() -> Any:
    try:
        return importlib.import_module("pyvips")
    except ImportError:
        return None


def _by_vips(vips: Any, photo: Path, target: Path) -> None:
    vips.Image.thumbnail(str(photo), 400, height=400).webpsave(str(target), Q=80, effort=4, strip=True)


def _ssim(one: Image.Image, other: Image.Image, side: int = 8) -> float:
    """Mean structural similarity of grey images, block by block (Wang et al. 2004, with its constants)."""
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    found = []
    for top in range(0, one.height - side + 1, side):
        for left in range(0, one.width - side + 1, side):
            box = (left, top, left + side, top + side)
            a, b = one.crop(box).tobytes(), other.crop(box).tobytes()
            mean_a, mean_b = fmean(a), fmean(b)
            both = fmean(x * y for x, y in zip(a, b, strict=True)) - mean_a * mean_b
            found.append(
                (2 * mean_a * mean_b + c1)
                * (2 * both + c2)
                / ((mean_a**2 + mean_b**2 + c1) * (pvariance(a) + pvariance(b) + c2))
            )
    return fmean(found)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        print(json.dumps(measure(Path(sys.argv[1]), Path(folder))))
