"""The connection to Redis: finite time-outs, bounded retries, and the one place where its errors become ours."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from imagehost import metrics
from imagehost.errors import Unavailable
from imagehost.index.node import NodeWatch

P = ParamSpec("P")
T = TypeVar("T")


class _CountedBackoff(ExponentialWithJitterBackoff):
    """The pauses before further attempts, each of which is counted."""

    def compute(self, failures: int) -> float:
        """redis-py asks once before each further attempt."""
        metrics.RETRIES.labels("redis").inc()
        return float(super().compute(failures))


class _WatchedPool(redis.ConnectionPool):
    """Connections that all lead to the same node: one that was opened to another is opened anew before its next use."""

    watch: NodeWatch

    def get_connection(self, *args: Any, **options: Any) -> Any:
        """A connection that is ready for a command. Raises the driver's errors."""
        connection: Any = super().get_connection(*args, **options)
        try:
            if not self.watch.leads_to_present(connection):
                connection.disconnect()
                connection.connect()
        except BaseException:
            self.release(connection)
            raise
        return connection


def connect(url: str) -> "redis.Redis":
    """A client for `url` (redis, rediss or unix). Connects lazily; a lost answer is retried twice, which is why every
    script here is safe to replay. Each new connection makes sure first that no epoch is older than the run of Redis
    that it reaches (node.py)."""
    watch = NodeWatch()
    pool = _WatchedPool.from_url(
        url,
        decode_responses=True,
        socket_timeout=2,
        socket_connect_timeout=1,
        health_check_interval=30,
        max_connections=64,
        redis_connect_func=watch.on_connect,
        retry=Retry(_CountedBackoff(base=0.05, cap=0.5), 2),
    )
    pool.watch = watch
    return redis.Redis.from_pool(pool)


def translated(method: Callable[P, T]) -> Callable[P, T]:
    """Turns any error of the driver into Unavailable: nothing that Redis does wrong is the client's fault."""

    @functools.wraps(method)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except redis.RedisError as exc:
            metrics.ERRORS.labels("redis").inc()
            raise Unavailable("The index does not answer.") from exc

    return wrapper
