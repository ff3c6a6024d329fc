"""Figures and what is asked of them. The targets stand here and nowhere else."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should be."""

    kind: Literal["at least", "at most"]
    limit: float

    def is_met(self, value: float) -> bool:
        return value >= self.limit if self.kind == "at least" else value <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.kind == 'at least' else '≤'} {self.limit:g}"


TARGETS = {
    "request.rate_of_flask": Target("at least", 0.35),
    "view.rate_of_flask": Target("at least", 0.40),
    "list.rate_of_boto3": Target("at least", 5),
    "request.rate_of_companion": Target("at least", 1.5),
    "signing.get_cheaper": Target("at least", 20),
    "signing.put_cheaper": Target("at least", 20),
    "index.page_100k_of_1k": Target("at most", 1.5),
    "index.page_1m_of_1k": Target("at most", 1.5),
    "index.bytes": Target("at most", 600),
    "photo.complete_of_bare": Target("at most", 1.5),
    "photo.memory_growth": Target("at most", 64),
    "thumb.speed_of_vips": Target("at least", 0.9),
    "start.first_answer": Target("at most", 3),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number; `×` is the unit of a ratio."""

    name: str
    value: float
    unit: str = "×"

    @property
    def target(self) -> Target | None:
        return TARGETS.get(self.name)

    @property
    def met(self) -> bool | None:
        """None where nothing is asked of it."""
        return self.target.is_met(self.value) if self.target else None


class Failed(Exception):
    """Something that was measured did not work, so there is nothing to report."""


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median over the rounds of ours ÷ theirs: what slows the machine for a round slows both."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
