"""What crosses the pipe between a sandbox child and the web process: JSON, a line a message.

JSON and not pickle, and every field checked on arrival: a child decodes hostile bytes, so its word may say that an
image is acceptable, but may not make the web process run, open or believe anything else.
"""

import json
import re
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from imagehost.imaging.placeholder import is_placeholder
from imagehost.mediatypes import EXTENSIONS

MAX_LINE_BYTES = 4096
RECOLOURED_FILE = "recoloured.png"
"""The file of an image in other colours, among what a child makes. It is no variant, but to become an image."""
FIND = "find"
"""The mode of a job that is to find the colours of an image; the other modes recolour it."""


@dataclass(frozen=True)
class Job:
    """Paths are absolute, variants go by their files' names. `memory_bytes` counts over the child's address space at
    its start; `cpu_s` is CPU time. `judged`: the source is a published image, of which only the variants are wanted;
    with a `mode`, only the image in the colours of `palette`, `#rrggbb` each, or the colours that it has (palette.py).
    `keep_metadata`: EXIF and XMP are to stay in the image."""

    source: str
    workdir: str
    variants: tuple[str, ...]
    memory_bytes: int
    cpu_s: int
    judged: bool = False
    keep_metadata: bool = False
    mode: str = ""
    palette: tuple[str, ...] = ()


@dataclass(frozen=True)
class Accept:
    """The gate has accepted; size in pixels as displayed."""

    mime: str
    width: int
    height: int
    frames: int


@dataclass(frozen=True)
class Refusal:
    """`rule`: one of our own rules refused, which no repetition changes. Otherwise a decoder raised `cause`, and
    `certain` says whether the child had ample memory, without which that proves nothing."""

    code: str
    detail: str
    rule: bool
    certain: bool
    cause: str


@dataclass(frozen=True)
class Failure:
    """No verdict, or no derivative. `kind`: `memory`, `system` (disk full, file gone, …), `decoder` (only where the
    image had been judged before); from the parent also `budget` (time used up) and `child` (it ended otherwise)."""

    kind: str
    cause: str


@dataclass(frozen=True)
class Sketched:
    """The image's ThumbHash, in base64."""

    placeholder: str


@dataclass(frozen=True)
class Made:
    """A derivative's file is complete; `name` is the file's."""

    name: str
    width: int
    height: int


@dataclass(frozen=True)
class Found:
    """The image's colours with their shares of what is seen, in ten thousandths: `#a0522d=7300,#ffffff=2700`."""

    colours: str


@dataclass(frozen=True)
class Ended:
    """The child is gone: exit status, or minus the signal. Comes from the zygote, after the last word of the child."""

    status: int


Report: TypeAlias = Accept | Refusal | Failure | Sketched | Made | Found | Ended

_COLOURS = re.compile("(?:#[0-9a-f]{6}=[0-9]{1,5}(?:,(?!$)|$)){0,16}")
_REPORTS: dict[str, type[Any]] = {c.__name__: c for c in (Accept, Refusal, Failure, Sketched, Made, Found, Ended)}


def to_line(message: Job | Report) -> bytes:
    return json.dumps({"is": type(message).__name__, **asdict(message)}).encode() + b"\n"


def parse_report(line: bytes) -> Report:
    """Raises ValueError for anything that is not exactly one of the reports, with fields of the declared types."""
    if len(line) > MAX_LINE_BYTES:
        raise ValueError("a report that is too long")
    try:
        raw = json.loads(line)
    except RecursionError as exc:
        raise ValueError("a report that nests too deep") from exc
    name = raw.pop("is", None) if isinstance(raw, dict) else None
    kind = _REPORTS.get(name) if isinstance(name, str) else None
    if kind is None or {key: type(value) for key, value in raw.items()} != kind.__annotations__:
        raise ValueError("not a report of the sandbox")
    report: Report = kind(**raw)
    if isinstance(report, Accept) and (
        report.mime not in EXTENSIONS or min(report.width, report.height, report.frames) < 1
    ):
        raise ValueError("an impossible verdict")
    if isinstance(report, Sketched) and not is_placeholder(report.placeholder):
        raise ValueError("not a placeholder")
    if isinstance(report, Found) and not _COLOURS.fullmatch(report.colours):
        raise ValueError("a report of no colours")
    return report


def parse_job(line: bytes) -> Job:
    raw = json.loads(line)
    del raw["is"]
    return Job(**raw | {"variants": tuple(raw["variants"]), "palette": tuple(raw["palette"])})
