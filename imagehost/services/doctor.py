"""Whether bucket and Redis are what imagehost needs: the full examination, and the short one at each start."""

from collections.abc import Iterator

from imagehost.checks import Check
from imagehost.config import Config
from imagehost.errors import Unavailable
from imagehost.index import doctor as index_doctor
from imagehost.storage import doctor as storage_doctor
from imagehost.storage import doctor_cache
from imagehost.storage.doctor_probe import Probe
from imagehost.storage.object_keys import DOCTOR_CACHE


class UnfitStore(Exception):
    """The store must not be used: its conditional writes are not atomic. The text names it, and the cure."""


class SkewedClock(Exception):
    """This machine's clock and the store's are so far apart that what the one signs is refused by the other. The text
    says how far, and the cure."""


class Doctor:
    """Has clients of its own, and needs nothing to be right but the configuration. Methods raise ConfigError without
    credentials."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def examine(self) -> Iterator[Check]:
        """Every check, as it is done. The next start relies on what they say about the bucket."""
        yield from index_doctor.examine(self._config.redis_url.get_secret_value())
        with Probe(self._config) as probe:
            checks = []
            for check in storage_doctor.examine(probe):
                checks.append(check)
                yield check
            if checks[0].outcome == "fail":
                return
            try:
                if any(check.outcome == "fail" for check in checks):
                    doctor_cache.forget(probe)
                else:
                    doctor_cache.remember(probe)
            except Unavailable as exc:
                cure = f"Remove {DOCTOR_CACHE} from the bucket."
                yield Check("memory", "warn", f"the next start cannot be told of this: {exc.detail}", cure)

    def check_at_start(self) -> list[Check]:
        """What of the short form is not well, though imagehost may start. Asks the bucket again after seven days, or
        when anything about it has changed; the clock each time.

        Raises SkewedClock, UnfitStore when conditional writes race, Unavailable when the store does not answer,
        BucketRefuses when it does not let us in.
        """
        with Probe(self._config) as probe:
            checks = [storage_doctor.greet(probe)]
            _raise_if_skewed(probe, checks[0])
            if not doctor_cache.is_known_good(probe):
                found = storage_doctor.examine_at_start(probe)
                _raise_if_unfit(probe, found)
                if all(check.outcome != "fail" for check in found):
                    doctor_cache.remember(probe)
                checks += found
        return [check for check in checks if check.outcome != "ok"]


def _raise_if_skewed(probe: Probe, clock: Check) -> None:
    if clock.outcome == "fail":
        raise SkewedClock(
            f"The clock of the S3 server at {probe.endpoint} is {clock.seen}, so it would refuse what is signed here. "
            f"{clock.cure}"
        )


def _raise_if_unfit(probe: Probe, checks: list[Check]) -> None:
    for check in checks:
        if check.name in storage_doctor.CONDITIONAL and check.outcome == "fail":
            store = f"{probe.greeting.server} at {probe.endpoint}"
            raise UnfitStore(
                f"{store} cannot be used: {check.seen}, so uploads could be lost. {check.cure} `imagehost doctor` says "
                "more."
            )
