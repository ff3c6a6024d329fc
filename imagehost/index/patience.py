"""Waiting out a failover. A cluster and a set of Sentinels promote a replica by themselves, within seconds: who asks
meanwhile waits, instead of being told that the index does not answer.

The driver's own retries do not do that: its cluster client takes their count only and never pauses. So the whole unit
of work is done anew, which builds its pipelines anew too; every unit here is safe to repeat. Nobody waits for long: a
unit begins no further attempt after WAIT_S. Once somebody has waited for so long in vain it is no failover, and nobody
waits for the next HASTE_S, or an outage would hold every thread; also not when something is answered meanwhile, which
the other masters of a cluster do.
"""

import time
from collections.abc import Callable
from typing import TypeVar

import redis
from redis.backoff import EqualJitterBackoff
from redis.exceptions import ClusterError, RedisClusterException

from imagehost import metrics

T = TypeVar("T")
WAIT_S = 8.0  # and one attempt takes 2 s: deploy.md says that clients are told within 10 s
HASTE_S = 30.0
PAUSES = EqualJitterBackoff(base=0.02, cap=0.4)  # at random between half of this, which doubles, and all of it

# Some errors of the cluster client do not descend from RedisError.
DRIVER_ERRORS = (redis.RedisError, RedisClusterException)
# What passes when a replica has been promoted, a slot has arrived, or the client has learnt who serves it.
PASSING = (
    redis.ConnectionError,  # also: no master is known to the Sentinels; a node is still loading
    redis.TimeoutError,
    redis.ReadOnlyError,
    redis.exceptions.AskError,  # also: MOVED
    redis.exceptions.TryAgainError,
    ClusterError,  # also: CLUSTERDOWN, MASTERDOWN
    RedisClusterException,
)
LASTING = (redis.AuthenticationError, redis.exceptions.MaxConnectionsError)


class Patience:
    """See the module. Safe to share between threads. `refresh` has the client look again who serves what; it does not
    raise. The thread that asks does sleep between two attempts: nothing tells it that a replica was promoted, and it
    has no other work. `sleep` and `clock` are replaced together where time is made up."""

    def __init__(
        self,
        refresh: Callable[[], None] = lambda: None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._refresh = refresh
        self._clock = clock
        self._sleep = sleep
        self._hasty_until_s = float("-inf")

    def call(self, unit: Callable[[], T]) -> T:
        """What `unit` answers, which may be done several times. Raises the driver's error of the last attempt."""
        until_s, attempts = self._clock() + WAIT_S, 0
        while True:
            try:
                return unit()
            except PASSING as exc:
                if isinstance(exc, LASTING) or isinstance(exc.__cause__, LASTING):
                    raise
                self._refresh()
                attempts += 1
                pause_s = PAUSES.compute(attempts)
                if self._clock() < self._hasty_until_s:
                    raise
                if self._clock() + pause_s > until_s:
                    self._hasty_until_s = self._clock() + HASTE_S
                    raise
            metrics.RETRIES.labels("redis").inc()
            self._sleep(pause_s)
