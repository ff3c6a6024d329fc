"""What `imagehost up` does when its servers answer: a look at bucket and index, and the owner's account.

`up` loads this, and with it the drivers of both, while those start.
"""

import time
from threading import Event

import click

from imagehost.build import build_services
from imagehost.cli.progress import progress
from imagehost.cli.runtime import MISCONFIGURED
from imagehost.config import Config
from imagehost.embedded import StackError
from imagehost.errors import BucketLost, BucketRefuses, NameTaken, Unavailable
from imagehost.services.bootstrap import TOKEN_FILE
from imagehost.services.doctor import Doctor, SkewedClock, UnfitStore
from imagehost.services.facade import Services

PATIENCE_S = 20.0
WIPED = (
    "Redis has no index of this bucket: it is made anew from the records in the bucket. Until it is whole, images are "
    "shown, and lists and changes have to wait."
)
BUCKET_LOST = (
    "The bucket is empty, and the index in Redis is not: this is another bucket, or it has lost its objects (of the "
    "embedded S3 server: the folder `s3` of the data directory). Restore it, or name the right one, and start again."
)
OWNER_LOST = (
    "The name of the account owner is taken, and its record is not in the bucket: the bucket has lost objects (of the "
    "embedded S3 server: the folder `s3` of the data directory). Restore it and start again."
)
# SeaweedFS keeps a hundredth of the disk free.
DAMAGED = (
    " The logs are in {0}/log. The embedded S3 server writes nothing while less than 1 % of its disk is free: make "
    "room; if files in {0}/s3 were damaged or removed, restore that folder from a copy."
)


def first_start(config: Config, embedded: frozenset[str]) -> str | None:
    services = build_services(config)
    hint = DAMAGED.format(config.data_dir) if "s3" in embedded else ""
    try:
        return _until_it_works(services, config)
    except OSError as exc:
        raise StackError(f"{config.data_dir / TOKEN_FILE} cannot be written: {exc.strerror}.") from exc
    except BucketLost as exc:
        raise StackError(BUCKET_LOST) from exc
    except NameTaken as exc:
        raise StackError(OWNER_LOST) from exc
    except SkewedClock as exc:
        raise StackError(str(exc), exit_code=MISCONFIGURED) from exc
    except UnfitStore as exc:
        raise StackError(f"{exc}{hint}") from exc
    except Unavailable as exc:
        cause = f" ({exc.__cause__})" if exc.__cause__ else ""
        raise StackError(f"Redis or S3 cannot be used: {exc.detail.rstrip('.')}{cause}.{hint}") from exc
    finally:
        services.parts.close()


def _until_it_works(services: Services, config: Config) -> str | None:
    """Tried for a while: an S3 server that answers already may yet be finding its volumes."""
    deadline_s, checked = time.monotonic() + PATIENCE_S, False
    while True:
        try:
            if not checked:  # once: what it says is said once, though Redis may still be starting
                _check_store(config)
                checked = True
            return _prepare(services, config)
        except (BucketLost, BucketRefuses):
            raise
        except Unavailable:
            if time.monotonic() > deadline_s:
                raise
            Event().wait(0.2)


def _check_store(config: Config) -> None:
    """Refuses a store that cannot keep the promises, or is of another time; what is only unwise is said. Cheap when it
    was well this week."""
    for check in Doctor(config).check_at_start():
        click.echo(f"{check.outcome}: {check.name}: {check.seen}. {check.cure}", err=True)


def _prepare(services: Services, config: Config) -> str | None:
    """The token of `owner` when it was made just now.

    Where Redis has lost the index, whose Redis it may be, the sweeper makes it anew while the page is served: all of it
    comes from the bucket, so there is nothing to be asked. Only when the owner has no token that works, as in a new
    data directory over a full bucket, the index comes first, because issuing one takes it."""
    if not services.bootstrap.begin_shards():
        has_token = services.bootstrap.has_token(config.data_dir)
        click.echo(WIPED)
        if has_token:
            return None
        with progress("Rebuilding the index") as advance:
            services.rebuild.run(advance)
    return services.bootstrap.ensure_owner(config.data_dir)


def announce(config: Config, token: str | None) -> None:
    """The one line that says where the page is. The token stands in it once: a fragment is never sent to a server."""
    path = config.data_dir / TOKEN_FILE
    if token is not None:
        click.echo(f"imagehost runs: open {config.public_url}/#token={token}")
    else:
        where = f" (your API token is in {path})" if path.exists() else ""
        click.echo(f"imagehost runs: open {config.public_url}/{where}")
