"""Which run of which Redis server answers, and what to do when it is another one than before.

A Redis that was restarted, or a replica that was promoted, may have lost the last writes. Every shard's `meta` names
the node its epoch was made on, so whoever connects first to another one gives all shards new epochs before it sends
anything else: from then on no hash is believed until its record has been read once more.

A process that was connected to another node before renews them although somebody else may have done so already: it may
have written to the old node in the meantime, and what was compared by then knows nothing of that.
"""

import hashlib
import threading
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

import redis

from imagehost.ids import SHARDS, random_text
from imagehost.index import keyspace
from imagehost.index.scripts import read_script

EPOCH_LENGTH = 8
_RENEW = read_script("renew_epoch")
_RENEW_SHA = hashlib.sha1(_RENEW.encode(), usedforsecurity=False).hexdigest()  # what Redis calls a script


def new_epoch() -> str:
    """A random name of an epoch. Epochs are compared for equality only, each shard's by itself."""
    return random_text(EPOCH_LENGTH)


def parse_node(info: str) -> str:
    """`run_id:master_replid` from Redis's answer to INFO: the first changes with each start of the program, the second
    when a replica is promoted. Raises the driver's error for a server that does not say, on which no failover would be
    noticed."""
    fields = _fields(info)
    try:
        return f"{fields['run_id']}:{fields['master_replid']}"
    except KeyError as exc:
        raise redis.ResponseError(f"INFO names no {exc.args[0]}: this server cannot be used") from exc


def _fields(info: str) -> dict[str, str]:
    return dict(line.split(":", 1) for line in info.splitlines() if ":" in line)


class NodeWatch:
    """Compares nodes at each new connection of one client; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._node: str | None = None
        self._nodes: WeakKeyDictionary[Any, str] = WeakKeyDictionary()

    def leads_to_present(self, connection: Any) -> bool:
        """Whether a connection was opened to the node that was found last."""
        node = self._nodes.get(connection)  # None for one that was never asked
        return node is not None and node == self._node

    def on_connect(self, connection: Any) -> None:
        """For redis-py's `redis_connect_func`: nothing else is sent over a connection before this returns. Raises the
        driver's errors."""
        connection.on_connect()
        with self._lock:
            node = ask_node(connection)
            if node != self._node:
                before, self._node = self._node, node  # from here on no other connection is used for the old one
                try:
                    self._renew(connection, node, again=before is not None)
                except BaseException:
                    self._node = before
                    raise
            self._nodes[connection] = node

    @staticmethod
    def _renew(connection: Any, node: str, *, again: bool) -> None:
        failed = renew_epochs(connection, node, SHARDS, SHARDS if again else ())
        for exc in failed.values():
            raise exc


def ask_node(connection: Any) -> str:
    """The node at the other end. A replica is no node: it can renew nothing, and what it shows may be old. Raises the
    driver's errors."""
    info = "\n".join(_info(connection, section) for section in ("server", "replication"))
    if _fields(info).get("role") == "slave":
        raise redis.ConnectionError("a replica answers where a master is wanted")
    return parse_node(info)


def renew_epochs(
    connection: Any, node: str, shards: Iterable[str], again: Iterable[str]
) -> dict[str, redis.ResponseError]:
    """Give these shards epochs of this node, in one round trip, those of `again` whatever their epochs are. Returns by
    shard what kept one from having one."""
    wanted, forced, epoch = list(shards), frozenset(again), new_epoch()
    commands: list[tuple[str | int, ...]] = [("SCRIPT", "LOAD", _RENEW)]
    commands += [("EVALSHA", _RENEW_SHA, 1, keyspace.meta(s), node, epoch, int(s in forced)) for s in wanted]
    connection.send_packed_command(redis.Connection.pack_commands(connection, commands))  # past any watch
    failed = {}
    for shard in ("", *wanted):  # every answer is read, or the next command would get it
        try:
            connection.read_response()
        except redis.ResponseError as exc:
            failed[shard] = exc
    return failed


def _info(connection: Any, section: str) -> str:
    connection.send_command("INFO", section)  # one at a time, as servers older than ours are asked for their version
    answer = connection.read_response()
    return answer.decode() if isinstance(answer, bytes) else str(answer)
