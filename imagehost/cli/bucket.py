"""`imagehost bucket`: a bucket set up as imagehost needs it, in a store of one's own."""

import click

from imagehost.cli.runtime import fail, reported
from imagehost.config import load_config, read_environment
from imagehost.errors import Unavailable
from imagehost.storage.bucket import ensure_bucket


@click.command()
@reported
def bucket() -> None:
    """Make the configured bucket unless it is there, with CORS for the page and a lifecycle for abandoned uploads.

    Needs an identity that may do that, which web server and sweeper should not have. Replaces the bucket's CORS and
    lifecycle rules; may be repeated. The embedded S3 server's bucket needs no such command.
    """
    config = load_config(read_environment())
    try:
        ensure_bucket(config, [config.public_url])
    except Unavailable as exc:
        fail(f"The bucket {config.bucket} cannot be set up: {exc.__cause__ or exc}", 1)
    click.echo(f"The bucket {config.bucket} is set up for uploads from {config.public_url}.")
