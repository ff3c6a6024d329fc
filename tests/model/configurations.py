"""Which processes run beside each other, and what may go wrong meanwhile: each name one exploration."""

from collections.abc import Iterable
from dataclasses import dataclass

from tests.model import changing, checking, completing, sweeping
from tests.model.explore import Explorer
from tests.model.invariants import LAWS
from tests.model.world import EMPTY, Run, World

KINDS = {
    "Q": completing.request,  # once more, after a lost reply
    "C": completing.find,  # complete
    "T": completing.find,  # complete of an upload with image_expires_in_s
    "D": changing.delete,  # delete, or cancel
    "E": changing.edit,
    "X": changing.edit,  # an edit that takes the timer off
    "Y": changing.edit,  # an edit that sets a timer
    "S": sweeping.sweep,
    "F": checking.check,  # fsck
    "N": checking.recount,
    "R": checking.view,
    "V": checking.derive,
    "B": checking.rebuild,
}


@dataclass(frozen=True, slots=True)
class Configuration:
    """`runs`: a letter of KINDS for each process. How many PUTs may be delayed, failovers and wipes may happen."""

    runs: str
    flights: int = 1
    failovers: int = 0
    early: bool = False  # a failover may go back to before the request
    wipes: int = 0
    patient: bool = False  # the sweeper takes no intent before its operation is dead

    @property
    def rests_by_sweep(self) -> bool:
        """Whether one sweep is enough to clean up after everybody has died. Not where a process from before a failover
        or a wipe may commit after the check or rebuild has passed by, nor where the sweeper's patience may end before
        an edit or delete does: there the next check does it, and nobody was told of anything."""
        hasty = "S" in self.runs and not self.patient and not set(self.runs).isdisjoint("DEXY")
        return not (hasty or self.failovers or self.wipes)

    @property
    def name(self) -> str:
        extras = [
            ("delay", self.flights),
            ("early failover" if self.early else "failover", self.failovers),
            ("wipe", self.wipes),
        ]
        return "+".join([self.runs, *(name if n == 1 else f"{n} {name}s" for name, n in extras if n)]) + (
            " (patient)" if self.patient else ""
        )


def start(configuration: Configuration) -> World:
    """After the request, which everything else waits for."""
    nothing = World(
        None,
        frozenset(),
        EMPTY,
        flights=configuration.flights,
        failovers=configuration.failovers,
        early=configuration.early,
        wipes=configuration.wipes,
        patient=configuration.patient,
    )
    (requested,) = completing.request(Run("Q1", completing.request), nothing)
    return requested.world


def runs(names: Iterable[str]) -> list[Run]:
    """C1, C2, D1 … for CCD."""
    count: dict[str, int] = {}
    made = []
    for kind in names:
        count[kind] = count.get(kind, 0) + 1
        made.append(Run(f"{kind}{count[kind]}", KINDS[kind]))
    return made


def explore(configuration: Configuration, *, until: str | None = None) -> Explorer[World]:
    """Everything that can happen in it; or until the first violation whose name begins so."""
    explorer = Explorer(LAWS)
    explorer.explore(start(configuration), runs(configuration.runs), until=until)
    return explorer


SHORT = (
    Configuration("CC"),
    Configuration("CD"),
    Configuration("CE"),
    Configuration("CED"),
    Configuration("CEE"),
    Configuration("CCE"),
    Configuration("CDV"),
    Configuration("CDQ"),
    Configuration("CDN"),
    Configuration("CCD", flights=0),
    Configuration("CQS"),
    Configuration("CSS"),
    Configuration("CFF"),
    Configuration("CDF"),
    Configuration("CSF"),
    Configuration("CDS", patient=True),
    Configuration("CES", patient=True),
    Configuration("TSX", patient=True),
    Configuration("TSY", patient=True),
    Configuration("TSD", patient=True, flights=0),
    Configuration("TSSX", patient=True, flights=0),
    Configuration("TSXY", patient=True, flights=0),
    Configuration("CES"),
    Configuration("CDS", flights=0),
    Configuration("TSXY", flights=0),
    Configuration("CC", flights=0, failovers=1),
    Configuration("CE", failovers=1, early=True),
    Configuration("CD", flights=0, failovers=1, early=True),
    Configuration("CF", failovers=1, early=True),
    Configuration("CER", flights=0, failovers=1, early=True),
    Configuration("CDR", flights=0, failovers=1),
    Configuration("CDF", flights=0, failovers=1),
    Configuration("CFF", flights=0, failovers=1, early=True),
    Configuration("CES", flights=0, failovers=1),
    Configuration("TSX", flights=0, failovers=1),
    Configuration("CB", wipes=2),
    Configuration("CBB", wipes=2),
    Configuration("CEB", flights=0, wipes=2),
    Configuration("CBF", wipes=1),
    Configuration("CBR", flights=0, wipes=2),
    Configuration("TSXB", flights=0, wipes=1),
    Configuration("CBB", flights=0, failovers=1, wipes=1),
    Configuration("CB", failovers=1, early=True, wipes=1),
)
LONG = (
    *SHORT,
    Configuration("CCD"),
    Configuration("CDD"),
    Configuration("CDVV", flights=0),
    Configuration("CCDS"),
    Configuration("CCS"),
    Configuration("CCF"),
    Configuration("CCSF", flights=0),
    Configuration("CEDS"),
    Configuration("CEDS", patient=True, flights=0),
    Configuration("CDSS", patient=True, flights=0),
    Configuration("CDS"),
    Configuration("TDS"),
    Configuration("TSD", patient=True),
    Configuration("CDQS", patient=True),
    Configuration("TSSX", patient=True),
    Configuration("CC", failovers=1, early=True),
    Configuration("CD", failovers=1, early=True),
    Configuration("CCD", flights=0, failovers=1),
    Configuration("CCF", failovers=1, early=True),
    Configuration("CCE", failovers=1),
    Configuration("CED", flights=0, failovers=1),
    Configuration("CEE", flights=0, failovers=1, early=True),
    Configuration("CES", failovers=1),
    Configuration("CDS", flights=0, failovers=1),
    Configuration("CCS", flights=0, failovers=1),
    Configuration("CSS", failovers=1),
    Configuration("CSF", failovers=1, early=True),
    Configuration("CDF", failovers=1),
    Configuration("CDFF", flights=0, failovers=1),
    Configuration("CDV", flights=0, failovers=1),
    Configuration("CEF", failovers=1, early=True),
    Configuration("TSXY", flights=0, failovers=1),
    Configuration("TSYR", flights=0, failovers=1),
    Configuration("CCB", wipes=1),
    Configuration("CDB", wipes=2),
    Configuration("CEDB", flights=0, wipes=1),
    Configuration("CSB", wipes=1),
    Configuration("CDSB", flights=0, wipes=1),
    Configuration("CDBB", flights=0, wipes=2),
    Configuration("CDB", flights=0, failovers=1, wipes=1),
    Configuration("CEBR", flights=0, wipes=1),
    Configuration("CBF", failovers=1, early=True, wipes=1),
    Configuration("CBBF", flights=0, failovers=1, wipes=1),
    Configuration("CER", failovers=2, early=True),
    Configuration("CDF", flights=0, failovers=2),
    Configuration("CB", failovers=2, early=True, wipes=2),
)
