"""The embedded stack on its real servers: what `make run` starts before the web process."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from imagehost.config import Config, load_config
from imagehost.embedded import Stack, StackError, settings
from imagehost.embedded import stack as stack_module
from imagehost.index.server import get_version, is_ready
from imagehost.storage.bucket import ensure_bucket, refuses_strangers
from imagehost.storage.client import connect
from tests.stack import bare_environ, embedded_stack

SUPERVISOR = """
import sys
from imagehost.config import load_config
from imagehost.embedded import Command, Stack
from tests.stack import bare_environ
from pathlib import Path
with Stack(bare_environ(Path(sys.argv[1]), PORT=sys.argv[2])) as stack:
    environment = stack.prepare()
    config = load_config(environment)
    print("starting", flush=True)
    stack.start(config)
    config.data_dir.joinpath("health").touch()
    argv = [sys.executable, "-m", "http.server", "-b", "127.0.0.1", sys.argv[2]]
    web = Command("web", argv, environment, cwd=config.data_dir)
    stack.serve(config, [web], lambda: print("ready", environment["S3_ENDPOINT_URL"], flush=True))
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with embedded_stack(tmp_path_factory.mktemp("embedded") / "data") as environment:
        yield environment


@pytest.fixture(scope="module")
def config(running: dict[str, str]) -> Config:
    return load_config(running)


def ask(config: Config, method: str, path: str, **headers: str) -> tuple[int, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection(urlsplit(config.s3_endpoint_url or "").netloc, timeout=5)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.headers


def listeners() -> set[tuple[str, int]]:
    """Address (hexadecimal, as the kernel shows it) and port of all TCP sockets that listen; see proc(5)."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                address, port = fields[1].split(":")
                found.add((address, int(port, 16)))
    return found


def first_port(environment: dict[str, str]) -> int:
    return urlsplit(environment["S3_ENDPOINT_URL"]).port or 0


def of_stack(first: int) -> list[tuple[str, int]]:
    return [(address, port) for address, port in listeners() if first <= port <= first + 8 or port == first + 10_008]


def redis_of(environment: dict[str, str]) -> "redis.Redis":
    return redis.Redis.from_url(environment["REDIS_URL"], decode_responses=True)


def test_it_listens_on_the_loopback_address_only(running: dict[str, str]) -> None:
    found = of_stack(first_port(running))
    assert len(found) >= 9
    assert {address for address, _ in found} == {"0100007F"}


def test_an_unsigned_request_is_refused(config: Config) -> None:
    assert refuses_strangers(config)
    assert ask(config, "GET", f"/{config.bucket}")[0] == 403
    assert ask(config, "PUT", f"/{config.bucket}/incoming/x", Content_Length="0")[0] == 403


def test_the_inner_servers_serve_nobody(running: dict[str, str], config: Config) -> None:
    connect(config).put_object(Bucket=config.bucket, Key="uploads/secret", Body=b"secret")
    filer, volume = first_port(running) + 6, first_port(running) + 4
    for port, path in ((filer, "/buckets/imagehost/uploads/secret"), (filer, "/"), (volume, "/1,01637037d6")):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status in (401, 404), path
        assert b"secret" not in answer.read()
        connection.close()


def test_both_names_of_the_page_may_upload_and_other_pages_may_not(running: dict[str, str], config: Config) -> None:
    port = running["PORT"]
    wanted = {
        "Access_Control_Request_Method": "PUT",
        "Access_Control_Request_Headers": "content-type,if-none-match,x-amz-checksum-sha256",
    }
    for origin in (f"http://127.0.0.1:{port}", f"http://localhost:{port}"):
        status, headers = ask(config, "OPTIONS", f"/{config.bucket}/incoming/x", Origin=origin, **wanted)
        assert status == 200
        assert headers["Access-Control-Allow-Origin"] == origin
        assert "x-amz-checksum-sha256" in headers["Access-Control-Allow-Headers"].lower()
    status, headers = ask(config, "OPTIONS", f"/{config.bucket}/incoming/x", Origin="https://evil.example", **wanted)
    assert status == 403
    assert "Access-Control-Allow-Origin" not in headers


def test_staging_objects_expire_after_two_days(config: Config) -> None:
    ensure_bucket(config, [config.public_url])  # repeating it changes nothing
    rules = connect(config).get_bucket_lifecycle_configuration(Bucket=config.bucket)["Rules"]
    assert [(rule["Filter"]["Prefix"], rule["Expiration"]["Days"]) for rule in rules] == [("incoming/", 2)]


def test_the_index_is_a_private_socket_and_keeps_what_it_holds(running: dict[str, str]) -> None:
    client = redis_of(running)
    settings_now = {name: client.config_get(name)[name] for name in ("appendonly", "appendfsync", "maxmemory-policy")}
    assert settings_now == {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}
    assert client.config_get("hash-max-listpack-value")["hash-max-listpack-value"] == "512"
    socket_file = Path(running["IMAGEHOST_DATA_DIR"], "run", "redis.sock")
    assert socket_file.stat().st_mode & 0o777 == 0o600
    client.close()


def test_the_index_says_what_it_is(running: dict[str, str]) -> None:
    name, version = get_version(running["REDIS_URL"])
    assert (
        Path(running["IMAGEHOST_DATA_DIR"], "redis", "ENGINE").read_text() == f"{name} {'.'.join(map(str, version))}\n"
    )
    assert version >= (7, 0, 0)
    assert not is_ready("unix:///nowhere/redis.sock")


def test_another_terminal_finds_the_same_settings(running: dict[str, str]) -> None:
    own = {name: running[name] for name in ("PATH", "PORT", "IMAGEHOST_DATA_DIR")}
    assert settings(own) == running


def test_a_second_stack_on_the_directory_is_refused_and_the_first_lives(running: dict[str, str]) -> None:
    with (
        Stack(bare_environ(Path(running["IMAGEHOST_DATA_DIR"]))) as second,
        pytest.raises(StackError, match="in use by another imagehost"),
    ):
        second.prepare()
    assert is_ready(running["REDIS_URL"])


def test_everything_is_still_there_after_a_stop_a_move_and_a_taken_port(tmp_path: Path) -> None:
    with embedded_stack(tmp_path / "first") as before:
        config = load_config(before)
        connect(config).put_object(Bucket=config.bucket, Key="uploads/kept", Body=b"kept")
        client = redis_of(before)
        client.set("kept", "kept")
        client.close()
    assert of_stack(first_port(before)) == []
    (tmp_path / "first").rename(tmp_path / "second, elsewhere")
    with (
        socket.create_server(("127.0.0.1", first_port(before))),
        embedded_stack(tmp_path / "second, elsewhere") as after,
    ):
        assert first_port(after) != first_port(before)
        assert after["FLASK_SECRET"] == before["FLASK_SECRET"]
        s3, bucket = connect(load_config(after)), after["AWS_S3_BUCKET_NAME"]
        for number in range(20):
            s3.put_object(Bucket=bucket, Key=f"uploads/{number}", Body=b"%d" % number)
        assert s3.get_object(Bucket=bucket, Key="uploads/kept")["Body"].read() == b"kept"
        assert s3.get_object(Bucket=bucket, Key="uploads/7")["Body"].read() == b"7"
        client = redis_of(after)
        assert client.get("kept") == "kept"
        client.close()


def test_a_path_too_long_for_sockets_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "of-somebody-else")
    data_dir = tmp_path / ("long" * 25)
    with embedded_stack(data_dir, AWS_PROFILE="of-somebody-else", AWS_SESSION_TOKEN="foreign") as environment:
        assert is_ready(environment["REDIS_URL"])
        assert environment["REDIS_URL"].startswith("unix:///tmp/imagehost-")
        run = Path(environment["REDIS_URL"].removeprefix("unix://")).parent
    for file in run.iterdir():
        file.unlink()
    run.rmdir()


def test_a_server_that_ends_while_starting_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "weed"
    broken.write_text("#!/bin/sh\nexit 9\n")
    broken.chmod(0o755)
    monkeypatch.setattr(stack_module, "READY_S", 10.0)
    with (
        Stack(bare_environ(tmp_path / "data", IMAGEHOST_S3_SERVER=str(broken))) as stack,
        pytest.raises(StackError, match=r"s3 ended by itself \(exit code 9\); its log is .*/log/s3\.log"),
    ):
        stack.start(load_config(environment := stack.prepare()))
    assert not is_ready(environment["REDIS_URL"])


def test_an_s3_server_that_lets_strangers_in_is_stopped(tmp_path: Path) -> None:
    with Stack(bare_environ(tmp_path / "data")) as stack:
        environment = stack.prepare()
        opener = tmp_path / "weed"
        opener.write_text(
            f'#!/bin/sh\nunset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY\nexec {stack._programs["s3"]} "$@"\n'
        )
        opener.chmod(0o755)
        stack._programs["s3"] = str(opener)
        with pytest.raises(StackError, match="answers unsigned requests"):
            stack.start(load_config(environment))
    assert of_stack(first_port(environment)) == []


@pytest.mark.parametrize(
    "number,at", [(signal.SIGKILL, "ready"), (signal.SIGTERM, "starting"), (signal.SIGINT, "ready")]
)
def test_however_the_supervisor_ends_nothing_listens_any_more(tmp_path: Path, number: signal.Signals, at: str) -> None:
    port = bare_environ(tmp_path)["PORT"]
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(tmp_path / "data"), port],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    while not (line := process.stdout.readline()).startswith(at):
        assert line, "it ended before it was ready"
    environment = settings(bare_environ(tmp_path / "data"))
    if at == "ready":
        assert of_stack(first_port(environment)) != []
    process.send_signal(number)
    process.wait(10)
    process.stdout.close()
    deadline_s, pause = time.monotonic() + 3, threading.Event()
    while (left := of_stack(first_port(environment))) and time.monotonic() < deadline_s:
        pause.wait(0.05)
    assert left == []
    assert not is_ready(environment["REDIS_URL"])
    assert int(port) not in {port for _, port in listeners()}
