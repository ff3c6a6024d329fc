"""Files that must never be half written, nor read by others."""

import os
from pathlib import Path


def replace_private(path: Path, text: str) -> None:
    """Replace a file by one that only its owner can read, durably and at once: a crash leaves the old one or the new
    one. Raises OSError, leaving the old one."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
