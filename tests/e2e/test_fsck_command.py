"""`imagehost fsck` beside a running server: what it prints, what it ends with, and what it leaves alone."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.e2e.client import Client
from tests.e2e.server import Server
from tests.images import corner, encode


def fsck(server: Server, *options: str) -> tuple[int, str]:
    """Its exit code, and what it prints; nothing but progress may stand on standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "imagehost", "fsck", *options],
        cwd=server.data_dir.parent,
        env=server.environ(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + (done.stderr if done.returncode == 2 else "")


@pytest.fixture
def index(server: Server) -> Iterator[Any]:
    with redis.Redis.from_url(server.settings()["REDIS_URL"], decode_responses=True) as client:
        yield client


def test_a_damage_is_printed_then_repaired_and_then_gone(server: Server, account: Client, index: Any) -> None:
    iid = account.upload(encode(corner(), "image/png"), "image/png")["id"]
    shard, owned = iid[:2], f"user:{{{account.uid[:2]}}}{account.uid[2:]}:images"
    assert fsck(server)[0] == 0
    assert index.zrem(owned, iid) == 1
    assert account.list_all() == []

    code, printed = fsck(server, "--shard", shard)
    lines = printed.splitlines()
    assert (code, lines[0]) == (1, f"F4 {iid}: it is missing from the list of {account.uid}")
    assert lines[-1].endswith(": 1 findings, 0 of them repaired")
    assert account.list_all() == []

    code, printed = fsck(server, "--shard", shard, "--repair")
    assert (code, printed.splitlines()[0]) == (0, f"F4 {iid}: it is missing from the list of {account.uid} [repaired]")
    assert account.list_all() == [iid]
    code, printed = fsck(server, "--shard", shard, "--deep")
    assert code == 0
    assert printed.endswith(": clean\n")


def test_what_cannot_be_repaired_comes_with_what_to_do(server: Server, account: Client) -> None:
    data = encode(corner(), "image/png")
    iid = account.upload(data, "image/png")["id"]
    (original,) = (object_key for object_key in server.objects_of(account.uid) if object_key.startswith("uploads/"))
    server.remove_object(original)
    code, printed = fsck(server, "--shard", iid[:2], "--repair", "--json")
    found = json.loads(printed)
    assert (code, found["clean"], found["skipped"]) == (1, False, [])
    (finding,) = found["findings"]
    assert (finding["code"], finding["subject"], finding["repaired"]) == ("I1", iid, False)
    assert found["counts"]["images"] >= 1
    assert f"I1 → {finding['cure']}" in fsck(server, "--shard", iid[:2])[1].splitlines()
    account.delete(iid)
    assert fsck(server, "--shard", iid[:2])[0] == 0


def test_a_shard_that_somebody_else_repairs_is_waited_for(server: Server, account: Client, index: Any) -> None:
    """Somebody who died over it: the lease lapses."""
    shard, second = account.uid[:2], 1_000_000
    seconds, micros = index.time()
    until_ms = (seconds * second + micros) // 1000 + 3000
    index.hset(f"meta:{{{shard}}}", mapping={"check_op": "of somebody who died", "check_until": until_ms})
    code, printed = fsck(server, "--shard", shard, "--repair")
    assert code == 0
    assert printed.endswith(": clean\n")


@pytest.mark.parametrize("options", [("--shard", "uu"), ("--shard", "0"), ("--min-age-s", "-1"), ("--fast",)])
def test_a_wrong_option_is_refused(server: Server, options: tuple[str, ...]) -> None:
    code, printed = fsck(server, *options)
    assert code == 2
    assert "Usage" in printed
