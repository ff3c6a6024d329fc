"""Which run of which server answers."""

from collections.abc import Callable

import pytest
import redis

from imagehost.ids import SHARDS
from imagehost.index.node import NodeWatch, parse_node
from imagehost.index.shard_watch import ShardWatch


class Answering:
    """A connection to a server that answers any question with its INFO."""

    node = None
    host, port = "127.0.0.1", 1

    def __init__(self, info: str) -> None:
        self.info = info
        self.sent: list[str] = []

    def on_connect(self) -> None:
        """Nothing is to be said first."""

    def send_command(self, command: str, *_: str) -> None:
        self.sent.append(command)

    def read_response(self) -> str:
        return self.info


INFO = "# Server\r\nredis_version:7.4.0\r\nrun_id:a1\r\n# Replication\r\nrole:master\r\nmaster_replid:b2\r\n"


def test_a_node_is_the_start_of_a_program_and_its_replication() -> None:
    assert parse_node(INFO) == "a1:b2"


@pytest.mark.parametrize("name", ["run_id", "master_replid"])
def test_a_server_that_does_not_say_who_it_is_cannot_be_used(name: str) -> None:
    with pytest.raises(redis.ResponseError, match=name):
        parse_node(INFO.replace(f"{name}:", "other:"))


@pytest.mark.parametrize(
    "watch",
    [NodeWatch().on_connect, lambda connection: ShardWatch(lambda _host, _port: SHARDS).let_pass(connection, ["4k"])],
    ids=["one server", "a cluster"],
)
def test_a_replica_is_refused_before_anything_is_renewed(watch: Callable[[Answering], None]) -> None:
    replica = Answering(INFO.replace("role:master", "role:slave"))
    with pytest.raises(redis.ConnectionError, match="replica"):
        watch(replica)
    assert replica.sent == ["INFO", "INFO"]


def test_a_connection_that_was_never_asked_leads_nowhere() -> None:
    class Connection:
        pass

    assert not NodeWatch().leads_to_present(Connection())
