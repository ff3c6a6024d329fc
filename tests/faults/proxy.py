"""An HTTP/1.1 proxy on loopback in front of an S3 server: it does to requests what networks and overloaded stores do.

A test plans what happens to single requests (`plan`), or lets the whole store fail (`state`). All else passes as it is,
the Host header too, because S3's signatures cover it.
"""

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from itertools import count
from types import TracebackType
from typing import Literal, Self

from tests.faults.exchange import Action, Exchange, Seen
from tests.faults.listener import Listener

State = Literal["up", "down", "black_hole"]


@dataclass(slots=True, eq=False)
class Rule:
    """Requests whose method (`*`: any) and target (path and query, by its start) fit: `skip` of them pass, then `times`
    are acted on (None: all that come). `hits` counts those; `number` says which rule was planned first."""

    number: int
    method: str
    prefix: str
    action: Action
    times: int | None
    skip: int
    hits: int = 0

    def take(self, seen: Seen) -> bool:
        """Whether this request is to be acted on; counts it."""
        if not _fits(seen, self.method, self.prefix) or self.hits == self.times:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.hits += 1
        return True


class FaultProxy:
    """Listens on `url` from the start, with a thread for each connection, until `close` or the end of the `with`.

    `down` ends every connection at once, `black_hole` never answers; in both, nothing reaches the store and no rule
    counts. Safe from many threads.
    """

    def __init__(self, store_port: int) -> None:
        self._store_port = store_port
        self._lock = threading.Lock()
        self._state: State = "up"
        self._numbers = count(1)
        self._rules: list[Rule] = []
        self._seen: list[Seen] = []
        self._held: list[Exchange] = []
        self._connections: set[socket.socket] = set()
        self._closing = threading.Event()
        self._listener = Listener(self)
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.05,))
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    @property
    def state(self) -> State:
        return self._state

    @state.setter
    def state(self, state: State) -> None:
        """Takes effect at once: going down, and leaving a black hole, end the connections that are open."""
        with self._lock:
            ended = list(self._connections) if state == "down" or self._state == "black_hole" else []
            self._state = state
        for connection in ended:
            _end(connection)

    def plan(self, method: str, prefix: str, action: Action, *, times: int | None = 1, skip: int = 0) -> Rule:
        """Act on requests as Rule says; of several rules that fit, the one planned first is used."""
        rule = Rule(next(self._numbers), method, prefix, action, times, skip)
        with self._lock:
            self._rules.append(rule)
        return rule

    def forget(self, *rules: Rule) -> None:
        """Act on these no longer; when none is named on none, and what was kept for `land` is lost."""
        with self._lock:
            self._held = self._held if rules else []
            self._rules = [rule for rule in self._rules if rules and rule not in rules]

    def seen(self, method: str = "*", prefix: str = "/") -> list[Seen]:
        """The requests until now that fit, in the order in which they came."""
        with self._lock:
            return [seen for seen in self._seen if _fits(seen, method, prefix)]

    def delay(self, seconds: float) -> Action:
        """An action: wait, then do what is planned behind this, or pass it on."""

        def act(exchange: Exchange) -> None:
            self._closing.wait(seconds)
            self._go_on(exchange)

        return act

    def before(self, call: Callable[[], object]) -> Action:
        """An action: call this, then do what is by then planned behind this, or pass the request on."""

        def act(exchange: Exchange) -> None:
            call()
            self._go_on(exchange)

        return act

    def after(self, call: Callable[[], object]) -> Action:
        """An action: let the store answer, call this, then pass the answer on."""

        def act(exchange: Exchange) -> None:
            answer = exchange.forward()
            call()
            exchange.answer(answer)

        return act

    def deliver_again_later(self, exchange: Exchange) -> None:
        """An action: pass it on, and keep a duplicate for `land`."""
        answer = exchange.forward()
        self._hold(exchange)
        exchange.answer(answer)

    def deliver_later(self, exchange: Exchange) -> None:
        """An action: keep it for `land`; the client hears nothing, and the connection ends."""
        exchange.read()
        self._hold(exchange)
        exchange.drop()

    def land(self) -> list[int]:
        """Deliver what was kept, in its order; the store's answers. They are told to nobody else."""
        with self._lock:
            held, self._held = self._held, []
        return [exchange.forward().status for exchange in held]

    def close(self) -> None:
        """End everything that is under way, and wait for it. Repeating it does nothing."""
        self._closing.set()
        self._listener.shutdown()
        self._thread.join()
        self.state = "down"
        self._listener.server_close()

    def arrived(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.add(connection)
            refused = self._state == "down"
        if refused:
            _end(connection)

    def left(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)

    def treat(self, handler: BaseHTTPRequestHandler) -> None:
        """A request has come: do what is planned for it, or what the state says."""
        exchange = Exchange(handler, self._store_port)
        with self._lock:
            self._seen.append(exchange.seen)
        self._go_on(exchange)

    def _go_on(self, exchange: Exchange) -> None:
        with self._lock:
            state = self._state
            ahead = [rule for rule in self._rules if state == "up" and rule.number > exchange.last_rule]
            rule = next((rule for rule in ahead if rule.take(exchange.seen)), None)
        if rule is not None:
            exchange.last_rule = rule.number
            rule.action(exchange)
        elif state == "down":
            exchange.drop()
        elif state == "black_hole":
            exchange.hang()
        else:
            exchange.answer(exchange.forward())

    def _hold(self, exchange: Exchange) -> None:
        with self._lock:
            self._held.append(exchange)


def _fits(seen: Seen, method: str, prefix: str) -> bool:
    return method in ("*", seen.method) and seen.target.startswith(prefix)


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
