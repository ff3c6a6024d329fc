"""Each rule of the protocol is needed: without it, something small goes wrong. The first of them are the alternatives
that docs/protocol.md says were refuted."""

from collections.abc import Mapping

import pytest

from tests.model.accounts import explore_creators
from tests.model.configurations import Configuration, explore
from tests.model.explore import Explorer
from tests.model.judgement import BY_CHECK, BY_SWEEP
from tests.model.rest import come_to_rest
from tests.model.rules import RULES, without
from tests.model.two_masters import explore_failover

Named = tuple[Configuration, str]

BROKEN: Mapping[str, Named] = {
    "read_once": (Configuration("C"), "I2 ready with what did not pass the gate"),
    "commit_in_bucket": (Configuration("C"), "I4 acknowledged, but without a record"),
    "dead_record": (Configuration("CD"), "I3 ready after an acknowledged delete"),
    "fence": (Configuration("CS"), "I1 ready, but its object is gone"),
    "refuse_create_only": (Configuration("CC"), "I4 an acknowledged image is dead: refused"),
    "by_version": (Configuration("CES", flights=0), "I1 ready, but its object is gone"),
    "checked_before": (Configuration("CER", failovers=1), "I8 the index serves without an acknowledged edit"),
    "stale_ready": (Configuration("CCD", flights=0, failovers=1), "I3 a complete begun after the 204 was answered 200"),
    "keep_unknown": (Configuration("C"), "I1 ready, but its object is gone"),
    "check_fences": (Configuration("CF", failovers=1, early=True), "I1 ready, but its object is gone"),
    "derivative_look": (Configuration("CDV"), "F2 a derivative outlives its image's acknowledged delete"),
    "recount_ver": (Configuration("CDN"), "I6 used is not what is counted"),
    "timer_in_record": (Configuration("TSX"), "I4 a ready record died without its owner's delete or timer: expired"),
    "timer_if_match": (Configuration("TSX"), "I4 a ready record died without its owner's delete or timer: expired"),
    "clear_by_hash": (Configuration("TSXY", flights=0), "F5 ready without its due entry"),
    "settle": (Configuration("CR", failovers=1), "I4 a settled shard does not know an acknowledged image"),
    "finish_guard": (Configuration("CB", wipes=2), "I4 a settled shard does not know an acknowledged image"),
    "finish_same": (Configuration("CBB", wipes=2), "I4 a settled shard does not know an acknowledged image"),
    "renew_next": (Configuration("CB", failovers=1, wipes=1), "I4 a settled shard does not know an acknowledged image"),
}

LEFT_BEHIND: Mapping[str, Named] = {
    "own_intent": (Configuration("CD"), BY_SWEEP + "F3 the record is dead, the index ready"),
    "intent": (Configuration("CE"), BY_SWEEP + "F3 the record is ready, the index not at it: ready"),
    "intent_kept": (Configuration("CE"), BY_SWEEP + "F3 the record is ready, the index not at it: ready"),
    "record_first": (Configuration("CF", failovers=1), BY_SWEEP + "F3 the record is ready, the index not at it: None"),
    "edit_applies_end": (
        Configuration("TSXY", patient=True, flights=0),
        BY_SWEEP + "F3 the record is dead, the index ready",
    ),
    "raise_next": (Configuration("CB", wipes=1), BY_CHECK + "a rebuilt shard has a stale hash"),
}

TWO_MASTERS: Mapping[str, tuple[bool, str]] = {
    "renew_again": (True, "the new master serves without an acknowledged edit"),
    "close_first": (True, "the new master serves without an acknowledged edit"),
    "settle_late": (False, "a settled shard does not know what was acknowledged"),
}

ACCOUNTS: Mapping[str, tuple[int, str]] = {
    "account_first": (0, "two accounts were answered 201 with one name"),
    "orphans_stay": (1, "an acknowledged account has no record"),
}


def test_every_rule_is_named_once() -> None:
    named = [*BROKEN, *LEFT_BEHIND, *TWO_MASTERS, *ACCOUNTS]
    assert sorted(named) == sorted(RULES)


def finds(configuration: Configuration, what: str) -> bool:
    explored: Explorer = explore(configuration, until=what)
    return what in explored.violations


@pytest.mark.parametrize("rule", BROKEN)
def test_the_rule_is_needed_on_the_way(rule: str) -> None:
    configuration, what = BROKEN[rule]
    assert not finds(configuration, what)
    with without(rule):
        assert finds(configuration, what)


def leaves(configuration: Configuration, what: str) -> bool:
    explored = explore(configuration)
    check = what.startswith(BY_CHECK)
    return what.removeprefix(BY_CHECK if check else BY_SWEEP) in come_to_rest(explored, check=check).left


@pytest.mark.parametrize("rule", LEFT_BEHIND)
def test_the_rule_is_needed_at_the_end(rule: str) -> None:
    configuration, what = LEFT_BEHIND[rule]
    assert not leaves(configuration, what)
    with without(rule):
        assert leaves(configuration, what)


@pytest.mark.parametrize("rule", TWO_MASTERS)
def test_the_rule_is_needed_while_two_masters_live(rule: str) -> None:
    published, what = TWO_MASTERS[rule]
    assert explore_failover(1, published=published).violations == {}
    with without(rule):
        assert what in explore_failover(1, published=published, until=what).violations


@pytest.mark.parametrize("rule", ACCOUNTS)
def test_the_rule_is_needed_when_two_want_one_name(rule: str) -> None:
    checks, what = ACCOUNTS[rule]
    assert explore_creators(2, checks=checks).violations == {}
    with without(rule):
        assert what in explore_creators(2, checks=checks, until=what).violations


def test_three_who_want_one_name_beside_a_check_get_one_account() -> None:
    assert explore_creators(3, checks=1).violations == {}


def test_a_check_that_removes_claims_without_an_account_is_refuted_too() -> None:
    lost = "an acknowledged account has lost its name"
    with without("account_first"):
        assert lost in explore_creators(1, checks=1, until=lost).violations
