"""The original of a published image, read again to make something of it."""

from pathlib import Path

from imagehost.errors import SizeMismatch, Unavailable
from imagehost.models import Image
from imagehost.services.death import find_end
from imagehost.services.parts import Parts


def fetch_original(parts: Parts, image: Image, path: Path) -> None:
    """Write the stored original to `path`. Raises ImageDeleted or ImageNotFound when the image died meanwhile, and
    Unavailable."""
    try:
        if parts.objects.download(image.key, path, image.size):
            return
    except SizeMismatch as exc:
        raise Unavailable("The original is damaged.") from exc
    raise find_end(parts, image) or Unavailable("The original is missing.")  # a delete may have taken it
