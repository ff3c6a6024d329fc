import os
import stat
import tempfile
import time
from pathlib import Path

import pytest

from imagehost.files import remove_abandoned, replace_private


def test_a_private_file_is_replaced_whole_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "secret.txt"
    path.write_text("old and longer")
    path.chmod(0o644)
    (tmp_path / "secret.part").write_text("of an interrupted write")
    replace_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["secret.txt"]


def test_only_old_folders_of_that_name_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    long_ago = time.time() - 100
    for name in ("work-old", "work-new", "other-old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "source").write_bytes(b"x")
    (tmp_path / "work-file").write_bytes(b"x")
    (tmp_path / "work-link").symlink_to(tmp_path / "other-old")
    for name in ("work-old", "other-old", "work-file"):
        os.utime(tmp_path / name, (long_ago, long_ago))
    remove_abandoned("work-", 50)
    assert {path.name for path in tmp_path.iterdir()} == {"work-new", "other-old", "work-file", "work-link"}
    assert (tmp_path / "other-old" / "source").exists()
