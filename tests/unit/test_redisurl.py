"""What `REDIS_URL` may look like."""

import pytest

from imagehost.redisurl import parse_redis_url


@pytest.mark.parametrize("url", ["redis://h", "rediss://u:p@h:6380/1", "unix:///run/redis.sock?db=2"])
def test_one_server_is_left_to_the_driver(url: str) -> None:
    address = parse_redis_url(url)
    assert (address.kind, address.url) == ("server", url)


def test_a_cluster_is_some_of_its_nodes() -> None:
    address = parse_redis_url("redis+cluster://ann:a%2Fb%40c@one:7000,two,[::1]:7002")
    assert address.kind == "cluster"
    assert address.nodes == (("one", 7000), ("two", 6379), ("::1", 7002))
    assert (address.username, address.password) == ("ann", "a/b@c")


def test_sentinels_name_the_master_that_they_watch() -> None:
    address = parse_redis_url("redis+sentinel://:secret@one,two:5000/my-master/3?sentinel_password=other")
    assert address.kind == "sentinel"
    assert address.nodes == (("one", 26379), ("two", 5000))
    assert (address.master, address.db) == ("my-master", 3)
    assert (address.username, address.password, address.sentinel_password) == (None, "secret", "other")
    plain = parse_redis_url("redis+sentinel://one/m")
    assert (plain.db, plain.password, plain.sentinel_password) == (0, None, None)


@pytest.mark.parametrize(
    "url",
    [
        "redis+cluster://",
        "redis+cluster://:hidden@",
        "redis+cluster://:hidden@one,,two",
        "redis+cluster://:hidden@one:0",
        "redis+cluster://:hidden@one:port",
        "redis+cluster://:hidden@one/1",
        "redis+cluster://:hidden@one?db=1",
        "redis+sentinel://:hidden@one",
        "redis+sentinel://:hidden@one/",
        "redis+sentinel://:hidden@one/m/x",
        "redis+sentinel://:hidden@one/m?other=1",
        "rediss+sentinel://:hidden@one/m",
        "rediss+cluster://:hidden@one",
        "redis+unix://:hidden@one",
        "http://:hidden@one",
        "redis://:hidden@one:0",
    ],
)
def test_anything_else_is_a_fault_that_shows_the_form_and_nothing_secret(url: str) -> None:
    with pytest.raises(ValueError, match="://") as caught:
        parse_redis_url(url)
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_password_is_never_shown() -> None:
    assert "hidden" not in repr(parse_redis_url("redis+cluster://:hidden@one"))
    assert "hidden" not in repr(parse_redis_url("redis+sentinel://:hidden@one/m?sentinel_password=hidden"))
