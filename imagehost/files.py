"""Files that must never be half written, nor read by others."""

import os
import shutil
import stat
import tempfile
import time
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


def remove_abandoned(prefix: str, older_s: float) -> None:
    """Remove this user's temporary directories of that name that nobody has touched for `older_s`: a process that is
    killed cannot tidy up. Whatever cannot be removed stays."""
    for path in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        try:
            found = path.lstat()
        except OSError:
            continue
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and time.time() - found.st_mtime > older_s:
            shutil.rmtree(path, ignore_errors=True)
