"""The connection to Redis: finite time-outs, bounded retries, and the one place where its errors become ours."""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

import redis
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from imagehost import metrics
from imagehost.errors import Unavailable
from imagehost.ids import SHARDS
from imagehost.index.cluster import Cluster
from imagehost.index.node import NodeWatch
from imagehost.index.patience import DRIVER_ERRORS, Patience
from imagehost.redisurl import RedisAddress, parse_redis_url

OPTIONS = {"decode_responses": True, "socket_timeout": 2, "socket_connect_timeout": 1, "max_connections": 64}


class _Asks(Protocol):
    _redis: "redis.Redis"


S = TypeVar("S", bound=_Asks)
P = ParamSpec("P")
T = TypeVar("T")


class _CountedBackoff(ExponentialWithJitterBackoff):
    """The pauses before further attempts, each of which is counted."""

    def compute(self, failures: int) -> float:
        """redis-py asks once before each further attempt."""
        metrics.RETRIES.labels("redis").inc()
        return float(super().compute(failures))


class _Watched(redis.ConnectionPool):
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


class _WatchedSentinelPool(_Watched, SentinelConnectionPool):
    """The same, to whom the Sentinels call the master."""


class _PatientRedis(redis.Redis):
    """A client that waits for a failover to end."""

    patience: Patience


def connect(url: str) -> "redis.Redis":
    """A client for `url` (`redisurl.py` has the forms). Connects lazily. Each new connection makes sure first that no
    epoch is older than the run of Redis that it reaches (node.py, shard_watch.py). What is asked of one server is asked
    twice more when the answer is lost; of a cluster, or a master that Sentinels watch, whole units are done anew until
    a failover is over (patience.py). So every script here is safe to replay."""
    address = parse_redis_url(url)
    if address.kind == "cluster":
        # It has every method that is called here, and could have no others.
        return cast("redis.Redis", Cluster(address, **OPTIONS))
    watch = NodeWatch()
    watched = OPTIONS | {"health_check_interval": 30, "redis_connect_func": watch.on_connect}
    if address.kind == "sentinel":
        return _connect_by_sentinel(address, watch, watched)
    pool = _Watched.from_url(url, retry=Retry(_CountedBackoff(base=0.05, cap=0.5), 2), **watched)
    pool.watch = watch
    return redis.Redis.from_pool(pool)


def _connect_by_sentinel(address: RedisAddress, watch: NodeWatch, options: Mapping[str, Any]) -> "redis.Redis":
    sentinels = Sentinel(
        address.nodes,
        sentinel_kwargs={
            "socket_timeout": 1,
            "socket_connect_timeout": 1,
            "retry": Retry(NoBackoff(), 0),
            "password": address.sentinel_password,
        },
    )
    client: _PatientRedis = sentinels.master_for(
        address.master,
        redis_class=_PatientRedis,
        connection_pool_class=_WatchedSentinelPool,
        username=address.username,
        password=address.password,
        db=address.db,
        retry=Retry(NoBackoff(), 0),
        **options,
    )
    cast(_WatchedSentinelPool, client.connection_pool).watch = watch
    client.patience = Patience()
    return client


def servers(client: "redis.Redis", shards: Iterable[str] = SHARDS) -> list[tuple["redis.Redis", list[str]]]:
    """The servers that serve these shards, each with those that it serves: one, or a cluster's masters."""
    found: object = client
    return found.servers(shards) if isinstance(found, Cluster) else [(client, list(shards))]


def ask(client: "redis.Redis", unit: Callable[[], T]) -> T:
    """What `unit` answers, which asks this client. Turns any error of the driver into Unavailable: nothing that Redis
    does wrong is the client's fault."""
    patience: Patience | None = getattr(client, "patience", None)
    try:
        return patience.call(unit) if patience is not None else unit()
    except DRIVER_ERRORS as exc:
        metrics.ERRORS.labels("redis").inc()
        raise Unavailable("The index does not answer.") from exc


def translated(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """A method of something that holds a client, as one unit of `ask`: it may run several times, each time from its
    beginning."""

    @functools.wraps(method)
    def wrapper(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return ask(self._redis, lambda: method(self, *args, **kwargs))

    return wrapper
