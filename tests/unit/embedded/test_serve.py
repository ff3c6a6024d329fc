"""The supervisor with nothing embedded: only the two commands, so that a test takes as long as its processes."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagehost.checks import Check
from imagehost.config import Config, load_config
from imagehost.embedded import Command, Stack, StackError, restarts
from imagehost.embedded import stack as stack_module
from imagehost.embedded.ports import is_free
from imagehost.index import doctor as redis_doctor
from tests.stack import bare_environ

WEB = """
import http.server, signal, sys
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
EXTERNAL = {
    "REDIS_URL": "redis://127.0.0.1:1",
    "AWS_S3_BUCKET_NAME": "elsewhere",
    "FLASK_SECRET": "0123456789abcdef" * 2,
    "IMAGEHOST_PUBLIC_URL": "http://127.0.0.1:8000",
}


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(bare_environ(tmp_path / "data", **EXTERNAL)) as made:
        yield made


@pytest.fixture
def config(stack: Stack) -> Config:
    return load_config(stack.prepare())


def web(config: Config, *words: str) -> Command:
    return Command("web", [sys.executable, "-c", WEB, str(config.port), *words], {})


def shell(name: str, script: str, *, restart: bool = False) -> Command:
    return Command(name, ["/bin/sh", "-c", script], {"PATH": os.defpath}, restart=restart)


def is_running(pid: int) -> bool:
    try:
        return Path("/proc", str(pid), "stat").read_text().split()[2] not in "ZX"
    except FileNotFoundError:
        return False


def ask_to_stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_stops_everything_and_is_no_failure(stack: Stack, config: Config) -> None:
    assert stack.serve(config, [web(config), shell("sweeper", "exec sleep 600")], ask_to_stop) == 0
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", config.port))


def test_a_web_process_that_is_loaded_early_does_not_listen_before_its_turn(
    stack: Stack, config: Config, tmp_path: Path
) -> None:
    loaded = tmp_path / "loaded"
    wait = f"import pathlib, sys; pathlib.Path({str(loaded)!r}).touch(); assert sys.stdin.readline()"
    command = Command("web", [sys.executable, "-c", wait + WEB, str(config.port)], {})
    stack.load(command)
    deadline_s, pause = time.monotonic() + 30, threading.Event()
    while not loaded.exists() and time.monotonic() < deadline_s:
        pause.wait(0.01)
    assert is_free("127.0.0.1", config.port)
    assert stack.serve(config, [command], ask_to_stop) == 0


def test_a_web_process_that_ends_at_once_takes_all_with_it_and_its_log_is_named(stack: Stack, config: Config) -> None:
    with pytest.raises(StackError, match=r"web ended by itself \(exit code 3\), saying: broken; its log is .*web\.log"):
        stack.serve(config, [shell("web", "echo broken; exit 3", restart=True), shell("sweeper", "")], ask_to_stop)
    log = Path(config.data_dir) / "log"
    assert (log / "web.log").read_text() == "broken\n"
    assert not (log / "sweeper.log").exists()  # it begins when the web process answers


def test_a_child_that_ends_later_is_noticed(stack: Stack, config: Config) -> None:
    with pytest.raises(StackError, match="helper was ended by SIGKILL"):
        stack.serve(config, [web(config), shell("helper", "sleep 1; kill -9 $$")], lambda: None)


def test_the_sweeper_is_started_again(stack: Stack, config: Config, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.touch()
    ready = tmp_path / "ready"
    script = f"""
        until [ -e {ready} ]; do sleep 0.05; done
        echo run >> {runs}
        [ $(wc -l < {runs}) -lt 2 ] || kill {os.getpid()}
        exit 1"""
    assert stack.serve(config, [web(config), shell("sweeper", script, restart=True)], ready.touch) == 0
    assert len(runs.read_text().splitlines()) == 2


def test_a_sweeper_that_keeps_ending_takes_all_with_it(
    stack: Stack, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restarts, "LIMIT", 0)
    ready = tmp_path / "ready"
    script = f"until [ -e {ready} ]; do sleep 0.05; done; exit 4"
    with pytest.raises(StackError, match=r"sweeper ended by itself \(exit code 4\)"):
        stack.serve(config, [web(config), shell("sweeper", script, restart=True)], ready.touch)


def test_a_command_that_cannot_be_started_is_one_sentence(stack: Stack, config: Config) -> None:
    with pytest.raises(StackError, match="/nowhere/gunicorn could not be started"):
        stack.serve(config, [Command("web", ["/nowhere/gunicorn"], {})], ask_to_stop)


def test_a_taken_port_is_one_sentence_and_nothing_is_started(
    stack: Stack, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack_module, "LINGER_S", 0.1)
    with (
        socket.create_server(("127.0.0.1", config.port)),
        pytest.raises(StackError, match=f"Port {config.port} on 127.0.0.1 is taken"),
    ):
        stack.start(config)


def test_an_own_redis_that_does_not_answer_is_one_sentence(stack: Stack, config: Config) -> None:
    with pytest.raises(StackError, match=r"REDIS_URL cannot be used: it does not answer \(ConnectionError\)\. Start"):
        stack.start(config)


def test_an_own_redis_that_is_too_old_is_one_sentence(
    stack: Stack, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = redis_doctor.judge_version("redis", (6, 2, 14))
    monkeypatch.setattr(redis_doctor, "examine", lambda url: [Check.of("redis", verdict)])
    with pytest.raises(StackError, match=r"REDIS_URL cannot be used: redis 6\.2\.14\. Use Redis 7 or newer"):
        stack.start(config)


def test_a_deaf_web_process_is_killed_within_the_time(stack: Stack, config: Config) -> None:
    asked_at_s: list[float] = []

    def ask() -> None:
        asked_at_s.append(time.monotonic())
        ask_to_stop()

    assert stack.serve(config, [web(config, "deaf")], ask) == 0
    assert time.monotonic() - asked_at_s[0] < 5


def test_a_second_signal_kills_at_once(stack: Stack, config: Config) -> None:
    asked_at_s: list[float] = []

    def ask_twice() -> None:
        asked_at_s.append(time.monotonic())
        ask_to_stop()
        ask_to_stop()

    assert stack.serve(config, [web(config, "deaf")], ask_twice) == 0
    assert time.monotonic() - asked_at_s[0] < 1


def test_what_a_killed_child_started_does_not_outlive_it(stack: Stack, config: Config, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = f"sleep 600 & echo $! > {pid_file}; kill -9 $$"
    with pytest.raises(StackError, match="SIGKILL"):
        stack.serve(config, [shell("web", script)], ask_to_stop)
    left, deadline_s, pause = int(pid_file.read_text()), time.monotonic() + 3, threading.Event()
    while is_running(left) and time.monotonic() < deadline_s:
        pause.wait(0.02)
    assert not is_running(left)


def test_a_signal_outside_of_start_and_serve_ends_like_ctrl_c(stack: Stack) -> None:
    with pytest.raises(KeyboardInterrupt):
        ask_to_stop()
    assert stack.prepare()["REDIS_URL"] == EXTERNAL["REDIS_URL"]


def test_a_large_log_makes_room_at_the_next_start(stack: Stack, config: Config) -> None:
    log = Path(config.data_dir) / "log" / "web.log"
    with log.open("wb") as file:
        file.truncate(9 * 2**20)
    assert stack.serve(config, [web(config)], ask_to_stop) == 0
    assert log.stat().st_size < 10_000
    assert log.with_suffix(".log.1").exists()
