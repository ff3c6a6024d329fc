"""How long is waited for a failover to end, by a clock that only the waiting moves."""

from collections.abc import Callable

import pytest
import redis
from redis.exceptions import ClusterDownError, MovedError, RedisClusterException, TryAgainError

from imagehost import metrics
from imagehost.errors import Unavailable
from imagehost.index import client
from imagehost.index.patience import HASTE_S, WAIT_S, Patience
from tests.samples import Samples

PASSING = [
    redis.ConnectionError("refused"),
    redis.TimeoutError("silent"),
    redis.ReadOnlyError("a replica"),
    ClusterDownError("CLUSTERDOWN"),
    MovedError("1 127.0.0.1:7000"),
    TryAgainError("TRYAGAIN"),
    RedisClusterException("nobody is reachable"),
]


class Clock:
    """A clock, and all pauses by it."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.pauses: list[float] = []

    def sleep(self, pause_s: float) -> None:
        self.pauses.append(pause_s)
        self.now_s += pause_s


class Redis:
    """Answers once `errors` are used up; `error` for ever when that is set."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.error: Exception | None = None
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self.error is not None:
            raise self.error
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def patience(clock: Clock) -> Patience:
    return Patience(clock=lambda: clock.now_s, sleep=clock.sleep)


@pytest.mark.parametrize("error", PASSING, ids=lambda e: type(e).__name__)
def test_a_unit_is_done_anew_until_it_is_answered(patience: Patience, clock: Clock, error: Exception) -> None:
    unit = Redis(*[error] * 20)
    assert patience.call(unit) == "answer"
    assert unit.asked == 21
    assert 0 < clock.pauses[0] <= 0.04
    assert 0.2 <= max(clock.pauses) <= 0.4, "pauses grow, up to a bound"


def test_nobody_waits_for_longer_than_the_bound(patience: Patience, clock: Clock) -> None:
    unit = Redis()
    unit.error = redis.ConnectionError("refused")
    with pytest.raises(redis.ConnectionError):
        patience.call(unit)
    assert WAIT_S - 0.4 <= clock.now_s <= WAIT_S


def test_after_one_has_waited_in_vain_nobody_waits_for_a_while(patience: Patience, clock: Clock) -> None:
    down = Redis()
    down.error = redis.ConnectionError("refused")
    for waits in (True, False, False):
        asked, began_s = down.asked, clock.now_s
        with pytest.raises(redis.ConnectionError):
            patience.call(down)
        assert (down.asked - asked > 1) == waits
        assert (clock.now_s > began_s) == waits
        assert patience.call(Redis()) == "answer", "another master answers"
    clock.now_s += HASTE_S
    assert patience.call(Redis(redis.TimeoutError("silent"))) == "answer"


@pytest.mark.parametrize(
    "error", [redis.ResponseError("WRONGTYPE"), redis.AuthenticationError("WRONGPASS"), KeyError("a fault of ours")]
)
def test_what_does_not_pass_is_not_waited_for(patience: Patience, error: Exception) -> None:
    unit = Redis(error)
    with pytest.raises(type(error)):
        patience.call(unit)
    assert unit.asked == 1


def test_before_each_further_attempt_the_client_looks_again_who_serves_what(clock: Clock) -> None:
    looks = 0

    def refresh() -> None:
        nonlocal looks
        looks += 1

    patience = Patience(refresh, clock=lambda: clock.now_s, sleep=clock.sleep)
    before = _retries()
    patience.call(Redis(*PASSING))
    assert looks == len(PASSING)
    assert _retries() - before == len(PASSING)


def test_a_single_redis_that_is_down_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_self: Patience, unit: Callable[[], str]) -> str:
        raise AssertionError("nobody promotes a replica there")

    monkeypatch.setattr(Patience, "call", never)
    alone = client.connect("redis://127.0.0.1:1/0")
    with pytest.raises(Unavailable):
        client.ask(alone, alone.ping)


def _retries() -> float:
    return Samples(metrics.to_text(None, None).decode())("retries_total", dependency="redis")
