"""Accounts and API keys: claims, edits whose answers are lost, revocation."""

import time
from dataclasses import replace
from typing import Any

import pytest

from imagehost import ids
from imagehost.errors import (
    KeyNotFound,
    NameTaken,
    NotFound,
    OutcomeUnknown,
    TokenExpired,
    TokenInvalid,
    TooManyKeys,
    Unavailable,
)
from imagehost.services.accounts import API_KEYS_MAX, Accounts
from imagehost.services.freshness import Freshness
from imagehost.services.parts import Parts
from tests.contract.services.conftest import Bench, Crash, Faulty


def _accounts(parts: Parts, **options: Any) -> Accounts:
    return Accounts(parts, Freshness(parts), **options)


def _with(bench: Bench, **adapters: Any) -> Parts:
    return replace(bench.parts, **adapters)


def _name() -> str:
    return f"user-{ids.new_kid().lower()}"


def test_a_user_name_belongs_to_one_account(bench: Bench) -> None:
    name = _name()
    account = bench.services.accounts.create(name)
    assert bench.services.accounts.find_uid(name) == account.uid
    with pytest.raises(NameTaken):
        bench.services.accounts.create(name)
    profile = bench.services.accounts.get_profile(account.uid)
    assert profile.username == name


@pytest.mark.parametrize("fault", ["apply", "drop"])
def test_a_claim_or_an_account_in_doubt_is_made_once(bench: Bench, fault: str) -> None:
    records = Faulty(bench.parts.records, {"write_claim": [fault], "write_account": ["apply"]})
    name = _name()
    account = _accounts(_with(bench, records=records)).create(name)
    assert bench.services.accounts.find_uid(name) == account.uid


@pytest.mark.parametrize("step", ["write_account", "write_claim"])
def test_an_account_whose_maker_dies_before_its_claim_is_nobodys_and_the_name_is_free(bench: Bench, step: str) -> None:
    name = _name()
    with pytest.raises(Crash):
        _accounts(_with(bench, records=Faulty(bench.parts.records, {step: ["before"]}))).create(name)
    assert bench.services.accounts.find_uid(name) is None
    account = bench.services.accounts.create(name)
    assert bench.services.accounts.find_uid(name) == account.uid


def test_an_account_that_could_not_be_written_leaves_the_name_free(bench: Bench) -> None:
    records = Faulty(bench.parts.records, {"write_account": ["drop"]})
    name = _name()
    with pytest.raises(OutcomeUnknown):
        _accounts(_with(bench, records=records)).create(name)
    account = bench.services.accounts.create(name)
    assert bench.services.accounts.find_uid(name) == account.uid


def test_of_two_who_want_a_name_one_gets_it_however_slow_the_other_is(bench: Bench) -> None:
    name = _name()
    records = Faulty(bench.parts.records, {"write_claim": ["do"]})
    faster: list[str] = []
    records.first = lambda: faster.append(bench.services.accounts.create(name).uid)
    with pytest.raises(NameTaken):
        _accounts(_with(bench, records=records)).create(name)
    assert bench.services.accounts.find_uid(name) == faster[0]


def test_a_maker_who_dies_after_the_claim_has_made_the_account(bench: Bench) -> None:
    name = _name()
    records = Faulty(bench.parts.records, {"write_claim": ["after"]})
    with pytest.raises(Crash):
        _accounts(_with(bench, records=records)).create(name)
    uid = bench.services.accounts.find_uid(name)
    assert uid is not None
    token = bench.services.accounts.issue_key(uid, "first").token
    assert bench.services.accounts.authenticate(token).uid == uid


def test_a_token_authenticates_until_its_key_is_revoked(bench: Bench) -> None:
    issued = bench.services.accounts.issue_key(bench.uid, "laptop", scopes=("read",))
    caller = bench.services.accounts.authenticate(issued.token)
    assert (caller.uid, caller.confirm().kid, caller.confirm().scopes) == (bench.uid, issued.api_key.kid, ("read",))
    bench.services.accounts.revoke_key(bench.uid, issued.api_key.kid)
    with pytest.raises(TokenInvalid):
        bench.services.accounts.authenticate(issued.token)
    with pytest.raises(KeyNotFound):
        bench.services.accounts.revoke_key(bench.uid, issued.api_key.kid)


def test_a_token_ends_when_its_key_expires(bench: Bench) -> None:
    issued = bench.services.accounts.issue_key(bench.uid, "short", expires_in_s=60)
    bench.services.accounts.authenticate(issued.token)
    later = _accounts(bench.parts, clock=lambda: time.time() + 61)
    with pytest.raises(TokenExpired):
        later.authenticate(issued.token)


def test_a_key_made_by_a_key_ends_no_later_than_that_one(bench: Bench) -> None:
    accounts = bench.services.accounts
    short = accounts.issue_key(bench.uid, "short", expires_in_s=60).api_key
    for seconds in (None, 3_600, 30):
        child = accounts.issue_key(bench.uid, "child", expires_in_s=seconds, issuer=short).api_key
        assert child.expires_at_ms is not None
        assert short.expires_at_ms is not None
        assert child.expires_at_ms <= short.expires_at_ms


@pytest.mark.parametrize("fault", ["apply", "drop"])
def test_a_revocation_whose_answer_was_lost_is_made(bench: Bench, fault: str) -> None:
    issued = bench.services.accounts.issue_key(bench.uid, "laptop")
    records = Faulty(bench.parts.records, {"write_account": [fault]})
    _accounts(_with(bench, records=records)).revoke_key(bench.uid, issued.api_key.kid)
    with pytest.raises(TokenInvalid):
        bench.services.accounts.authenticate(issued.token)


@pytest.mark.parametrize("step, error", [("before", Crash), ("fail", Unavailable)])
def test_a_revocation_that_died_before_the_index_knew_is_finished_by_its_retry(
    bench: Bench, step: str, error: type[BaseException]
) -> None:
    issued = bench.services.accounts.issue_key(bench.uid, "laptop")
    index = Faulty(bench.parts.accounts, {"apply": ["ok", step]})
    with pytest.raises(error):
        _accounts(_with(bench, accounts=index)).revoke_key(bench.uid, issued.api_key.kid)
    with pytest.raises(KeyNotFound):
        bench.services.accounts.revoke_key(bench.uid, issued.api_key.kid)
    with pytest.raises(TokenInvalid):
        bench.services.accounts.authenticate(issued.token)


def test_keys_of_an_unknown_account_cannot_be_made(bench: Bench) -> None:
    with pytest.raises(NotFound):
        bench.services.accounts.issue_key(ids.new_uid(), "nobody")


def test_a_revocation_that_landed_as_the_last_of_its_writes_is_known_to_be_made(bench: Bench) -> None:
    issued = bench.services.accounts.issue_key(bench.uid, "laptop")
    records = Faulty(bench.parts.records, {"write_account": ["drop"] * 4 + ["apply"]})
    _accounts(_with(bench, records=records)).revoke_key(bench.uid, issued.api_key.kid)
    with pytest.raises(TokenInvalid):
        bench.services.accounts.authenticate(issued.token)


def test_a_key_that_is_being_revoked_makes_no_other(bench: Bench) -> None:
    accounts = bench.services.accounts
    caller = accounts.authenticate(accounts.issue_key(bench.uid, "laptop").token)
    accounts.revoke_key(bench.uid, caller.confirm().kid)
    with pytest.raises(TokenInvalid):
        accounts.issue_key(bench.uid, "child", issuer=caller.confirm())
    assert accounts.get_profile(bench.uid).api_keys == ()


def test_an_account_has_a_hundred_keys_at_most_and_all_work(bench: Bench) -> None:
    accounts, api_key = bench.services.accounts, bench.services.accounts.issue_key(bench.uid, "first").api_key
    stored = bench.parts.records.find_account(bench.uid)
    assert stored is not None
    many = tuple(replace(api_key, kid=ids.new_kid(), name="n" * 100) for _ in range(API_KEYS_MAX - 1))
    full = replace(stored.record, rev=stored.record.rev + 1, api_keys=(api_key, *many))
    bench.parts.records.write_account(full, etag=stored.etag)
    with pytest.raises(TooManyKeys):
        accounts.issue_key(bench.uid, "one more")
    assert len(accounts.get_profile(bench.uid).api_keys) == API_KEYS_MAX
    accounts.revoke_key(bench.uid, api_key.kid)
    accounts.issue_key(bench.uid, "in its place")
