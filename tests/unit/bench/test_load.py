import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench import generator, load
from bench.figures import Failed
from bench.load import JSON, Request


class Answering(BaseHTTPRequestHandler):
    """Answers what its path says, and remembers what it was sent."""

    protocol_version = "HTTP/1.1"
    bodies: list[bytes]

    def do_GET(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.send_response(int(self.path[1:]))
        self.send_header("content-length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    """A server that answers."""
    Answering.bodies = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_each_request_is_sent_once(port: int) -> None:
    requests = [Request("POST", "/201", 201, JSON, b'{"n": %d}' % n) for n in range(7)]
    done = load.send_all(port, requests, connections=3)
    assert (done.requests, done.errors) == (7, 0)
    assert done.cpu_s > 0, "it does not say what it took itself"
    assert sorted(Answering.bodies) == [b'{"n": %d}' % n for n in range(7)]


def test_a_slow_request_is_sent_as_often_as_it_says(port: int) -> None:
    assert load.repeat(port, Request("GET", "/200", count=5), 60).requests == len(Answering.bodies) == 5


def test_a_request_is_repeated_until_the_time_is_over(port: int) -> None:
    done = generator.run(port, 2, 0.2, [Request("GET", "/200").as_bytes()])
    assert done["requests"] == len(Answering.bodies) > 2
    assert done["errors"] == 0
    assert done["seconds"] >= 0.2


def test_an_answer_that_is_an_error_is_no_measurement(port: int) -> None:
    with pytest.raises(Failed, match="2 errors among 2 requests"):
        load.send_all(port, [Request("GET", "/503")] * 2, connections=2)


def test_a_request_that_is_answered_otherwise_than_expected_is_not_measured(port: int) -> None:
    assert load.ask(port, Request("GET", "/200")) == b"hello"
    with pytest.raises(Failed, match="was answered 404: hello"):
        load.ask(port, Request("GET", "/404"))


def test_a_server_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(Failed, match="GET /200"):
        load.ask(9, Request("GET", "/200"))


def test_without_wrk_our_own_generator_is_used(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert load.tool() == "bench.generator"
    with contextlib.closing(generator.Connection(port).socket):
        assert load.repeat(port, Request("GET", "/200"), 0.1).requests > 0
