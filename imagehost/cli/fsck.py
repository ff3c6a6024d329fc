"""`imagehost fsck`: whether bucket and index agree, and the repair of what does not."""

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict

import click

from imagehost.cli.progress import progress
from imagehost.cli.running import running_services
from imagehost.cli.runtime import reported
from imagehost.ids import SHARDS
from imagehost.services.findings import Finding, Report

MARGIN_S = 30.0  # beyond the lease of somebody who repairs a shard, and may have died over it


def _shards(_context: click.Context, _option: click.Parameter, shards: tuple[str, ...]) -> list[str] | None:
    if unknown := [shard for shard in shards if shard not in SHARDS]:
        raise click.BadParameter(f"there is no shard {', '.join(unknown)}; an id begins with its shard")
    return list(dict.fromkeys(shards)) or None


@click.command()
@click.option("--repair", is_flag=True, help="Repair what can be repaired without losing anything.")
@click.option("--deep", is_flag=True, help="Read every original, and compare its sha256.")
@click.option(
    "--shard", "shards", multiple=True, metavar="XX", callback=_shards, help="Repeatable; all when not given."
)
@click.option(
    "--min-age-s",
    type=click.IntRange(min=0),
    default=86_400,
    show_default=True,
    help="Bytes that nothing names are left alone while they are younger: they may be those of an upload under way.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@reported
def fsck(repair: bool, deep: bool, shards: list[str] | None, min_age_s: int, as_json: bool) -> None:
    """Compare bucket and index, beside the running service, and report what does not agree.

    Without --repair nothing is written. Ends with 0 when nothing was found or all of it was repaired, with 1 when
    something is left."""
    with running_services() as services, progress("Checking", silent=as_json) as advance:

        def check(some: list[str] | None) -> Report:
            return services.fsck.check(some, repair=repair, deep=deep, min_age_s=min_age_s, progress=advance)

        report = check(shards)
        skipped = _check_skipped(check, report, time.monotonic() + services.config.lease_s + MARGIN_S)
    if as_json:
        click.echo(json.dumps(_to_json(report, skipped), indent=2))
    else:
        _print(report, skipped)
    sys.exit(bool(report.left or skipped))


def _check_skipped(check: Callable[[list[str] | None], Report], report: Report, until_s: float) -> list[str]:
    """Check once more what somebody else was repairing, or what has begun another epoch meanwhile; what is left of it
    when the time is over."""
    skipped = report.busy + report.moved
    while skipped and time.monotonic() < until_s:
        threading.Event().wait(1)
        again = check(skipped)
        report.absorb(again)
        skipped = again.busy + again.moved
    return skipped


def _to_json(report: Report, skipped: list[str]) -> dict[str, object]:
    return {
        "clean": report.clean and not skipped,
        "findings": [asdict(finding) for finding in report.findings],
        "counts": asdict(report.counts),
        "skipped": skipped,
    }


def _print(report: Report, skipped: list[str]) -> None:
    """A line for each finding, then what to do about those that are left, then a summary."""
    for finding in report.findings:
        click.echo(_line(finding))
    for code, cure in dict.fromkeys((finding.code, finding.cure) for finding in report.left if finding.cure):
        click.echo(f"{code} → {cure}")
    for shard in skipped:
        click.echo(f"{shard} was not checked: somebody else is repairing it", err=True)
    counts, found, left = report.counts, len(report.findings), len(report.left)
    outcome = "clean" if not found else f"{found:,} findings, {found - left:,} of them repaired"
    objects = f"{counts.objects:,} objects of {counts.size_bytes:,} bytes"
    click.echo(f"{counts.images:,} images, {counts.accounts:,} accounts, {objects}: {outcome}")


def _line(finding: Finding) -> str:
    """Names in a bucket may hold anything; only what can be printed goes to a terminal."""
    subject, detail = (text.encode("unicode_escape").decode("ascii") for text in (finding.subject, finding.detail))
    return f"{finding.code} {subject}: {detail}{' [repaired]' if finding.repaired else ''}"
