"""The command line: one file a group of commands, all reading the same configuration as the server."""

import signal
from importlib import import_module

import click

from imagehost import __version__

# The module of each command below this package. Only the one that is called is loaded: most load the drivers of bucket
# and index, and `up` starts the servers before it does.
COMMANDS = {
    "up": "up",
    "sweep": "sweep",
    "fsck": "fsck",
    "rebuild": "rebuild",
    "dump": "rebuild",
    "doctor": "doctor",
    "bucket": "bucket",
    "keys": "accounts",
    "users": "accounts",
}


class Commands(click.Group):
    """A group that loads a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; None when there is none."""
        if (module := COMMANDS.get(cmd_name)) is None:
            return None
        command: click.Command = getattr(import_module(f"{__name__}.{module}"), cmd_name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="imagehost")
def main() -> None:
    """A self-hosted image host: uploads go straight to S3, and nothing acknowledged is ever lost."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the command is loaded, and begins (see __main__.py)
