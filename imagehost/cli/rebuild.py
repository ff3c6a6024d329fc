"""`imagehost rebuild` and `imagehost dump`: the index, made from the bucket, and printed."""

import json
import os
import sys
from dataclasses import asdict

import click

from imagehost.cli.progress import progress
from imagehost.cli.running import running_services
from imagehost.cli.runtime import reported
from imagehost.services.rebuild import Rebuilt


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@reported
def rebuild(as_json: bool) -> None:
    """Make the index anew from the bucket where Redis has lost it.

    Shards that are whole are left alone. It may run beside the service, be ended at any time and be repeated. Ends
    with 1 when there were records that cannot be read; the index is whole without them."""
    with running_services() as services, progress("Rebuilding the index", silent=as_json) as advance:
        rebuilt = services.rebuild.run(advance)
    if as_json:
        click.echo(json.dumps(asdict(rebuilt), indent=2))
    else:
        _print(rebuilt)
    sys.exit(bool(rebuilt.unreadable))


@click.command()
@reported
def dump() -> None:
    """Print the index as canonical JSON lines: accounts with their API keys, lists and sums, and published images.

    Before and after a rebuild it is the same, byte for byte. It holds hashes of API tokens' secrets, and private
    images."""
    with running_services() as services:
        try:
            for line in services.dump.lines():
                sys.stdout.buffer.write(line.encode() + b"\n")
            sys.stdout.buffer.flush()
        except BrokenPipeError:  # whoever reads has had enough; what is still to be flushed goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print(rebuilt: Rebuilt) -> None:
    if not rebuilt.shards:
        click.echo("The index is whole: there is nothing to rebuild.")
        return
    found = f"{rebuilt.accounts} accounts, {rebuilt.images} images, {rebuilt.dead} deleted images"
    click.echo(f"The index is whole again: {found}")
    for unreadable in rebuilt.unreadable:
        click.echo(f"cannot be read, and is not in the index: {unreadable}", err=True)
