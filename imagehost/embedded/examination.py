"""What is asked of index and bucket before they are used.

The drivers for it take most of a second to load, so `Stack` loads this module when the servers have been started.
"""

from collections.abc import Sequence

from imagehost.config import Config
from imagehost.embedded.failure import StackError
from imagehost.errors import ImagehostError
from imagehost.index import doctor as redis_doctor
from imagehost.index import server as redis_server
from imagehost.storage import bucket

# What an index cannot be without, of what `imagehost doctor` asks of Redis.
REDIS_MUST = ("redis", "redis-memory")


def is_redis_ready(config: Config) -> bool:
    """Whether it answers and has loaded its data. Never raises."""
    return redis_server.is_ready(config.redis_url.get_secret_value())


def check_redis(whose: str, config: Config) -> None:
    """Raises StackError when Redis does not answer, is too old for our scripts, or would forget parts of the index."""
    for check in redis_doctor.examine(config.redis_url.get_secret_value()):
        if check.outcome == "fail" and check.name in REDIS_MUST:
            raise StackError(f"{whose} cannot be used: {check.seen}. {check.cure}")


def is_bucket_ready(config: Config) -> bool:
    """Whether the S3 server lets no write wait any more. Never raises."""
    return bucket.answers_writes(config)


def open_bucket(config: Config, origins: Sequence[str]) -> None:
    """See that the embedded S3 server lets no stranger in, and make the bucket. Raises StackError."""
    try:
        if not bucket.refuses_strangers(config):
            raise StackError("The embedded S3 server answers unsigned requests, so it was stopped.")
        bucket.ensure_bucket(config, origins)
    except ImagehostError as exc:
        raise StackError(f"The embedded S3 server failed: {exc.__cause__ or exc}.") from exc
