"""What is asked of a Redis server before it is trusted: which one it is, and whether it keeps what it is given."""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast, get_args

import redis

from imagehost.checks import Check, Outcome, Verdict, doubtful, failed, judge_skew, passed
from imagehost.errors import Unavailable
from imagehost.index.client import ask, connect, servers
from imagehost.index.server import get_version

OLDEST = (7,)


def examine(url: str) -> Iterator[Check]:
    """Every check. A server that does not answer is asked no more. Never raises."""
    try:
        name, version = get_version(url)
        looks = _look(url)
    except Unavailable as exc:
        cause = type(exc.__cause__).__name__
        yield Check("redis", "fail", f"it does not answer ({cause})", "Start Redis, or correct REDIS_URL.")
        return
    yield Check.of("redis", judge_version(name, version))
    yield Check.of("redis-memory", _worst(judge_policy(info) for info, _ in looks))
    yield Check.of("redis-persistence", _worst(judge_persistence(info) for info, _ in looks))
    yield Check.of("redis-clock", _worst(judge_skew("Redis", ahead_s) for _, ahead_s in looks))


def _look(url: str) -> list[tuple[Mapping[str, Any], float]]:
    """INFO, and how far its clock is ahead of ours, of the server or of each of a cluster's masters. (Hosted ones
    forbid CONFIG; INFO says enough.)"""
    client = connect(url)
    try:
        return ask(client, lambda: [_look_at(server) for server, _ in servers(client)])
    finally:
        client.close()


def _look_at(server: "redis.Redis") -> tuple[Mapping[str, Any], float]:
    info = cast(Mapping[str, Any], server.info())
    seconds, microseconds = server.time()
    return info, seconds + microseconds / 1e6 - time.time()


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Of several servers' verdicts the worst, or the first of those that are equal."""
    return max(verdicts, key=lambda verdict: get_args(Outcome).index(verdict.outcome))


def judge_version(name: str, version: tuple[int, ...]) -> Verdict:
    seen = f"{name} {'.'.join(map(str, version))}"
    return passed(seen) if version >= OLDEST else failed(seen, "Use Redis 7 or newer, or Valkey.")


def judge_policy(info: Mapping[str, Any]) -> Verdict:
    """An evicted key is a hole in the index that nobody sees."""
    policy = info.get("maxmemory_policy")
    if policy == "noeviction":
        return passed("nothing is evicted")
    cure = "Set `maxmemory-policy noeviction`."
    if policy is None:
        return doubtful("it does not say whether it evicts", cure)
    return failed(f"maxmemory-policy is {policy}: parts of the index would vanish when memory is short", cure)


def judge_persistence(info: Mapping[str, Any]) -> Verdict:
    if info.get("aof_enabled") == 1:
        return passed("the append-only file is on")
    cure = "Set `appendonly yes`, so that a restart needs no rebuild of the index."
    return doubtful("the append-only file is off: a restart loses the newest part of the index", cure)
