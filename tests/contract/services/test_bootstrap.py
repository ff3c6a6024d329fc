"""The first start, and every later one: what it declares, and whose token it leaves in the data directory."""

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imagehost import ids
from imagehost.errors import BucketLost, NameTaken
from imagehost.ids import SHARDS, shard_of
from imagehost.index import keyspace
from imagehost.models import Claim
from imagehost.services import bootstrap
from imagehost.services.accounts import API_KEYS_MAX, Accounts
from imagehost.services.bootstrap import TOKEN_FILE, Bootstrap
from imagehost.services.freshness import Freshness
from imagehost.storage import object_keys
from tests.contract.services.conftest import Bench, Crash, Faulty


@pytest.fixture(autouse=True)
def _an_owner_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "OWNER", f"owner-{ids.new_kid().lower()}")


def _bootstrap(bench: Bench, **adapters: Any) -> Bootstrap:
    parts = replace(bench.parts, **adapters)
    return Bootstrap(parts, Accounts(parts, Freshness(parts)))


def test_the_first_start_makes_an_owner_and_a_private_file_with_a_token_that_works(
    bench: Bench, tmp_path: Path
) -> None:
    token = _bootstrap(bench).ensure_owner(tmp_path)
    assert token is not None
    path = tmp_path / TOKEN_FILE
    assert path.read_text() == token + "\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    caller = bench.services.accounts.authenticate(token)
    assert bench.services.accounts.find_uid(bootstrap.OWNER) == caller.uid
    assert _bootstrap(bench).ensure_owner(tmp_path) is None


@pytest.mark.parametrize("content", [None, b"", b"garbage", b"\xff\x00"])
def test_a_token_that_cannot_work_is_replaced(bench: Bench, tmp_path: Path, content: bytes | None) -> None:
    first = _bootstrap(bench).ensure_owner(tmp_path)
    path = tmp_path / TOKEN_FILE
    path.unlink() if content is None else path.write_bytes(content)
    second = _bootstrap(bench).ensure_owner(tmp_path)
    assert second not in (None, first)
    assert path.read_text().strip() == second


def test_a_revoked_token_is_replaced(bench: Bench, tmp_path: Path) -> None:
    first = _bootstrap(bench).ensure_owner(tmp_path)
    assert first is not None
    caller = bench.services.accounts.authenticate(first)
    bench.services.accounts.revoke_key(caller.uid, caller.confirm().kid)
    assert _bootstrap(bench).ensure_owner(tmp_path) not in (None, first)


def test_an_owner_with_all_the_keys_there_may_be_gets_no_other_and_the_start_goes_on(
    bench: Bench, tmp_path: Path
) -> None:
    token = _bootstrap(bench).ensure_owner(tmp_path)
    assert token is not None
    uid = bench.services.accounts.authenticate(token).uid
    stored = bench.parts.records.find_account(uid)
    assert stored is not None
    many = tuple(replace(stored.record.api_keys[0], kid=ids.new_kid()) for _ in range(API_KEYS_MAX))
    full = replace(stored.record, rev=stored.record.rev + 1, api_keys=many)
    bench.parts.records.write_account(full, etag=stored.etag)
    bench.parts.accounts.apply(full, "")
    (tmp_path / TOKEN_FILE).unlink()
    assert _bootstrap(bench).ensure_owner(tmp_path) is None
    assert not (tmp_path / TOKEN_FILE).exists()


@pytest.mark.parametrize("step", ["write_claim", "write_account"])
@pytest.mark.parametrize("fault", ["before", "after"])
def test_a_first_start_that_died_is_finished_by_the_next(bench: Bench, tmp_path: Path, step: str, fault: str) -> None:
    records: Any = Faulty(bench.parts.records, {step: [fault]})
    with pytest.raises(Crash):
        _bootstrap(bench, records=records).ensure_owner(tmp_path)
    token = _bootstrap(bench).ensure_owner(tmp_path)
    assert token is not None
    assert bench.services.accounts.find_uid(bootstrap.OWNER) == bench.services.accounts.authenticate(token).uid


def test_two_first_starts_at_once_make_one_owner_and_a_token_each(bench: Bench, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    records: Any = Faulty(
        bench.parts.records, {"write_claim": ["do"]}, first=lambda: _bootstrap(bench).ensure_owner(one)
    )
    token = _bootstrap(bench, records=records).ensure_owner(other)
    assert token is not None
    first, second = (bench.services.accounts.authenticate((d / TOKEN_FILE).read_text().strip()) for d in (one, other))
    assert first.uid == second.uid == bench.services.accounts.find_uid(bootstrap.OWNER)
    assert first.kid != second.kid


def test_an_owner_whose_account_is_lost_is_not_made_anew(bench: Bench, tmp_path: Path) -> None:
    claim = Claim(op=ids.new_op(), name=bootstrap.OWNER, uid=ids.new_uid(), created_at_ms=0)
    bench.parts.records.write_claim(claim)
    with pytest.raises(NameTaken):
        _bootstrap(bench).ensure_owner(tmp_path)
    bench.parts.objects.remove([object_keys.username_claim(bootstrap.OWNER)])


class _Empty:
    """A bucket that holds nothing but what `doctor` notes."""

    def is_empty(self) -> bool:
        return True


class _Wiped:
    """A Redis that has lost some shards; it remembers which ones are declared whole."""

    def __init__(self) -> None:
        self.begun: list[str] = []

    def list_wiped(self) -> list[str]:
        return list(SHARDS[:3])

    def begin(self, shards: list[str]) -> None:
        self.begun += shards


def test_a_wiped_index_over_a_full_bucket_is_left_to_a_rebuild(bench: Bench) -> None:
    shards: Any = _Wiped()
    assert not _bootstrap(bench, shards=shards).begin_shards()
    assert shards.begun == []


def test_a_wiped_index_over_an_empty_bucket_is_declared_whole(bench: Bench) -> None:
    shards: Any = _Wiped()
    empty: Any = _Empty()
    assert _bootstrap(bench, shards=shards, objects=empty).begin_shards()
    assert shards.begun == list(SHARDS[:3])


def test_an_empty_bucket_under_a_full_index_is_not_taken_for_a_new_house(bench: Bench) -> None:
    empty: Any = _Empty()
    with pytest.raises(BucketLost):
        _bootstrap(bench, objects=empty).begin_shards()
    assert _bootstrap(bench).begin_shards()


def test_without_an_index_the_owners_token_is_known_and_no_other_is_made(bench: Bench, tmp_path: Path) -> None:
    assert not _bootstrap(bench).has_token(tmp_path)
    token = _bootstrap(bench).ensure_owner(tmp_path)
    assert token is not None
    uid = bench.services.accounts.authenticate(token).uid
    meta = keyspace.meta(shard_of(uid))
    kept = bench.raw.client.hgetall(meta)
    bench.raw.client.delete(meta)
    assert _bootstrap(bench).has_token(tmp_path)
    (tmp_path / TOKEN_FILE).write_text("garbage")
    assert not _bootstrap(bench).has_token(tmp_path)
    bench.raw.client.hset(meta, mapping=kept)
    stored = bench.parts.records.find_account(uid)
    assert stored is not None
    assert len(stored.record.api_keys) == 1
