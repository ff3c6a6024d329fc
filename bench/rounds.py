"""Who is compared takes turns: one load after the other, round by round."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench import load, processes
from bench.figures import Figure, ratio
from bench.load import Load
from bench.servers import Web


@dataclass(frozen=True, slots=True)
class Shot:
    """One thing that is measured: a name, the server, and how that is loaded. `name` is an operation's, and, for a
    comparison, with the rival's behind a dot."""

    name: str
    web: Web
    fire: Callable[[Web], Load]


@dataclass(slots=True)
class Series:
    """What one shot did, round by round: requests a second, and CPU time of the server in µs a request."""

    rates: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    generator_us: list[float] = field(default_factory=list)


def repeated(name: str, web: Web, request: load.Request, seconds: float) -> Shot:
    """One request, over and over, once it was answered as it should be."""
    load.ask(web.port, request)
    return Shot(name, web, lambda on: load.repeat(on.port, request, seconds))


def take_turns(shots: Sequence[Shot], rounds: int, advance: Callable[[str], None]) -> dict[str, Series]:
    """Fire all shots in each round, each round beginning with another one. `advance` is told what is fired."""
    series = {shot.name: Series() for shot in shots}
    for number in range(rounds):
        first = number % len(shots)
        for shot in (*shots[first:], *shots[:first]):
            advance(shot.name)
            before_s = processes.cpu_s(shot.web.pid)
            done = shot.fire(shot.web)
            took_s = processes.cpu_s(shot.web.pid) - before_s
            one = series[shot.name]
            one.rates.append(done.requests / done.seconds)
            one.cpu_us.append(took_s / done.requests * 1e6)
            one.generator_us.append(done.cpu_s / done.requests * 1e6)
    return series


def to_figures(series: Mapping[str, Series], rivals: Mapping[str, Sequence[str]]) -> list[Figure]:
    """Each series' rate and CPU time; and for each operation the ratios to its rivals: of rates, and of CPU time."""
    figures = []
    for name, one in series.items():
        figures.append(Figure(f"{name}.rate", median(one.rates), "requests/s"))
        figures.append(Figure(f"{name}.cpu", median(one.cpu_us), "µs"))
    for name, others in rivals.items():
        for rival in others:
            short, ours, theirs = rival.rpartition(".")[2], series[name], series[rival]
            figures.append(Figure(f"{name}.rate_of_{short}", ratio(ours.rates, theirs.rates)))
            figures.append(Figure(f"{name}.cpu_of_{short}", ratio(ours.cpu_us, theirs.cpu_us)))
    return figures
