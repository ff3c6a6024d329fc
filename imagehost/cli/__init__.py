"""The command line: one file a group of commands, all reading the same configuration as the server."""

import click

from imagehost import __version__
from imagehost.cli.accounts import keys, users
from imagehost.cli.bucket import bucket
from imagehost.cli.doctor import doctor
from imagehost.cli.fsck import fsck
from imagehost.cli.rebuild import dump, rebuild
from imagehost.cli.sweep import sweep
from imagehost.cli.up import up


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="imagehost")
def main() -> None:
    """A self-hosted image host: uploads go straight to S3, and nothing acknowledged is ever lost."""


for command in (up, sweep, fsck, rebuild, dump, doctor, bucket, keys, users):
    main.add_command(command)
