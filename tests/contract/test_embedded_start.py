"""Starts of the embedded stack on its real servers that are refused, and what helps."""

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from imagehost.config import load_config
from imagehost.embedded import Stack, StackError
from imagehost.index.server import is_ready
from tests.stack import bare_environ

# So that Redis alone is embedded, and there at once. Nobody asks the store.
OWN_S3 = {"AWS_S3_BUCKET_NAME": "elsewhere", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}


def first_port(environment: dict[str, str]) -> int:
    return urlsplit(environment["S3_ENDPOINT_URL"]).port or 0


def redis_of(environment: dict[str, str]) -> "redis.Redis":
    return redis.Redis.from_url(environment["REDIS_URL"], decode_responses=True)


def test_an_own_redis_that_forgets_is_refused(tmp_path: Path) -> None:
    with Stack(bare_environ(tmp_path / "theirs", **OWN_S3)) as theirs:
        environment = theirs.prepare()
        theirs.start(load_config(environment))
        client = redis_of(environment)
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.close()
        own = {name: environment[name] for name in ("REDIS_URL", "FLASK_SECRET", "IMAGEHOST_PUBLIC_URL")}
        with (
            Stack(bare_environ(tmp_path / "own", **OWN_S3, **own)) as stack,
            pytest.raises(StackError, match=r"REDIS_URL cannot be used: maxmemory-policy is allkeys-lru.*noeviction"),
        ):
            stack.start(load_config(stack.prepare()))


def test_an_embedded_redis_that_forgets_is_refused_and_ended(tmp_path: Path) -> None:
    with Stack(bare_environ(tmp_path / "data", **OWN_S3)) as stack:
        environment = stack.prepare()
        forgetful = tmp_path / "redis-server"
        forgetful.write_text(f'#!/bin/sh\nexec {stack._programs["redis"]} "$@" --maxmemory-policy volatile-ttl\n')
        forgetful.chmod(0o755)
        stack._programs["redis"] = str(forgetful)
        with pytest.raises(StackError, match="The embedded Redis cannot be used: maxmemory-policy is volatile-ttl"):
            stack.start(load_config(environment))
    assert not is_ready(environment["REDIS_URL"])


def test_a_port_taken_between_the_draw_and_the_start_is_one_sentence_and_the_next_start_heals(tmp_path: Path) -> None:
    with Stack(bare_environ(tmp_path / "data")) as stack:
        environment = stack.prepare()
        taken = first_port(environment) + 5
        with socket.create_server(("127.0.0.1", taken)), pytest.raises(StackError, match="taken just now: start again"):
            stack.start(load_config(environment))
    with socket.create_server(("127.0.0.1", taken)), Stack(bare_environ(tmp_path / "data")) as stack:
        again = stack.prepare()
        assert first_port(again) != first_port(environment)
        stack.start(load_config(again))


@pytest.mark.parametrize("damage", [b"", b"file x seq 1 type q\n"])
def test_a_redis_that_cannot_read_its_data_says_what_to_do_and_that_helps(tmp_path: Path, damage: bytes) -> None:
    data = tmp_path / "data"
    (data / "redis" / "appendonlydir").mkdir(parents=True)
    (data / "redis" / "appendonlydir" / "appendonly.aof.manifest").write_bytes(damage)
    (data / "lock").touch()
    with (
        Stack(bare_environ(data, **OWN_S3)) as stack,
        pytest.raises(StackError, match=rf"redis ended .*AOF.*its log is .*: move {data}/redis away") as caught,
    ):
        stack.start(load_config(stack.prepare()))
    assert "\n" not in str(caught.value)
    (data / "redis").rename(data / "away")
    with Stack(bare_environ(data, **OWN_S3)) as stack:
        stack.start(load_config(environment := stack.prepare()))
        assert is_ready(environment["REDIS_URL"])


def test_a_redis_whose_last_write_was_cut_off_starts(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for sign in ("first", "second"):
        with Stack(bare_environ(data, **OWN_S3)) as stack:
            stack.start(load_config(environment := stack.prepare()))
            client = redis_of(environment)
            assert client.get("kept") == ("kept" if sign == "second" else None)
            client.set("kept", "kept")
            client.set("cut", "x" * 100)
            client.close()
        (log,) = (data / "redis" / "appendonlydir").glob("*.incr.aof")
        os.truncate(log, log.stat().st_size - 7)


def test_an_s3_server_that_cannot_read_its_data_says_what_to_do(tmp_path: Path) -> None:
    with Stack(bare_environ(tmp_path / "data")) as stack:
        environment = stack.prepare()
        (tmp_path / "data" / "s3" / "filerldb2").write_text("")
        with pytest.raises(
            StackError, match=rf"s3 ended .*filerldb2.*restore {tmp_path}/data/s3 from a copy"
        ) as caught:
            stack.start(load_config(environment))
    assert "\n" not in str(caught.value)
