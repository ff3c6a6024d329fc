"""`imagehost doctor`: whether bucket and Redis are what imagehost needs, and what mends them."""

import json
import sys
from collections import Counter
from dataclasses import asdict

import click

from imagehost.checks import Check, Outcome
from imagehost.cli.runtime import reported
from imagehost.config import load_config, read_environment
from imagehost.embedded import settings
from imagehost.services.doctor import Doctor

COLOURS: dict[Outcome, str] = {"ok": "green", "warn": "yellow", "fail": "red"}
NAME_WIDTH = 20


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@reported
def doctor(as_json: bool) -> None:
    """Check bucket and Redis, beside a running service too. Ends with 1 when a check fails."""
    checks = []
    for check in Doctor(load_config(settings(read_environment()))).examine():
        checks.append(check)
        if not as_json:
            _print(check)
    counts = Counter(check.outcome for check in checks)
    outcome: Outcome = "fail" if counts["fail"] else "warn" if counts["warn"] else "ok"
    if as_json:
        click.echo(json.dumps({"outcome": outcome, "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        click.echo(f"{counts['ok']} ok, {counts['warn']} warnings, {counts['fail']} failures")
    sys.exit(outcome == "fail")


def _print(check: Check) -> None:
    """One line, and the cure below it. click leaves colours out where there is no terminal."""
    word = click.style(f"{check.outcome:<4}", fg=COLOURS[check.outcome], bold=check.outcome != "ok")
    click.echo(f"{word}  {check.name:<{NAME_WIDTH}}  {check.seen}")
    if check.cure:
        click.echo(f"{'':<6}{'':<{NAME_WIDTH}}  → {check.cure}")
