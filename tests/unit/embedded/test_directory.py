import json
import os
import stat
from dataclasses import asdict
from pathlib import Path

import pytest

from imagehost.embedded import directory as directory_module
from imagehost.embedded.directory import SOCKET_PATH_MAX_BYTES, DataDirectory, Secrets
from imagehost.embedded.failure import StackError


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_data_directory_and_its_secrets_are_private(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.mkdir(mode=0o755)
    directory = DataDirectory(str(path))
    directory.lock()
    directory.write_secrets(Secrets())
    directory.unlock()
    assert mode_of(path) == 0o700
    assert mode_of(path / "embedded.json") == 0o600
    assert mode_of(path / "run") == 0o700


def test_secrets_are_random_and_read_back_as_written(tmp_path: Path) -> None:
    directory = DataDirectory(str(tmp_path))
    first, second = Secrets(s3_port=10_001), Secrets()
    assert first.flask_secret != second.flask_secret
    assert directory.read_secrets() is None
    directory.write_secrets(first)
    assert directory.read_secrets() == first


def test_a_leftover_of_an_interrupted_write_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "embedded.part").write_text("half")
    directory, secrets = DataDirectory(str(tmp_path)), Secrets()
    directory.write_secrets(secrets)
    assert directory.read_secrets() == secrets


def test_a_directory_in_use_is_refused_until_it_is_free(tmp_path: Path) -> None:
    first, second = DataDirectory(str(tmp_path)), DataDirectory(str(tmp_path))
    first.lock()
    with pytest.raises(StackError, match=rf"in use by another imagehost \(process {os.getpid()}\): stop that one"):
        second.lock()
    first.note_holder("http://127.0.0.1:8000")
    with pytest.raises(StackError, match=rf"\(process {os.getpid()}, http://127.0.0.1:8000\)"):
        second.lock()
    first.unlock()
    second.lock()
    assert (tmp_path / "lock").read_text() == f"process {os.getpid()}"
    second.unlock()


def test_who_does_not_hold_the_directory_leaves_no_word(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("process 1")
    DataDirectory(str(tmp_path)).note_holder("http://127.0.0.1:8000")
    assert (tmp_path / "lock").read_text() == "process 1"


def test_a_full_disk_is_one_sentence_and_needs_no_more_than_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = DataDirectory(str(tmp_path))
    monkeypatch.setattr(directory_module, "ROOM_BYTES", 2**70)
    with pytest.raises(StackError, match=rf"disk of .*{tmp_path.name}.* is full: \d+ MiB are free, .* make room"):
        directory.lock()
    directory.lock(stores=False)
    directory.unlock()
    monkeypatch.setattr(directory_module, "ROOM_WITHOUT_SERVERS_BYTES", 2**70)
    with pytest.raises(StackError, match="is full"):
        directory.lock(stores=False)
    monkeypatch.undo()
    directory.lock()
    directory.unlock()


@pytest.mark.parametrize("name", ["redis", "s3", "log", "metrics"])
def test_a_file_where_a_part_of_it_should_be_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "lock").touch()
    (tmp_path / name).write_text("")
    with pytest.raises(StackError, match=rf"cannot be used: File exists \({tmp_path / name}\)"):
        DataDirectory(str(tmp_path)).lock()


def test_a_file_where_the_directory_should_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StackError, match="cannot be used"):
        DataDirectory(str(tmp_path / "data")).lock()


def test_sockets_of_a_long_path_go_to_a_short_private_directory(tmp_path: Path) -> None:
    directory = DataDirectory(str(tmp_path / ("long" * 30)))
    assert len(str(directory.redis_socket)) <= SOCKET_PATH_MAX_BYTES
    assert directory.run == DataDirectory(str(directory.path)).run
    directory.lock()
    try:
        assert mode_of(directory.run) == 0o700
    finally:
        directory.unlock()
        directory.run.rmdir()


def test_a_socket_directory_that_is_a_link_is_refused(tmp_path: Path) -> None:
    directory = DataDirectory(str(tmp_path / ("long" * 30)))
    directory.run.symlink_to(tmp_path)
    try:
        with pytest.raises(StackError, match="for sockets cannot be used"):
            directory.lock()
    finally:
        directory.unlock()
        directory.run.unlink()


def test_nothing_in_the_secrets_names_a_path(tmp_path: Path) -> None:
    DataDirectory(str(tmp_path)).write_secrets(Secrets())
    assert "/" not in (tmp_path / "embedded.json").read_text()


def test_a_directory_full_of_something_else_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    tmp_path.chmod(0o755)
    with pytest.raises(StackError, match="IMAGEHOST_DATA_DIR"):
        DataDirectory(str(tmp_path)).lock()
    assert mode_of(tmp_path) == 0o755
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


@pytest.mark.parametrize("change", [{"s3_port": "1"}, {"s3_port": None}, {"flask_secret": "a\0b"}, {"flask_secret": 1}])
def test_secrets_that_no_program_could_take_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    directory = DataDirectory(str(tmp_path))
    (tmp_path / "embedded.json").write_text(json.dumps(asdict(Secrets()) | change))
    with pytest.raises(StackError, match=r"embedded\.json"):
        directory.read_secrets()


def test_a_directory_whose_lock_was_removed_is_still_known(tmp_path: Path) -> None:
    directory = DataDirectory(str(tmp_path))
    directory.write_secrets(Secrets())
    directory.lock()
    directory.unlock()
