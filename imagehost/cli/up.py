"""`imagehost up`: everything in one command. What the environment does not name (Redis, S3) is embedded."""

import sys
from importlib import import_module
from importlib.util import find_spec

import click

from imagehost import ROOT
from imagehost.cli.runtime import reported
from imagehost.config import ConfigError, load_config, read_environment
from imagehost.embedded import Command, Stack, StackError
from imagehost.embedded.directory import METRICS
from imagehost.embedded.stack import INTERRUPTED, STOPPED

FIRST_START = "imagehost.cli.first_start"
WEB_SERVERS = {
    "gunicorn": ("gunicorn", "--preload"),  # the app is loaded once, for both workers
    "granian": ("imagehost.web.granian",),
}
NO_GRANIAN = "IMAGEHOST_SERVER: granian is not installed: python -m pip install --require-hashes -r {0}"


@click.command()
@reported
def up() -> None:
    """Run the web server and the sweeper, and what of Redis and S3 is not configured."""
    environ = read_environment()
    try:
        sys.exit(_run(environ))
    except KeyboardInterrupt as exc:  # between two steps; within them the stack puts it into these words
        raise StackError(STOPPED, exit_code=INTERRUPTED) from exc


def _run(environ: dict[str, str]) -> int:
    with Stack(environ) as stack:
        click.echo("imagehost starts …")
        environment = stack.prepare()
        config = load_config(environment)
        if config.server == "granian" and find_spec("granian") is None:
            raise ConfigError([NO_GRANIAN.format(ROOT / "requirements-granian.txt")])
        environment.setdefault("PROMETHEUS_MULTIPROC_DIR", str(config.data_dir / METRICS))
        serve = (sys.executable, "-m", *WEB_SERVERS[config.server], "wsgi:app")
        web = Command("web", serve, environment, cwd=ROOT, restart=True)
        sweep = (sys.executable, "-m", "imagehost", "sweep", "--forever")
        sweeper = Command("sweeper", sweep, environment, cwd=ROOT, restart=True)

        def load() -> None:
            """What needs no server yet, while they start."""
            stack.load(web)
            import_module(FIRST_START)

        stack.start(config, meanwhile=load)
        first = import_module(FIRST_START)
        token = first.first_start(config, stack.embedded)
        return stack.serve(config, [web, sweeper], lambda: first.announce(config, token))
