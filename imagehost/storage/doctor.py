"""Everything that is asked of a bucket before it is trusted: the full list, and the short one of each start.

A check that cannot be carried out has failed: nobody knows what it would have shown.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError
from urllib3.exceptions import HTTPError

from imagehost.checks import Check, Verdict, doubtful, failed, passed
from imagehost.errors import BucketRefuses, Unavailable
from imagehost.storage import doctor_browser as browser
from imagehost.storage import doctor_bucket as bucket
from imagehost.storage import doctor_conditions as conditions
from imagehost.storage import doctor_presign as presign
from imagehost.storage.client import DRIVER_ERRORS, status_of, translated
from imagehost.storage.doctor_probe import Probe

CONDITIONAL = {"conditional-create": conditions.check_create, "conditional-replace": conditions.check_replace}
# The order is that of reading: a wrong clock explains refused URLs, and versions why a delete does not delete.
CHECKS: dict[str, Callable[[Probe], Verdict]] = {
    "bucket": bucket.check_bucket,
    "clock": bucket.check_clock,
    "versioning": bucket.check_versioning,
    **CONDITIONAL,
    "replace-missing": conditions.check_replace_missing,
    "consistency": bucket.check_consistency,
    "upload": presign.check_upload,
    "upload-length": presign.check_upload_length,
    "upload-type": presign.check_upload_type,
    "upload-hash": presign.check_upload_hash,
    "upload-headers": presign.check_upload_headers,
    "expiry": presign.check_expiry,
    "download": presign.check_download,
    "strangers": presign.check_strangers,
    "origins": browser.check_origins,
    "cors": browser.check_cors,
    "cors-exposed": browser.check_cors_exposed,
    "cors-foreign": browser.check_cors_foreign,
    "lifecycle": bucket.check_lifecycle,
}
UNCHECKED = "Mend what keeps this check from being carried out, and run it again."


def examine(probe: Probe) -> Iterator[Check]:
    """Every check, one after the other, and at the end the removal of what they wrote. A bucket that does not answer is
    asked no more; of one that lets nobody in the clock, which may be why."""
    for name, check in CHECKS.items():
        verdict = _carried_out(check, probe)
        yield Check.of(name, verdict)
        if name == "bucket" and verdict.outcome == "fail":
            if bucket.refuses(probe):
                yield Check.of("clock", bucket.check_clock(probe))
            return
    yield Check.of("clean-up", _clean_up(probe))


def greet(probe: Probe) -> Check:
    """The check of the store's clock, which costs one small request. Raises Unavailable, with the cure, unless the
    bucket lets us in: BucketRefuses where the store has said so, and not for the clock."""
    verdict = bucket.check_bucket(probe)
    refused = bucket.refuses(probe)
    if verdict.outcome == "fail" and not refused:
        raise Unavailable(f"{verdict.seen}. {verdict.cure}")
    clock = Check.of("clock", bucket.check_clock(probe))
    if refused and clock.outcome != "fail":
        raise BucketRefuses(f"{verdict.seen}. {verdict.cure}")
    return clock


@translated
def examine_at_start(probe: Probe) -> list[Check]:
    """The short form: what a service cannot be run without, with few racers. Raises Unavailable when the store does not
    answer, or does not decide a race."""
    with ThreadPoolExecutor(len(CONDITIONAL)) as pool:  # at once: SeaweedFS lets each race take a second or two
        races = [pool.submit(race, probe, conditions.RACERS_AT_START) for race in CONDITIONAL.values()]
        verdicts = [race.result() for race in races]
    raced = [Check.of(name, verdict) for name, verdict in zip(CONDITIONAL, verdicts, strict=True)]
    return [Check.of("versioning", bucket.check_versioning(probe)), *raced]


def _carried_out(check: Callable[[Probe], Verdict], probe: Probe) -> Verdict:
    try:
        return check(probe)
    except (*DRIVER_ERRORS, HTTPError, Unavailable) as exc:
        return failed(f"could not be checked: {_described(exc)}", UNCHECKED)


def _described(exc: Exception) -> str:
    """What went wrong, without the URL: a presigned one is not for logs."""
    if isinstance(exc, Unavailable):
        return exc.detail
    if isinstance(exc, ClientError):
        return f"{exc.operation_name} got {status_of(exc)} {exc.response['Error'].get('Code', '')}".rstrip()
    return type(exc).__name__


def _clean_up(probe: Probe) -> Verdict:
    if probe.remove():
        return passed("everything that was written is removed")
    return doubtful("some of what was written may be left in the bucket", "Remove what lies below meta/doctor/.")
