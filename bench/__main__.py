"""`make bench`: measures everything, prints it and writes results.json. Exit code 0 also when a target is missed, 1
when something that was measured did not work."""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.status import Status

from bench import growth, load, pictures, report, signing, start, web
from bench.figures import Failed, Figure
from imagehost.embedded import StackError
from tests.stack import running_servers

SIZES, FULL_SIZES = (1_000, 100_000), (1_000, 100_000, 1_000_000)
PARTS = ("web", "signing", "pictures", "growth", "start")


@click.command()
@click.option("--full", is_flag=True, help="A million images in the index, and 2,000 uploads: minutes more.")
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="Measure this part; results.json is left alone.")
def main(full: bool, only: Sequence[str]) -> None:
    """What imagehost costs on this machine, as ratios to what else there is."""
    console = Console()
    console.print(f"Servers are loaded by {load.tool()}.")
    if load.tool() != "wrk":
        console.print("It takes CPU time from the servers: rates are lower than by wrk (install the package wrk).")
    try:
        with console.status("") as status, tempfile.TemporaryDirectory(prefix="bench-") as directory:
            figures = [f for part in only or PARTS for f in _measure(part, Path(directory), _teller(status), full)]
    except (Failed, StackError) as exc:
        console.print(f"bench failed: {exc}", markup=False)
        sys.exit(1)
    report.show(figures, console)
    if not only:
        report.write(figures)


def _measure(part: str, directory: Path, advance: Callable[[str], None], full: bool) -> list[Figure]:
    place = directory / part
    place.mkdir()
    match part:
        case "web":
            with running_servers(place / "data", **web.LIMITS) as stack:
                return web.measure(stack.environment, place, web.Size(), advance)
        case "signing":
            advance("signatures")
            return signing.measure()
        case "pictures":
            with running_servers(place / "data", **web.LIMITS) as stack:
                size = pictures.Size(uploads=2_000) if full else pictures.Size()
                return pictures.measure(stack.environment, place, size, advance)
        case "growth":
            return growth.measure(place, FULL_SIZES if full else SIZES, advance)
        case _:
            return start.measure(place, advance)


def _teller(status: Status) -> Callable[[str], None]:
    return lambda what: status.update(f"measuring {what} …")


if __name__ == "__main__":
    main()
