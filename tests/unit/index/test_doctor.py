"""What a Redis server must be, judged from what it says of itself."""

from typing import Any

import pytest

from imagehost.checks import judge_skew
from imagehost.index import doctor


@pytest.mark.parametrize(
    "name, version, outcome",
    [
        ("valkey", (9, 1, 2), "ok"),
        ("redis", (7, 0, 0), "ok"),
        ("redis", (7,), "ok"),
        ("redis", (6, 2, 14), "fail"),
        ("redis", (5,), "fail"),
    ],
)
def test_redis_is_seven_or_newer(name: str, version: tuple[int, ...], outcome: str) -> None:
    verdict = doctor.judge_version(name, version)
    assert verdict.outcome == outcome
    assert name in verdict.seen
    assert bool(verdict.cure) == (outcome != "ok")


@pytest.mark.parametrize(
    "info, outcome",
    [
        ({"maxmemory_policy": "noeviction"}, "ok"),
        ({"maxmemory_policy": "allkeys-lru"}, "fail"),
        ({"maxmemory_policy": "volatile-ttl"}, "fail"),
        ({}, "warn"),
    ],
    ids=str,
)
def test_nothing_may_be_evicted(info: dict[str, Any], outcome: str) -> None:
    verdict = doctor.judge_policy(info)
    assert verdict.outcome == outcome
    assert ("noeviction" in verdict.cure) == (outcome != "ok")


@pytest.mark.parametrize("info, outcome", [({"aof_enabled": 1}, "ok"), ({"aof_enabled": 0}, "warn"), ({}, "warn")])
def test_without_an_append_only_file_there_is_a_warning(info: dict[str, Any], outcome: str) -> None:
    assert doctor.judge_persistence(info).outcome == outcome


@pytest.mark.parametrize(
    "ahead_s, outcome, seen",
    [
        (0, "ok", "the same"),
        (-30, "ok", "the same"),
        (31, "warn", "31 s ahead of"),
        (-31, "warn", "31 s behind"),
        (300, "warn", "300 s ahead of"),
        (-301, "fail", "301 s behind"),
    ],
)
def test_a_clock_may_be_off_by_half_a_minute_and_never_by_five(ahead_s: float, outcome: str, seen: str) -> None:
    verdict = judge_skew("Redis", ahead_s)
    assert verdict.outcome == outcome
    assert seen in verdict.seen


def test_a_redis_that_does_not_answer_is_one_failure() -> None:
    (check,) = doctor.examine("redis://:hush@127.0.0.1:1/0")
    assert (check.name, check.outcome) == ("redis", "fail")
    assert "REDIS_URL" in check.cure
    assert "hush" not in check.seen
