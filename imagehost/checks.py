"""What an examination by `imagehost doctor` says: of the bucket, of Redis, and of the way to both."""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["ok", "warn", "fail"]

# A clock that is further off than this is worth a word, and further off than that breaks presigned URLs and leases.
SKEW_WARN_S = 30.0
SKEW_FAIL_S = 300.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one check ended: what was seen, and in one sentence what mends it (empty when all is well)."""

    outcome: Outcome
    seen: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """A verdict and the name of its check, which is kebab-case and stays the same between versions."""

    name: str
    outcome: Outcome
    seen: str
    cure: str = ""

    @classmethod
    def of(cls, name: str, verdict: Verdict) -> "Check":
        return cls(name, verdict.outcome, verdict.seen, verdict.cure)


def passed(seen: str) -> Verdict:
    return Verdict("ok", seen)


def doubtful(seen: str, cure: str) -> Verdict:
    return Verdict("warn", seen, cure)


def failed(seen: str, cure: str) -> Verdict:
    return Verdict("fail", seen, cure)


def judge_skew(whose: str, ahead_s: float) -> Verdict:
    """The verdict on a clock that is `ahead_s` seconds before (or, negative, behind) this machine's."""
    if abs(ahead_s) <= SKEW_WARN_S:
        return passed("the same as this machine's")
    seen = f"{abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} this machine's"
    cure = f"Set the clocks of this machine and of {whose} by NTP."
    return failed(seen, cure) if abs(ahead_s) > SKEW_FAIL_S else doubtful(seen, cure)
