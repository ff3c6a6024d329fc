"""An imagehost that never meets its S3: for what is measured inside this process."""

from collections.abc import Iterator
from contextlib import contextmanager

from imagehost.build import build_services
from imagehost.config import load_config
from imagehost.services.facade import Services

NOWHERE = "http://127.0.0.1:9"  # the port of `discard`; nothing is sent there
REDIS = "unix:///nowhere"


@contextmanager
def services(redis_url: str = REDIS) -> Iterator[Services]:
    """Everything but S3 works; Redis where one is named."""
    made = build_services(
        load_config(
            {
                "FLASK_SECRET": "b" * 32,
                "REDIS_URL": redis_url,
                "AWS_S3_BUCKET_NAME": "imagehost",
                "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
                "AWS_SECRET_ACCESS_KEY": "s" * 40,
                "S3_ENDPOINT_URL": NOWHERE,
                "S3_ADDRESSING": "path",
                "IMAGEHOST_PUBLIC_URL": NOWHERE,
            }
        )
    )
    try:
        yield made
    finally:
        made.parts.close()
