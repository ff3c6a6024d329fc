"""One configuration, explored and judged: what breaks on the way, and what is left at the end."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.model.configurations import Configuration, explore
from tests.model.explore import Trace
from tests.model.rest import come_to_rest

BY_SWEEP, BY_CHECK = "after a sweep: ", "after a sweep and a check: "


@dataclass(frozen=True, slots=True)
class Judgement:
    """`findings`: what is wrong, and the shortest way there."""

    configuration: Configuration
    states: int
    seconds: float
    findings: dict[str, Trace]


def judge(configuration: Configuration) -> Judgement:
    """Everything that can happen in it, to the end of every history."""
    began_s = time.monotonic()
    explored = explore(configuration)
    findings = dict(explored.violations)
    for what, (_, trace) in come_to_rest(explored, check=True).left.items():
        findings.setdefault(BY_CHECK + what, trace)
    if configuration.rests_by_sweep:
        for what, (_, trace) in come_to_rest(explored, check=False).left.items():
            findings.setdefault(BY_SWEEP + what, trace)
    return Judgement(configuration, len(explored.states), time.monotonic() - began_s, findings)


def describe(findings: dict[str, Trace]) -> Iterator[str]:
    """Each finding, and the steps that lead to it."""
    for what, trace in findings.items():
        yield what
        yield from (f"    {step}" for step in trace)
