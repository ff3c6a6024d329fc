"""`imagehost up`: everything in one command. What the environment does not name (Redis, S3) is embedded."""

import sys
import time
from threading import Event

import click

from imagehost.app import ROOT, build_services
from imagehost.cli.runtime import reported
from imagehost.config import Config, load_config, read_environment
from imagehost.embedded import Command, Stack, StackError
from imagehost.errors import BucketLost, IndexRebuilding, Unavailable
from imagehost.services.bootstrap import TOKEN_FILE, Bootstrap

PATIENCE_S = 20.0
WIPED = (
    "Redis has lost its index, and the bucket is not empty: starting on it would hide the images. Restore the data of "
    "Redis (of the embedded one: the folder `redis` of the data directory) and start again. The images are safe in the "
    "bucket."
)
BUCKET_LOST = (
    "The bucket is empty, and the index in Redis is not: this is another bucket, or it has lost its objects (of the "
    "embedded S3 server: the folder `s3` of the data directory). Restore it, or name the right one, and start again."
)


@click.command()
@reported
def up() -> None:
    """Run the web server and the sweeper, and what of Redis and S3 is not configured."""
    environ = read_environment()
    click.echo("imagehost starts …")
    with Stack(environ) as stack:
        environment = stack.prepare()
        config = load_config(environment)
        stack.start(config)
        token = _first_start(config)
        commands = [
            Command("web", (sys.executable, "-m", "gunicorn", "wsgi:app"), environment, cwd=ROOT, restart=True),
            Command(
                "sweeper",
                (sys.executable, "-m", "imagehost", "sweep", "--forever"),
                environment,
                cwd=ROOT,
                restart=True,
            ),
        ]
        sys.exit(stack.serve(config, commands, lambda: _announce(config, token)))


def _first_start(config: Config) -> str | None:
    services = build_services(config)
    try:
        return _until_it_works(services.bootstrap, config)
    except OSError as exc:
        raise StackError(f"{config.data_dir / TOKEN_FILE} cannot be written: {exc.strerror}.") from exc
    finally:
        services.parts.close()


def _until_it_works(bootstrap: Bootstrap, config: Config) -> str | None:
    """For a while: an S3 server that answers already may yet be finding its volumes."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            bootstrap.begin_shards()
            return bootstrap.ensure_owner(config.data_dir)
        except IndexRebuilding as exc:
            raise StackError(WIPED) from exc
        except BucketLost as exc:
            raise StackError(BUCKET_LOST) from exc
        except Unavailable as exc:
            if time.monotonic() > deadline_s:
                raise StackError(f"Redis or S3 cannot be used: {exc.__cause__ or exc}") from exc
            Event().wait(0.2)


def _announce(config: Config, token: str | None) -> None:
    """The one line that says where the page is. The token stands in it once: a fragment is never sent to a server."""
    path = config.data_dir / TOKEN_FILE
    if token is not None:
        click.echo(f"imagehost runs: open {config.public_url}/#token={token}")
    else:
        where = f" (your API token is in {path})" if path.exists() else ""
        click.echo(f"imagehost runs: open {config.public_url}/{where}")
