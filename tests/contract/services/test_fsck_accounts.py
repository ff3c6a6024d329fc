"""What a check finds of accounts: record, claim of the user name and index say the same."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from imagehost import ids
from imagehost.errors import NameTaken
from tests.contract.services.conftest import Bench, Crash
from tests.contract.services.damage import Plant, Wreck, epochs


@pytest.fixture
def wreck(bench: Bench, environment: Mapping[str, str]) -> Wreck:
    """An account with a user name of its own and two API keys."""
    name = ids.new_op()[:16]
    bench.uid = bench.services.accounts.create(name).uid
    for label in ("first", "second"):
        bench.services.accounts.issue_key(bench.uid, label)
    return Wreck(bench, environment)


def _name(wreck: Wreck) -> str:
    name: str = json.loads(wreck.get(wreck.account()))["username"]
    return name


def _claim(wreck: Wreck) -> str:
    return f"usernames/{_name(wreck)}.json"


def _kids(wreck: Wreck) -> list[str]:
    return [name for name in wreck.redis.hkeys(wreck.user) if name.startswith("key:")]


def _a_key_less(wreck: Wreck) -> None:
    wreck.redis.hdel(wreck.user, _kids(wreck)[0])


def _a_key_more(wreck: Wreck) -> None:
    wreck.redis.hset(wreck.user, "key:abcdefghijkl", wreck.redis.hget(wreck.user, _kids(wreck)[0]))


def _another_name(wreck: Wreck) -> None:
    wreck.redis.hset(wreck.user, "username", "nobody")


def _unknown_to_the_index(wreck: Wreck) -> None:
    wreck.redis.delete(wreck.user)


def _revoked_in_the_bucket_alone(wreck: Wreck) -> None:
    wreck.change(wreck.account(), rev=4, api_keys=[], op="o", ops=["o"])


def _not_claimed(wreck: Wreck) -> None:
    wreck.remove(_claim(wreck))


@pytest.mark.parametrize(
    "plant",
    [_a_key_less, _a_key_more, _another_name, _unknown_to_the_index, _revoked_in_the_bucket_alone, _not_claimed],
)
def test_a_damaged_account_is_found_and_repaired(wreck: Wreck, plant: Plant) -> None:
    plant(wreck)
    before = wreck.world()
    (found,) = wreck.check().findings
    assert (found.code, found.subject, found.repaired) == ("F9", wreck.uid, False)
    assert wreck.world() == before
    assert [(finding.code, finding.repaired) for finding in wreck.repair()] == [("F9", True)]
    assert wreck.codes() == []
    epoch, settled = epochs(wreck)
    assert epoch == settled


def test_an_account_without_a_record_is_never_repaired(wreck: Wreck) -> None:
    wreck.bench.publish()
    record = wreck.remove(wreck.account())
    before = wreck.world()[0]
    (found,) = wreck.repair()
    assert (found.code, found.repaired) == ("F9", False)
    assert "another bucket" in found.cure
    assert wreck.world()[0] == before
    wreck.put(wreck.account(), record)
    assert wreck.codes() == []


def test_an_index_that_is_ahead_of_an_account_is_never_repaired(wreck: Wreck) -> None:
    wreck.redis.hset(wreck.user, "rev", "9")
    (found,) = wreck.repair()
    assert (found.code, found.repaired) == ("F9", False)
    wreck.redis.hset(wreck.user, "rev", "3")
    assert wreck.codes() == []


def test_a_name_that_is_claimed_for_somebody_else_is_reported(wreck: Wreck) -> None:
    before = wreck.change(_claim(wreck), uid=ids.new_uid())
    (found,) = wreck.repair()
    assert (found.code, found.repaired) == ("F9", False)
    wreck.put(_claim(wreck), before)
    assert wreck.codes() == []


@pytest.mark.parametrize("change", [{"v": 9}, {"uid": "0" * 24}, {"rev": None}])
def test_an_account_that_cannot_be_read_is_reported(wreck: Wreck, change: dict[str, object]) -> None:
    before = wreck.change(wreck.account(), **change)
    (found,) = wreck.repair()
    assert (found.code, found.subject, found.repaired) == ("F8", wreck.uid, False)
    wreck.put(wreck.account(), before)
    assert wreck.codes() == []


def _check_no_shard(wreck: Wreck, **how: Any) -> list[tuple[str, str, bool]]:
    """What belongs to no shard goes with the first one."""
    wreck.shard = ids.SHARDS[0]
    return [(f.code, f.subject, f.repaired) for f in wreck.check(**how).findings]


def test_a_claim_without_an_account_is_reported_and_left(wreck: Wreck) -> None:
    name = ids.new_op()[:16]
    claim = {"op": "o", "v": 1, "name": name, "uid": ids.new_uid(), "created_at_ms": 1}
    object_key = wreck.put(f"usernames/{name}.json", json.dumps(claim).encode())
    assert _check_no_shard(wreck, repair=True) == [("F9", name, False)]
    wreck.remove(object_key)
    assert _check_no_shard(wreck) == []


@pytest.mark.parametrize("step", ["before", "do"])
def test_an_account_whose_maker_died_or_lost_its_name_is_nobodys_and_stays(wreck: Wreck, step: str) -> None:
    bench, name = wreck.bench, ids.new_op()[:16]
    bench.records.plan["write_claim"] = [step]
    bench.records.first = lambda: bench.services.accounts.create(name)
    before = set(wreck.world()[0].accounts)
    with pytest.raises((Crash, NameTaken)):
        bench.faulty.accounts.create(name)
    made = set(wreck.world()[0].accounts) - before
    for uid in made:
        wreck.shard = ids.shard_of(uid)
        assert wreck.codes() == []
        assert wreck.repair() == []
    assert set(wreck.world()[0].accounts) - before == made


def test_an_account_whose_maker_died_after_the_claim_is_found_and_repaired(wreck: Wreck) -> None:
    bench, name = wreck.bench, ids.new_op()[:16]
    bench.records.plan["write_claim"] = ["after"]
    with pytest.raises(Crash):
        bench.faulty.accounts.create(name)
    wreck.shard = ids.shard_of(bench.services.accounts.find_uid(name) or "")
    assert [(finding.code, finding.repaired) for finding in wreck.repair()] == [("F9", True)]
    assert wreck.codes() == []


def test_what_cannot_be_a_claim_and_what_lies_beside_all_prefixes_is_reported_and_left(wreck: Wreck) -> None:
    strange = [wreck.put("readme.txt"), wreck.put("usernames/NOT A NAME.json"), wreck.put("backup/today")]
    torn = wreck.put("usernames/torn.json", b"{")
    found = _check_no_shard(wreck, repair=True)
    assert sorted(found) == [
        ("F8", "backup/", False),
        ("F8", "readme.txt", False),
        ("F8", "torn", False),
        ("F8", "usernames/NOT A NAME.json", False),
    ]
    for object_key in (*strange, torn):
        wreck.remove(object_key)
