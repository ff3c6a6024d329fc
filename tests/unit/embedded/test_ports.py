import socket

import pytest

from imagehost.embedded import ports

PARTS = (*range(ports.SPAN), ports.ADMIN_GRPC)


def drawn() -> int:
    first = ports.draw(8000)
    assert first is not None
    return first


@pytest.mark.parametrize("part", PARTS)
def test_a_run_with_any_one_port_taken_is_not_free(part: int) -> None:
    first = drawn()
    with socket.create_server((ports.LOOPBACK, first + part)):
        assert not ports.are_free(first, 8000)
    assert ports.are_free(first, 8000)


@pytest.mark.parametrize("part", PARTS)
def test_the_web_servers_port_is_left_alone_though_nobody_listens_there_yet(part: int) -> None:
    first = drawn()
    assert not ports.are_free(first, first + part)


def test_where_nothing_is_free_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda address, port: False)
    assert ports.draw(8000) is None
