"""What can be asked of a Redis server before it is used: whether it is ready, and which one it is."""

import redis

from imagehost.index.client import connect, translated


def is_ready(url: str) -> bool:
    """Whether it answers and has loaded its data. Never raises: not ready is the only other answer."""
    client = connect(url)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


@translated
def get_version(url: str) -> tuple[str, tuple[int, ...]]:
    """Name and version: `("valkey", (9, 1, 2))`. Raises Unavailable.

    Valkey reports a Redis version as well, for old clients: its own fields go first.
    """
    client = connect(url)
    try:
        info = client.info("server")
    finally:
        client.close()
    name = str(info.get("server_name", "redis"))
    version = str(info.get("valkey_version") or info["redis_version"])
    return name, tuple(int(part) for part in version.split(".")[:3])
