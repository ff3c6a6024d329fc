"""What the start asks of a bucket, what it believes from earlier, and what it refuses."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from imagehost.checks import Check
from imagehost.errors import BucketRefuses, Unavailable
from imagehost.services.doctor import Doctor, SkewedClock, UnfitStore
from tests.unit.storage.fake_store import FakeStore, fake_store

CACHE = "meta/doctor.json"


@pytest.fixture(scope="module")
def running() -> Iterator[FakeStore]:
    with fake_store() as store:
        yield store


@pytest.fixture
def store(running: FakeStore) -> FakeStore:
    running.reset()
    return running


@pytest.fixture
def doctor(store: FakeStore) -> Doctor:
    return Doctor(store.config())


def noted(store: FakeStore) -> dict[str, object]:
    found: dict[str, object] = json.loads(store.objects[CACHE][0])
    return found


def note(store: FakeStore, **changes: object) -> None:
    store.objects[CACHE] = (json.dumps(noted(store) | changes).encode(), "application/json")


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


def asks_again(store: FakeStore, doctor: Doctor) -> bool:
    """Whether a start would notice that the store has gone bad."""
    store.faults = {"ignores conditions"}
    try:
        doctor.check_at_start()
    except UnfitStore:
        return True
    finally:
        store.faults = set()
    return False


def test_a_fit_bucket_is_noted_and_nothing_else_stays_in_it(store: FakeStore, doctor: Doctor) -> None:
    assert doctor.check_at_start() == []
    assert set(store.objects) == {CACHE}
    found = noted(store)
    assert (found["v"], found["bucket"], found["endpoint"]) == (1, "pictures", f"http://127.0.0.1:{store.port}")
    assert datetime.fromisoformat(str(found["checked_at"])) <= datetime.now(UTC)


@pytest.mark.parametrize("fault", ["ignores conditions", "races", "knows no conditions"])
def test_a_store_whose_conditional_writes_race_is_refused_by_name_with_the_cure(
    store: FakeStore, doctor: Doctor, fault: str
) -> None:
    store.faults = {fault}
    with pytest.raises(UnfitStore) as caught:
        doctor.check_at_start()
    for part in ("FakeStore", f"http://127.0.0.1:{store.port}", "concurrent writes won", "AWS S3", "imagehost doctor"):
        assert part in str(caught.value)
    assert store.objects == {}


def test_a_fit_bucket_is_not_asked_again(store: FakeStore, doctor: Doctor) -> None:
    doctor.check_at_start()
    assert not asks_again(store, doctor)


@pytest.mark.parametrize(
    "changes",
    [
        {"checked_at": ago(days=7, seconds=1)},
        {"checked_at": ago(hours=-1)},
        {"checked_at": "yesterday"},
        {"checked_at": "2026-01-01T00:00:00"},
        {"v": 2},
        {"bucket": "another"},
        {"endpoint": "https://elsewhere.example.org"},
        {"versions": {"imagehost": "0.0.0", "store": "FakeStore"}},
        {"versions": {}},
    ],
)
def test_what_is_old_or_about_another_store_is_not_believed(
    store: FakeStore, doctor: Doctor, changes: dict[str, object]
) -> None:
    doctor.check_at_start()
    note(store, **changes)
    assert asks_again(store, doctor)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_a_damaged_note_is_not_believed(store: FakeStore, doctor: Doctor, data: bytes) -> None:
    store.objects[CACHE] = (data, "application/json")
    assert asks_again(store, doctor)


def test_a_note_of_six_days_is_believed(store: FakeStore, doctor: Doctor) -> None:
    doctor.check_at_start()
    note(store, checked_at=ago(days=6.9))
    assert not asks_again(store, doctor)


def test_a_clock_that_is_a_little_off_is_told_at_each_start_and_stops_none(store: FakeStore, doctor: Doctor) -> None:
    store.skew_s = 100
    for _ in range(2):
        (check,) = doctor.check_at_start()
        assert (check.name, check.outcome) == ("clock", "warn")


@pytest.mark.parametrize("refusal", [0, 403])
@pytest.mark.parametrize("skew_s, how", [(400, "ahead of"), (-400, "behind")])
def test_a_clock_that_is_far_off_stops_each_start_whether_or_not_the_store_refuses_what_it_signs(
    store: FakeStore, doctor: Doctor, skew_s: int, how: str, refusal: int
) -> None:
    doctor.check_at_start()
    store.skew_s, store.refusal = skew_s, refusal
    with pytest.raises(SkewedClock, match=rf"127\.0\.0\.1:{store.port} is \d+ s {how} this machine's.* by NTP\."):
        doctor.check_at_start()


def test_versioning_is_told_and_not_noted_as_fit(store: FakeStore, doctor: Doctor) -> None:
    store.versioning = "<Status>Enabled</Status>"
    (check,) = doctor.check_at_start()
    assert (check.name, check.outcome) == ("versioning", "fail")
    assert CACHE not in store.objects


@pytest.mark.parametrize("status", [403, 404, 503])
def test_a_store_that_does_not_answer_is_unavailable_and_not_unfit(
    store: FakeStore, doctor: Doctor, status: int
) -> None:
    store.refusal = status
    with pytest.raises(Unavailable, match=str(status)) as caught:
        doctor.check_at_start()
    assert isinstance(caught.value, BucketRefuses) == (status != 503)


def test_a_race_that_nobody_decided_is_unavailable_and_not_unfit(store: FakeStore, doctor: Doctor) -> None:
    store.faults = {"is unsure"}
    with pytest.raises(Unavailable):
        doctor.check_at_start()
    assert store.objects == {}


def failed(checks: Iterator[Check]) -> set[str]:
    return {check.name for check in checks if check.outcome == "fail"}


def test_the_full_form_asks_redis_and_the_store_and_notes_a_fit_bucket(store: FakeStore, doctor: Doctor) -> None:
    assert failed(doctor.examine()) == {"redis"}  # there is none
    assert set(store.objects) == {CACHE}
    assert not asks_again(store, doctor)


def test_a_failure_in_the_full_form_makes_the_next_start_look_for_itself(store: FakeStore, doctor: Doctor) -> None:
    doctor.check_at_start()
    store.faults = {"ignores conditions"}
    assert "conditional-create" in failed(doctor.examine())
    assert CACHE not in store.objects
    assert asks_again(store, doctor)


def test_a_full_form_that_cannot_reach_the_bucket_changes_nothing(store: FakeStore, doctor: Doctor) -> None:
    doctor.check_at_start()
    store.refusal = 503
    assert failed(doctor.examine()) == {"redis", "bucket"}
    store.refusal = 0
    assert not asks_again(store, doctor)
