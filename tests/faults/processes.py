"""Several processes on one Redis and one bucket, played by the services of each."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from itertools import count

from imagehost.build import build_services
from imagehost.config import load_config
from imagehost.ids import SHARDS
from imagehost.services.facade import Services
from imagehost.storage.bucket import ensure_bucket

Connect = Callable[[], Services]
_buckets = count()


def own_bucket(environ: Mapping[str, str], **settings: str) -> dict[str, str]:
    """These settings, with a bucket that nobody else uses."""
    return {**environ, **settings, "AWS_S3_BUCKET_NAME": f"processes-{next(_buckets)}"}


@contextlib.contextmanager
def processes(environ: Mapping[str, str]) -> Iterator[Connect]:
    """Makes the services of one more process, each time it is called. The bucket is made, and its index whole."""
    config = load_config(environ)
    ensure_bucket(config, ["http://127.0.0.1"])
    made: list[Services] = []

    def connect() -> Services:
        made.append(build_services(config))
        return made[-1]

    connect().parts.shards.begin(SHARDS)
    yield connect
    for services in made:
        services.parts.close()
