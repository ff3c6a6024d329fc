"""The real store passes, beside what is in the bucket already; and what is set up wrong is found on it as well."""

import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from imagehost.config import Config
from imagehost.services.doctor import Doctor
from imagehost.storage import doctor
from imagehost.storage.doctor_probe import Probe
from tests.contract.storage.conftest import stored

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture(scope="module")
def probe(config: Config) -> Iterator[Probe]:
    with Probe(config) as probe:
        yield probe


@pytest.fixture
def bare_bucket(config: Config, s3: "S3Client") -> Iterator[Config]:
    """A bucket that nobody has set up."""
    name = f"bare-{secrets.token_hex(4)}"
    s3.create_bucket(Bucket=name)
    yield config.model_copy(update={"bucket": name})
    s3.delete_bucket(Bucket=name)


@pytest.mark.parametrize("name", [name for name in doctor.CHECKS if name not in doctor.CONDITIONAL])
def test_the_real_store_passes(probe: Probe, name: str) -> None:
    verdict = doctor.CHECKS[name](probe)
    assert (verdict.outcome, verdict.cure) == ("ok", ""), verdict


def test_the_real_store_may_be_started_on_and_is_remembered(config: Config, s3: "S3Client") -> None:
    before = stored(s3, config.bucket)
    assert Doctor(config).check_at_start() == []
    assert stored(s3, config.bucket) - before == {"meta/doctor.json"}
    assert Doctor(config).check_at_start() == []


def test_a_race_of_many_on_the_real_store_has_one_winner(probe: Probe) -> None:
    verdicts = [race(probe, 8) for race in doctor.CONDITIONAL.values()]
    assert [verdict.outcome for verdict in verdicts] == ["ok", "ok"], verdicts


def test_old_versions_are_found_and_none_of_ours_stays(bare_bucket: Config, s3: "S3Client") -> None:
    bucket = bare_bucket.bucket
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    with Probe(bare_bucket) as probe:
        assert doctor.CHECKS["versioning"](probe).outcome == "fail"
        doctor.CHECKS["consistency"](probe)
        assert s3.list_object_versions(Bucket=bucket).get("Versions")
    found = s3.list_object_versions(Bucket=bucket)
    assert not found.get("Versions")
    assert not found.get("DeleteMarkers")


def test_a_bucket_that_nobody_has_set_up_lacks_its_lifecycle(bare_bucket: Config) -> None:
    with Probe(bare_bucket) as probe:
        assert doctor.CHECKS["lifecycle"](probe).outcome == "warn"


def test_a_page_that_the_bucket_does_not_know_may_not_upload(config: Config) -> None:
    with Probe(config.model_copy(update={"public_url": "https://elsewhere.example.org"})) as probe:
        assert doctor.CHECKS["cors"](probe).outcome == "fail"


def test_a_bucket_that_does_not_exist_is_named(config: Config) -> None:
    with Probe(config.model_copy(update={"bucket": "no-such-bucket"})) as probe:
        check, clock = doctor.examine(probe)
    assert (check.name, check.outcome, clock.outcome) == ("bucket", "fail", "ok")
    assert "no-such-bucket" in check.seen


def test_wrong_credentials_are_told_from_a_wrong_bucket(config: Config) -> None:
    with Probe(config.model_copy(update={"access_key_id": "AKIDEXAMPLE"})) as probe:
        check, clock = doctor.examine(probe)
    assert (clock.name, clock.outcome) == ("clock", "ok")
    assert "403" in check.seen
    assert "credentials" in check.cure
