"""In which words the first look at bucket and index fails."""

import re
from types import SimpleNamespace
from typing import cast

import pytest

from imagehost.cli import first_start as starting
from imagehost.config import Config
from imagehost.embedded import StackError
from imagehost.errors import BucketLost, BucketRefuses, NameTaken, Unavailable
from imagehost.services.doctor import UnfitStore
from imagehost.services.facade import Services
from tests.unit.storage.fake_store import fake_store

SLOW = Unavailable("The storage does not answer.")
SLOW.__cause__ = TimeoutError("timed out")


def first_start(error: Exception, embedded: frozenset[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """What is said when that error comes; nobody waits for it to pass."""
    closed: list[bool] = []

    def fail(config: Config) -> None:
        raise error

    services = SimpleNamespace(parts=SimpleNamespace(close=lambda: closed.append(True)))
    monkeypatch.setattr(starting, "build_services", lambda config: services)
    monkeypatch.setattr(starting, "_check_store", fail)
    monkeypatch.setattr(starting, "PATIENCE_S", -1.0)
    with pytest.raises(StackError) as caught:
        starting.first_start(cast(Config, SimpleNamespace(data_dir="data")), embedded)
    assert closed == [True]
    assert caught.value.exit_code == 1
    return str(caught.value)


@pytest.mark.parametrize(
    "error,sentence",
    [
        (BucketLost("empty"), starting.BUCKET_LOST),
        (NameTaken("The user name owner is taken."), starting.OWNER_LOST),
        (UnfitStore("It races."), "It races."),
        (BucketRefuses("it answers 403. Correct"), "Redis or S3 cannot be used: it answers 403. Correct."),
        (SLOW, "Redis or S3 cannot be used: The storage does not answer (timed out)."),
    ],
)
def test_what_is_wrong_is_one_sentence(error: Exception, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert first_start(error, frozenset(), monkeypatch) == sentence


@pytest.mark.parametrize("error", [UnfitStore("It races."), SLOW])
def test_where_the_store_is_ours_its_logs_and_its_damage_are_named(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = first_start(error, frozenset({"s3"}), monkeypatch)
    assert "The logs are in data/log." in said
    assert "data/s3 were damaged or removed, restore" in said


def test_a_refusal_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Config] = []

    def refuse(config: Config) -> None:
        looks.append(config)
        raise BucketRefuses("it answers 404.")

    monkeypatch.setattr(starting, "_check_store", refuse)
    with pytest.raises(BucketRefuses):
        starting._until_it_works(cast(Services, SimpleNamespace()), cast(Config, SimpleNamespace()))
    assert len(looks) == 1


def test_a_clock_that_is_far_off_is_said_in_one_sentence_as_a_fault_of_the_set_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services = SimpleNamespace(parts=SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(starting, "build_services", lambda config: services)
    with fake_store() as store:
        store.skew_s = 400
        with pytest.raises(StackError) as caught:
            starting.first_start(store.config(), frozenset())
    assert caught.value.exit_code == 2
    assert re.fullmatch(
        rf"The clock of the S3 server at http://127\.0\.0\.1:{store.port} is \d+ s ahead of this machine's, so it "
        r"would refuse what is signed here\. Set the clocks of this machine and of the store by NTP\.",
        str(caught.value),
    )
