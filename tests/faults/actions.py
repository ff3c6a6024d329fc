"""What can happen to a request and needs nothing but the request; those that wait or remember are FaultProxy's."""

from tests.faults.exchange import Action, Answer, Exchange

OVERLOADED = Answer(503, [("Content-Type", "text/plain"), ("Content-Length", "9")], b"SlowDown\n")


def refuse(exchange: Exchange) -> None:
    """503, and the store never hears of it."""
    exchange.read()
    exchange.answer(OVERLOADED)


def lose_answer(exchange: Exchange) -> None:
    """The store does it, and the client hears nothing: the connection ends."""
    exchange.forward()
    exchange.drop()


def deliver_twice(exchange: Exchange) -> None:
    """The store gets it twice; the client hears the second answer."""
    exchange.forward()
    exchange.answer(exchange.forward())


def reset_answer(after_bytes: int) -> Action:
    """The store does it; the client gets that much of the answer, headers included, and a TCP RST."""

    def act(exchange: Exchange) -> None:
        exchange.answer(exchange.forward(), after_bytes)
        exchange.reset()

    return act


def reset_request(after_bytes: int) -> Action:
    """The store gets that much of the body, then both connections end; the client's by a TCP RST."""

    def act(exchange: Exchange) -> None:
        exchange.forward_part(after_bytes)
        exchange.reset()

    return act


def stall_answer(body_bytes: int) -> Action:
    """The answer announces its whole body, has that much of it, and then nothing comes any more."""

    def act(exchange: Exchange) -> None:
        answer = exchange.forward()
        exchange.answer(answer, len(answer.head()) + body_bytes)
        exchange.hang()

    return act


def cut_answer(body_bytes: int) -> Action:
    """The answer announces its whole body, has that much of it, and ends."""

    def act(exchange: Exchange) -> None:
        answer = exchange.forward()
        exchange.answer(answer, len(answer.head()) + body_bytes)
        exchange.drop()

    return act
