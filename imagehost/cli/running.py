"""The services as a command uses them."""

from collections.abc import Iterator
from contextlib import contextmanager

from imagehost.build import build_services
from imagehost.config import load_config, read_environment
from imagehost.embedded import settings
from imagehost.services.facade import Services


@contextmanager
def running_services() -> Iterator[Services]:
    """The services, on the parts that the environment names, or on the embedded stack that runs in the data
    directory."""
    services = build_services(load_config(settings(read_environment())))
    try:
        yield services
    finally:
        services.parts.close()
