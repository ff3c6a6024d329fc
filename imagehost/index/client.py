"""The connection to Redis: finite time-outs, bounded retries, and the one place where its errors become ours."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from imagehost.errors import Unavailable

P = ParamSpec("P")
T = TypeVar("T")


def connect(url: str) -> "redis.Redis":
    """A client for `url` (redis, rediss or unix). Connects lazily; a lost answer is retried twice, which is why every
    script here is safe to replay."""
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=2,
        socket_connect_timeout=1,
        health_check_interval=30,
        max_connections=64,
        retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), 2),
    )


def translated(method: Callable[P, T]) -> Callable[P, T]:
    """Turns any error of the driver into Unavailable: nothing that Redis does wrong is the client's fault."""

    @functools.wraps(method)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except redis.RedisError as exc:
            raise Unavailable("The index does not answer.") from exc

    return wrapper
