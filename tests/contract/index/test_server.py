"""What is asked of a server, or of all masters of a cluster, before they are used."""

from collections.abc import Mapping

from imagehost.index import doctor, server


def test_all_that_is_there_is_examined(environment: Mapping[str, str]) -> None:
    url = environment["REDIS_URL"]
    assert server.is_ready(url)
    name, version = server.get_version(url)
    assert (name, version >= (7,)) == ("valkey", True)
    checks = {check.name: check.outcome for check in doctor.examine(url)}
    assert checks == dict.fromkeys(("redis", "redis-memory", "redis-persistence", "redis-clock"), "ok")


def test_a_cluster_that_does_not_answer_is_not_ready() -> None:
    url = "redis+cluster://127.0.0.1:1,127.0.0.1:2"
    assert not server.is_ready(url)
