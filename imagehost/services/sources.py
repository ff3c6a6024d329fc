"""Published bytes and what is said about them, whoever serves them: the bucket by a presigned URL, or the app itself.

Type and name are what the gate found, never what the client claimed.
"""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from imagehost.imaging.variants import from_file_name
from imagehost.mediatypes import EXTENSIONS
from imagehost.models import Image
from imagehost.services.ways import Purpose
from imagehost.storage import object_keys

FITTING = {mime: (f".{extension}",) for mime, extension in EXTENSIONS.items()} | {"image/jpeg": (".jpg", ".jpeg")}


@dataclass(frozen=True, slots=True)
class Source:
    """One object and how it is shown. `tag` names its bytes: objects are written once, below their image's version.
    `size_bytes` is None where only the bucket knows it. `stands_in`: this is the original, in the place of a variant
    that may still be made."""

    object_key: str
    mime: str
    disposition: str
    tag: str
    size_bytes: int | None
    stands_in: bool = False


def original(image: Image, purpose: Purpose | None = None, *, stands_in: bool = False) -> Source:
    """The image as it was published; to be saved as a file when it is for a download."""
    kind: Literal["inline", "attachment"] = "attachment" if purpose == "download" else "inline"
    return Source(image.key, image.mime, _disposition(image, kind), image.version, image.size, stands_in)


def derivative(image: Image, name: str) -> Source:
    """A derivative that is stored by now, by its name in the bucket."""
    return Source(
        object_keys.variant(image.uid, image.iid, image.version, name),
        from_file_name(name).mime,
        "inline",
        f"{image.version}.{name}",
        None,
    )


def cache_control(image: Image, max_age_s: int, *, immutable: bool = True) -> str:
    """How long an answer may be kept, and by whom; `immutable`: there is no need to ask meanwhile, not even on a
    reload."""
    return f"{'private' if image.private else 'public'}, max-age={max_age_s}" + ", immutable" * immutable


def _disposition(image: Image, kind: Literal["inline", "attachment"]) -> str:
    """RFC 6266, with the Unicode name as RFC 8187 writes it. The extension always fits what the image is."""
    name = re.sub(r"[/\\]", "_", image.filename)
    if not name.lower().endswith(FITTING[image.mime]):
        name += "." + EXTENSIONS[image.mime]
    return f"{kind}; filename=\"{object_keys.slug(name, image.mime)}\"; filename*=UTF-8''{quote(name, safe='')}"
