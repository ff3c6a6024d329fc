"""Whether this node could serve now, and how far behind the sweeper is.

Load balancers and scrapers ask often, and a dependency that hangs holds whoever asks it. So each answer is kept for two
seconds, and while one thread asks anew all others get the answer before.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from imagehost.errors import Unavailable
from imagehost.index.backlog import Backlog
from imagehost.services.parts import Parts

KEPT_S = 2.0
LATE_S = 600.0  # a sweep is IMAGEHOST_SWEEP_S after the one before: seconds

Status = Literal["ready", "degraded", "unavailable"]
State = Literal["ok", "unavailable", "rebuilding", "late", "unknown"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Readiness:
    """Of this node, and of each dependency by name. A degraded node serves, and somebody should look after it."""

    status: Status
    dependencies: dict[str, State]


class Kept(Generic[T]):
    """What `ask` answered, and when (monotonic). Safe to share between threads."""

    def __init__(self, ask: Callable[[], T], clock_s: Callable[[], float]) -> None:
        self._ask = ask
        self._clock_s = clock_s
        self._asking = threading.Lock()
        self._last: tuple[float, T] | None = None

    def get(self) -> T:
        """The last answer while it is fresh or somebody asks anew; only the very first one is waited for."""
        last = self._last
        if last is not None and (self._clock_s() - last[0] < KEPT_S or self._asking.locked()):
            return last[1]
        with self._asking:
            if self._last is None or self._last is last:
                answer = self._ask()
                self._last = self._clock_s(), answer
            return self._last[1]


class Health:
    """See the module."""

    def __init__(self, parts: Parts, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._parts = parts
        self._backlog = Kept(self._look, clock_s)
        self._storage = Kept(self._storage_answers, clock_s)

    def check(self) -> Readiness:
        """Each dependency's state. Redis and S3 are needed for everything; a wiped shard or a late sweeper are not."""
        backlog, storage = self._backlog.get(), self._storage.get()
        states: dict[str, State] = {
            "redis": "ok" if backlog else "unavailable",
            "s3": "ok" if storage else "unavailable",
            "index": "unknown" if not backlog else "rebuilding" if backlog.wiped else "ok",
            "sweeper": "unknown" if not backlog else "late" if backlog.lag_s > LATE_S else "ok",
        }
        return Readiness(_overall(set(states.values())), states)

    def find_backlog(self) -> Backlog | None:
        """How far behind the sweeper is; None when Redis does not answer."""
        return self._backlog.get()

    def _look(self) -> Backlog | None:
        try:
            return self._parts.backlog.look()
        except Unavailable:
            return None

    def _storage_answers(self) -> bool:
        try:
            self._parts.objects.ping()
        except Unavailable:
            return False
        return True


def _overall(states: set[State]) -> Status:
    if "unavailable" in states:
        return "unavailable"
    return "ready" if states == {"ok"} else "degraded"
