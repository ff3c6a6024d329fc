"""What the gate hands to services: plain values, no Pillow, so that the web process never loads a decoder."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Derivative:
    """One object that a variant's recipe made; `path` is its file in the job's working directory, `name` what it is
    called in the bucket."""

    name: str
    mime: str
    path: Path
    width: int
    height: int


@dataclass(frozen=True)
class Colour:
    """One of an image's colours, `#rrggbb`, and its share of what is seen of the image, 0–1."""

    hex: str
    share: float


def to_colours(report: str) -> tuple[Colour, ...]:
    """From what `reports.Found` says."""
    pairs = (entry.split("=") for entry in report.split(",") if entry)
    return tuple(Colour(colour, int(share) / 10_000) for colour, share in pairs)


@dataclass(frozen=True)
class Accepted:
    """The gate's verdict on an image that may be published.

    `path` holds the sanitised bytes, the ones to store; `size` (bytes) and `sha256` are theirs, `source_*` those of
    the file as it was sent. `width` and `height` are in pixels as displayed, that is, after the orientation.
    `placeholder` is a ThumbHash in base64, None where none could be made.
    """

    mime: str
    extension: str
    width: int
    height: int
    frames: int
    path: Path
    size: int
    sha256: str
    source_size: int
    source_sha256: str
    placeholder: str | None
    derivatives: tuple[Derivative, ...]
