"""Every check of the bucket can fail: a store that is well passes all, one with a fault fails the check for it."""

import functools
from collections.abc import Iterator

import pytest

from imagehost.checks import Check
from imagehost.errors import Unavailable
from imagehost.storage import doctor, doctor_browser, doctor_conditions
from imagehost.storage.doctor_probe import Probe
from tests.unit.storage.fake_store import STAGING_RULE, TWO_DAYS, FakeStore, fake_store

FAULTS = {
    "ignores conditions": {"conditional-create", "conditional-replace", "replace-missing"},
    "races": {"conditional-create", "conditional-replace"},
    "writes what it refuses": {"conditional-create", "conditional-replace"},
    "knows no conditions": {"conditional-create", "conditional-replace", "replace-missing"},
    "replaces what is missing": {"replace-missing"},
    "reads late": {"consistency", "conditional-replace"},
    "lists nothing": {"consistency"},
    "lists late": {"consistency"},
    "deletes late": {"consistency", "replace-missing"},
    "verifies nothing": {"upload-length", "upload-type", "upload-headers"},
    "ignores checksums": {"upload-hash"},
    "stores what it refuses": {"upload-length", "upload-type", "upload-hash", "upload-headers", "expiry"},
    "never expires": {"expiry"},
    "ignores content-type": {"download"},
    "ignores content-disposition": {"download"},
    "ignores cache-control": {"download"},
    "lets strangers GET": {"strangers"},
    "lets strangers PUT": {"strangers"},
    "lets strangers list": {"strangers"},
    "has no CORS": {"cors"},
    "allows no PUT": {"cors"},
    "allows no hash": {"cors"},
}
FEW = 5  # racers, where their number plays no part
WHOLE_BUCKET = f"<Rule><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>{TWO_DAYS}</Rule>"
TAGGED = (
    "<Rule><Status>Enabled</Status><Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter>"
    "<Expiration><Days>2</Days></Expiration></Rule>"
)


@pytest.fixture(scope="module")
def running() -> Iterator[FakeStore]:
    with fake_store() as store:
        yield store


@pytest.fixture
def store(running: FakeStore, monkeypatch: pytest.MonkeyPatch) -> FakeStore:
    for name, check in doctor.CONDITIONAL.items():
        monkeypatch.setitem(doctor.CHECKS, name, functools.partial(check, racers=FEW))
    running.reset()
    return running


@pytest.fixture
def probe(store: FakeStore) -> Iterator[Probe]:
    with Probe(store.config()) as probe:
        yield probe


def test_a_store_that_hangs_up_behind_a_refusal_passes_the_checks_that_come_after_it(
    probe: Probe, store: FakeStore
) -> None:
    store.faults.add("hangs up behind a refusal")
    assert [check for check in doctor.examine(probe) if check.outcome != "ok"] == []


def outcomes(probe: Probe, outcome: str) -> set[str]:
    return {check.name for check in doctor.examine(probe) if check.outcome == outcome}


def verdict(probe: Probe, name: str) -> Check:
    return Check.of(name, doctor.CHECKS[name](probe))


def test_a_store_without_faults_passes_every_check_and_keeps_nothing(probe: Probe, store: FakeStore) -> None:
    checks = list(doctor.examine(probe))
    assert [check for check in checks if check.outcome != "ok"] == []
    assert [check.name for check in checks] == [*doctor.CHECKS, "clean-up"]
    assert store.objects == {}


def test_the_full_form_races_thirty_two(probe: Probe) -> None:
    assert "1 of 32" in doctor_conditions.check_create(probe).seen
    assert "1 of 32" in doctor_conditions.check_replace(probe).seen


@pytest.mark.parametrize("fault, names", FAULTS.items(), ids=list(FAULTS))
def test_each_fault_fails_the_checks_for_it_and_no_other_and_nothing_stays_behind(
    probe: Probe, store: FakeStore, fault: str, names: set[str]
) -> None:
    store.faults.add(fault)
    checks = list(doctor.examine(probe))
    assert {check.name for check in checks if check.outcome == "fail"} == names
    assert all(check.cure.endswith(".") for check in checks if check.outcome == "fail")
    assert store.objects == {} or fault == "deletes late"


@pytest.mark.parametrize("fault, name", [("exposes little", "cors-exposed"), ("allows every origin", "cors-foreign")])
def test_what_is_only_unwise_is_a_warning(probe: Probe, store: FakeStore, fault: str, name: str) -> None:
    store.faults.add(fault)
    assert outcomes(probe, "warn") == {name}


def test_a_run_that_is_broken_off_leaves_nothing_in_the_bucket(store: FakeStore) -> None:
    with Probe(store.config()) as probe:
        for check in doctor.examine(probe):
            if check.name == "download":
                break
        assert store.objects != {}
    assert store.objects == {}


def test_what_could_not_be_removed_is_said(probe: Probe, store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "remove", lambda: False)
    assert outcomes(probe, "warn") == {"clean-up"}


@pytest.mark.parametrize(
    "skew_s, outcome",
    [(-20, "ok"), (40, "warn"), (100, "warn"), (-100, "warn"), (400, "fail"), (-400, "fail"), (None, "warn")],
)
def test_a_clock_that_is_off_is_a_warning_and_then_a_failure(
    probe: Probe, store: FakeStore, skew_s: float | None, outcome: str
) -> None:
    store.skew_s = skew_s
    assert verdict(probe, "clock").outcome == outcome


@pytest.mark.parametrize(
    "versioning, outcome",
    [
        ("", "ok"),
        ("<Status>Enabled</Status>", "fail"),
        ("<Status>Suspended</Status>", "warn"),
        (None, "warn"),
    ],
)
def test_old_versions_are_a_failure_and_doubt_is_a_warning(
    probe: Probe, store: FakeStore, versioning: str | None, outcome: str
) -> None:
    store.versioning = versioning
    assert verdict(probe, "versioning").outcome == outcome


@pytest.mark.parametrize(
    "rules, outcome",
    [
        (STAGING_RULE.format(TWO_DAYS), "ok"),
        ("", "warn"),
        (None, "warn"),
        (STAGING_RULE.format(TWO_DAYS).replace("Enabled", "Disabled"), "warn"),
        (STAGING_RULE.format(""), "warn"),
        (STAGING_RULE.format(TWO_DAYS).replace("incoming/", "incoming/x"), "warn"),
        (TAGGED, "warn"),
        (WHOLE_BUCKET, "fail"),
        (STAGING_RULE.format(TWO_DAYS).replace("incoming/", "uploads/4k"), "fail"),
    ],
    ids=["as it should", "none", "unsaid", "disabled", "no expiry", "too narrow", "tagged", "whole bucket", "images"],
)
def test_staging_expires_and_nothing_else(probe: Probe, store: FakeStore, rules: str | None, outcome: str) -> None:
    store.rules = rules
    assert verdict(probe, "lifecycle").outcome == outcome


@pytest.mark.parametrize(
    "page, store_url, outcome",
    [
        ("http://127.0.0.1:8000", "http://localhost:9000", "ok"),
        ("https://img.example.org", "https://s3.example.org", "ok"),
        ("https://img.example.org", "https://img.example.org:443", "fail"),
        ("https://img.example.org", "http://s3.example.org", "fail"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:9000", "warn"),
    ],
)
def test_page_and_store_are_kept_apart(store: FakeStore, page: str, store_url: str, outcome: str) -> None:
    changes = {"IMAGEHOST_PUBLIC_URL": page, "S3_PUBLIC_ENDPOINT_URL": store_url}
    with Probe(store.config(**changes)) as probe:
        assert doctor_browser.check_origins(probe).outcome == outcome


@pytest.mark.parametrize("status, more", [(403, ["clock"]), (404, ["clock"]), (500, [])])
def test_a_bucket_that_lets_nobody_in_is_asked_no_more_than_the_time(
    probe: Probe, store: FakeStore, status: int, more: list[str]
) -> None:
    store.refusal = status
    check, *others = doctor.examine(probe)
    assert (check.name, check.outcome) == ("bucket", "fail")
    assert str(status) in check.seen
    assert [other.name for other in others] == more


def test_a_store_that_does_not_answer_is_asked_no_more(store: FakeStore) -> None:
    with Probe(store.config(S3_ENDPOINT_URL="http://127.0.0.1:1")) as probe:
        (check,) = doctor.examine(probe)
        with pytest.raises(Unavailable, match="does not answer"):
            doctor.greet(probe)
    assert (check.name, check.outcome) == ("bucket", "fail")
    assert "http://127.0.0.1:1" in check.seen


def test_a_public_endpoint_where_nobody_listens_fails_what_needs_it(store: FakeStore) -> None:
    with Probe(store.config(S3_PUBLIC_ENDPOINT_URL="http://localhost:1")) as probe:
        check = next(check for check in doctor.examine(probe) if check.name == "upload")
    assert check.outcome == "fail"
    assert "could not be checked" in check.seen
    assert "Signature" not in check.seen


def test_a_race_that_nobody_decides_is_unavailable_and_not_a_verdict(probe: Probe, store: FakeStore) -> None:
    store.faults.add("is unsure")
    with pytest.raises(Unavailable, match="4 × 403"):
        doctor.examine_at_start(probe)
    check = next(check for check in doctor.examine(probe) if check.name == "conditional-create")
    assert check.outcome == "fail"
    assert "could not be checked" in check.seen
    assert "5 × 403" in check.seen


def test_the_short_form_races_few_and_asks_little(probe: Probe, store: FakeStore) -> None:
    checks = doctor.examine_at_start(probe)
    assert [check.name for check in checks] == ["versioning", "conditional-create", "conditional-replace"]
    assert all(check.outcome == "ok" for check in checks)
    assert "1 of 4" in checks[1].seen


@pytest.mark.parametrize("fault", ["ignores conditions", "races", "writes what it refuses", "knows no conditions"])
def test_the_short_form_finds_conditional_writes_that_are_none(probe: Probe, store: FakeStore, fault: str) -> None:
    store.faults.add(fault)
    checks = {check.name: check.outcome for check in doctor.examine_at_start(probe)}
    assert checks["conditional-create"] == checks["conditional-replace"] == "fail"
