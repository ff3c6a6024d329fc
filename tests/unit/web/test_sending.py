import errno
import logging
import socket
from collections.abc import Callable, Iterator

import pytest

from imagehost.errors import Unavailable
from imagehost.web.logs import ReadersGone
from imagehost.web.sending import SEND_S, Body


def breaking() -> Iterator[bytes]:
    yield b"first"
    raise Unavailable("The storage does not answer.") from OSError("cause")


def test_a_body_that_breaks_ends_as_if_the_reader_had_left_and_is_told_with_its_cause(
    log_lines: Callable[[], list[dict[str, object]]],
) -> None:
    body = iter(Body(breaking(), lambda: None, "4711"))
    assert next(body) == b"first"
    with pytest.raises(ConnectionResetError) as caught:
        next(body)
    assert caught.value.errno == errno.ECONNRESET
    (line,) = log_lines()
    assert (line["event"], line["request_id"], line["level"]) == ("answer_cut", "4711", "warning")
    assert "cause" in str(line["traceback"])


def test_a_socket_has_a_time_out_while_a_body_is_sent_and_none_afterwards() -> None:
    closed: list[bool] = []
    ours, theirs = socket.socketpair()
    with ours, theirs:
        body = Body([b"x"], lambda: closed.append(True), "4711", ours)
        assert ours.gettimeout() is None
        assert next(iter(body)) == b"x"
        assert ours.gettimeout() == SEND_S
        body.close()
        assert (ours.gettimeout(), closed) == (None, [True])


def test_a_body_that_was_never_begun_is_closed_all_the_same() -> None:
    closed: list[bool] = []
    Body(breaking(), lambda: closed.append(True), "4711").close()
    assert closed == [True]


def test_a_reader_that_took_nothing_is_one_quiet_line() -> None:
    def record(error: OSError) -> logging.LogRecord:
        return logging.LogRecord("g", logging.ERROR, "", 1, "Socket error", None, (type(error), error, None))

    gone, other = record(TimeoutError("timed out")), record(OSError(errno.EBADF, "bad"))
    assert ReadersGone().filter(gone)
    assert (gone.levelname, gone.getMessage(), gone.exc_info) == ("INFO", "reader_gone", None)
    assert ReadersGone().filter(other)
    assert (other.levelname, other.getMessage()) == ("ERROR", "Socket error")
    assert other.exc_info is not None
