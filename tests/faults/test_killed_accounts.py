"""A process is killed at every named point of making an account, issuing an API key and revoking one; what it was at is
then tried again by another process, or by nobody. And one that was only slow."""

import itertools
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from imagehost.errors import TokenInvalid
from tests.consistency import World, assert_consistent
from tests.faults.driver import Answer
from tests.faults.stack import Stage, findings_about, stage

__all__ = ["stage"]

CASES = [
    (*what, repeated)
    for what in (
        ("create", "after_account"),
        ("create", "after_claim"),
        ("issue", "after_account"),
        ("revoke", "after_account"),
    )
    for repeated in (False, True)
]
TAKEN = {"problem": "name-taken"}
_numbers = itertools.count()


@dataclass(frozen=True)
class History:
    """What happened in one case: to the account `uid` (unknown when it is to be made) with the user name `name`, whose
    API key has the `token`. `entered`: whether that token was let in afterwards, before any check."""

    name: str
    uid: str
    token: str
    exit_code: int
    answer: Answer | None
    entered: bool


@dataclass(frozen=True)
class After:
    """All histories by operation, point and whether it was repeated; and the world before and after a check that
    repairs."""

    histories: Mapping[tuple[str, str, bool], History]
    before: World
    repaired: World


def enters(stage: Stage, token: str) -> bool:
    try:
        stage.services.accounts.authenticate(token)
    except TokenInvalid:
        return False
    return True


def play(stage: Stage, operation: str, point: str, repeated: bool) -> History:
    name, uid, token = f"name-{next(_numbers)}", "", ""
    call: tuple[str, ...] = (name,)
    if operation != "create":
        uid = stage.services.accounts.create(name).uid
        issued = stage.services.accounts.issue_key(uid, "first")
        token = issued.token
        call = (uid, issued.api_key.kid) if operation == "revoke" else (uid,)
    exit_code = stage.kill(point, operation, *call)
    answer = stage.perform(operation, *call) if repeated else None
    return History(name, uid, token, exit_code, answer, bool(token) and enters(stage, token))


@pytest.fixture(scope="module")
def after(stage: Stage) -> Iterator[After]:
    """Everything, in one go."""
    with ThreadPoolExecutor(len(CASES)) as pool:
        histories = list(pool.map(lambda case: play(stage, *case), CASES))
    before = stage.look()
    stage.repair()
    yield After(dict(zip(CASES, histories, strict=True)), before, stage.look())
    assert_consistent(stage.environ)


@pytest.mark.parametrize("operation,point,repeated", CASES)
def test_the_process_dies_at_the_point(operation: str, point: str, repeated: bool, after: After) -> None:
    assert after.histories[operation, point, repeated].exit_code == -9


def test_a_name_that_was_not_claimed_yet_is_free(after: After, stage: Stage) -> None:
    history = after.histories["create", "after_account", False]
    assert stage.services.accounts.find_uid(history.name) is None
    uid = stage.perform("create", history.name)["uid"]
    assert stage.services.accounts.find_uid(history.name) == uid
    assert enters(stage, stage.services.accounts.issue_key(uid, "first").token)


def test_whoever_tries_again_before_the_claim_gets_the_name(after: After, stage: Stage) -> None:
    history = after.histories["create", "after_account", True]
    uid = stage.services.accounts.find_uid(history.name)
    assert history.answer == {"uid": uid}
    assert uid is not None
    assert findings_about(after.before, uid) == []
    assert enters(stage, stage.services.accounts.issue_key(uid, "first").token)


@pytest.mark.parametrize("repeated", [False, True])
def test_an_account_that_was_made_and_not_answered_is_whole(repeated: bool, after: After, stage: Stage) -> None:
    history = after.histories["create", "after_claim", repeated]
    assert history.answer == (TAKEN if repeated else None)
    uid = stage.services.accounts.find_uid(history.name)
    assert uid is not None
    assert findings_about(after.before, uid) == ["F9"]  # nobody has asked for it; the check brings the index up
    assert after.repaired.users[uid]["username"] == history.name
    assert enters(stage, stage.services.accounts.issue_key(uid, "first").token)


def test_a_maker_who_wakes_up_when_another_has_the_name_has_lost(stage: Stage) -> None:
    with stage.process("create", "slow-maker", points=("after_account:stop",)) as process:
        process.wait_for_stop()
        uid = stage.services.accounts.create("slow-maker").uid
        process.go_on()
        assert process.answer() == TAKEN
    assert stage.services.accounts.find_uid("slow-maker") == uid
    stage.repair()


@pytest.mark.parametrize("repeated", [False, True])
def test_an_api_key_that_was_issued_and_not_answered_harms_nobody(repeated: bool, after: After, stage: Stage) -> None:
    history = after.histories["issue", "after_account", repeated]
    names = [api_key["name"] for api_key in after.repaired.accounts[history.uid]["api_keys"]]
    assert names == ["first", "another"] + ["another"] * repeated
    assert enters(stage, history.token)
    assert history.answer is None or enters(stage, history.answer["token"])


def test_a_revocation_that_was_not_answered_holds_after_a_check(after: After, stage: Stage) -> None:
    history = after.histories["revoke", "after_account", False]
    assert after.repaired.accounts[history.uid]["api_keys"] == []
    assert not enters(stage, history.token)


def test_a_revocation_that_is_repeated_holds_at_once(after: After) -> None:
    history = after.histories["revoke", "after_account", True]
    assert history.answer == {"problem": "key-not-found"}
    assert not history.entered
    assert findings_about(after.before, history.uid) == []
