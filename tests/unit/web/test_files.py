"""The version in the address of the pages' files follows what is in them."""

from pathlib import Path

import pytest

from imagehost.web.pages.files import version_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"js/a.js": "1", "js/b.js": "2", "icon.svg": "3"}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_the_version_stays_while_nothing_changes(folder: Path) -> None:
    (folder / "js" / "a.js").touch()
    assert version_of(folder) == version_of(folder)


@pytest.mark.parametrize("name, text", [("js/a.js", "x"), ("js/new.js", ""), ("icon.svg", "")])
def test_every_change_of_a_file_makes_another_version(folder: Path, name: str, text: str) -> None:
    before = version_of(folder)
    (folder / name).write_text(text)
    assert version_of(folder) != before


def test_a_file_that_moves_or_goes_makes_another_version(folder: Path) -> None:
    before = version_of(folder)
    (folder / "js" / "a.js").rename(folder / "a.js")
    moved = version_of(folder)
    (folder / "a.js").unlink()
    assert len({before, moved, version_of(folder)}) == 3
