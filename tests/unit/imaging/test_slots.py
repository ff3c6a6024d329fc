"""The slots that all processes of a machine share."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from imagehost.errors import Unavailable
from imagehost.imaging.slots import Slots


def test_as_many_slots_as_gates_can_be_taken_and_no_more(tmp_path: Path) -> None:
    with ExitStack() as held:
        for _ in range(3):
            held.enter_context(Slots(3, tmp_path / "slots").taken(0))
        with pytest.raises(Unavailable, match="busy"):
            held.enter_context(Slots(3, tmp_path / "slots").taken(0))
    with Slots(3, tmp_path / "slots").taken(0):
        pass


def test_a_killed_process_gives_its_slot_back(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from imagehost.imaging.slots import Slots\n"
        "with Slots(1, Path(sys.argv[1])).taken(0): print('taken', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "slots")]
    root, pipe = Path(__file__).parents[3], subprocess.PIPE
    with subprocess.Popen(command, cwd=root, stdin=pipe, stdout=pipe) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"taken\n"
        with pytest.raises(Unavailable), Slots(1, tmp_path / "slots").taken(0):
            pass
        holder.kill()
        holder.wait()
        with Slots(1, tmp_path / "slots").taken(0):
            pass


def test_a_link_in_the_place_of_the_directory_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "slots").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unavailable), Slots(1, tmp_path / "slots").taken(0):
        pass
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_link_in_the_place_of_a_slot_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "gate-0").symlink_to(tmp_path / "victim")
    with pytest.raises(Unavailable), Slots(1, tmp_path).taken(0):
        pass
    assert not (tmp_path / "victim").exists()


def test_a_directory_that_others_may_write_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "slots").mkdir()
    (tmp_path / "slots").chmod(0o777)
    with pytest.raises(Unavailable), Slots(1, tmp_path / "slots").taken(0):
        pass


def test_the_directory_is_made_for_this_user_alone(tmp_path: Path) -> None:
    with Slots(1, tmp_path / "slots").taken(0):
        assert (tmp_path / "slots").stat().st_mode & 0o777 == 0o700
