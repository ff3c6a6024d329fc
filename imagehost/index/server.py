"""What can be asked of a Redis server before it is used: whether it is ready, and which one it is."""

from collections.abc import Mapping
from typing import Any

from imagehost.index.client import ask, connect, servers
from imagehost.index.patience import DRIVER_ERRORS


def is_ready(url: str) -> bool:
    """Whether it answers and has loaded its data. Never raises: not ready is the only other answer."""
    client = connect(url)
    try:
        return bool(client.ping())
    except DRIVER_ERRORS:
        return False
    finally:
        client.close()


def get_version(url: str) -> tuple[str, tuple[int, ...]]:
    """Name and version: `("valkey", (9, 1, 2))`; of a cluster the oldest of its masters'. Raises Unavailable."""
    client = connect(url)
    try:
        return ask(client, lambda: min((_version(s.info("server")) for s, _ in servers(client)), key=lambda v: v[1]))
    finally:
        client.close()


def _version(info: Mapping[str, Any]) -> tuple[str, tuple[int, ...]]:
    """Valkey reports a Redis version as well, for old clients: its own fields go first."""
    name = str(info.get("server_name", "redis"))
    version = str(info.get("valkey_version") or info["redis_version"])
    return name, tuple(int(part) for part in version.split(".")[:3])
