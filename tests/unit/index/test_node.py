"""Which run of which server answers."""

import pytest
import redis

from imagehost.index.node import NodeWatch, parse_node

INFO = "# Server\r\nredis_version:7.4.0\r\nrun_id:a1\r\n# Replication\r\nrole:master\r\nmaster_replid:b2\r\n"


def test_a_node_is_the_start_of_a_program_and_its_replication() -> None:
    assert parse_node(INFO) == "a1:b2"


@pytest.mark.parametrize("name", ["run_id", "master_replid"])
def test_a_server_that_does_not_say_who_it_is_cannot_be_used(name: str) -> None:
    with pytest.raises(redis.ResponseError, match=name):
        parse_node(INFO.replace(f"{name}:", "other:"))


def test_a_connection_that_was_never_asked_leads_nowhere() -> None:
    class Connection:
        pass

    assert not NodeWatch().leads_to_present(Connection())
