"""`REDIS_URL`, taken apart in one place: one server, a Redis Cluster, or a master that Sentinels watch."""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

KINDS: dict[str, Literal["server", "cluster", "sentinel"]] = {
    "redis": "server",
    "rediss": "server",
    "unix": "server",
    "redis+cluster": "cluster",
    "redis+sentinel": "sentinel",
}
PORTS = {"cluster": 6379, "sentinel": 26379}
FORM = {
    "cluster": "redis+cluster://[user:password@]host:port,host:port",
    "sentinel": "redis+sentinel://[user:password@]host:port,host:port/name-of-the-master[/db][?sentinel_password=…]",
}


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where Redis is. `nodes`: some of a cluster's (it names the others) or the Sentinels; one server's `url` says all,
    and is left to the driver. Never shown: the URL may hold a password."""

    kind: Literal["server", "cluster", "sentinel"]
    url: str = field(repr=False)
    nodes: tuple[tuple[str, int], ...] = ()
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    master: str = ""
    db: int = 0
    sentinel_password: str | None = field(default=None, repr=False)


def parse_redis_url(url: str) -> RedisAddress:
    """Raises ValueError, whose text says what a URL looks like and nothing of this one."""
    scheme, _, rest = url.partition("://")
    kind = KINDS.get(scheme)
    try:
        if kind == "server":
            if urlsplit(url).port == 0:
                raise ValueError
            return RedisAddress("server", url)
        if kind is not None:
            return _parse_several(kind, url, rest)
    except ValueError:  # its text may name the password
        if kind in FORM:
            raise ValueError(f"a URL of the form {FORM[kind]}") from None
    raise ValueError("a URL that begins with " + ", ".join(f"{s}://" for s in KINDS))


def _parse_several(kind: Literal["cluster", "sentinel"], url: str, rest: str) -> RedisAddress:
    place, _, query = rest.partition("?")
    authority, _, path = place.partition("/")
    userinfo, _, hosts = authority.rpartition("@")
    username, _, password = userinfo.partition(":")
    options = dict(parse_qsl(query, strict_parsing=True)) if query else {}
    name, _, db = path.partition("/")
    if (path or options) if kind == "cluster" else not name:
        raise ValueError
    if options.keys() - {"sentinel_password"} or (db and not db.isdecimal()):
        raise ValueError
    return RedisAddress(
        kind,
        url,
        nodes=tuple(_parse_node(host, PORTS[kind]) for host in hosts.split(",")),
        username=unquote(username) or None,
        password=unquote(password) or None,
        master=unquote(name),
        db=int(db or 0),
        sentinel_password=options.get("sentinel_password"),
    )


def _parse_node(host: str, default_port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{host}")
    port = default_port if parts.port is None else parts.port
    if not parts.hostname or parts.netloc != host or port == 0:
        raise ValueError
    return parts.hostname, port
