"""Writes the bytes that will be stored: the image without what does not belong to it.

Identity for now: the stored file is the sent one. The place is final, because the order matters: header limits →
sanitise → gate of the *sanitised* bytes, so that what is published is what was verified. "Images" fills it: EXIF, XMP,
comments and trailing bytes go, the ICC profile and the orientation stay, without re-encoding.
"""

import shutil
from pathlib import Path


def sanitise(source: Path, target: Path) -> None:
    """Write `target`, replacing a file of that name; `source` is left as it is. Raises OSError (disk full, …)."""
    shutil.copyfile(source, target)
