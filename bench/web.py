"""The web server: requests a second and CPU time a request, beside the least that Flask and WSGI can do."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import load, peers, rounds, servers
from bench.caller import OPERATIONS, Caller
from bench.figures import Figure
from bench.load import Load, Request
from bench.rounds import Shot
from bench.servers import Web
from imagehost.build import build_services
from imagehost.config import load_config

HELLO = Request("GET", "/")
AT_ONCE = 4  # completes
# The bench asks for more than a user would.
LIMITS = {f"IMAGEHOST_{name}": str(10**12) for name in ("MAX_PENDING", "QUOTA_IMAGES", "QUOTA_BYTES")}


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured. `images` are completed, and as many of them listed as `listed` says."""

    rounds: int = 7
    seconds: float = 1.0
    complete_rounds: int = 3
    images: int = 75
    listed: int = 50
    operations: Sequence[str] = OPERATIONS
    peers: bool = True


def measure(
    environment: Mapping[str, str], directory: Path, size: Size, advance: Callable[[str], None]
) -> list[Figure]:
    """On a running Redis and S3 that `environment` names. Raises Failed when any answer is an error."""
    with ExitStack() as stack:
        services = build_services(load_config(environment))
        stack.callback(services.parts.close)
        caller = Caller(services)
        ours = stack.enter_context(servers.gunicorn("wsgi:app", "imagehost", directory, environment))
        flask = stack.enter_context(servers.gunicorn("bench.hello:flask_hello", "flask", directory, environment))
        hello = rounds.repeated("flask", flask, HELLO, size.seconds)
        figures = _complete(ours, hello, caller, size, advance)
        shots = [hello, *_wsgi(stack, directory, environment, size)]
        rivals = {name: ["flask", "wsgi"] for name in size.operations}
        shots += [
            rounds.repeated(name, ours, caller.operation(name, size.listed), size.seconds) for name in size.operations
        ]
        others = [*_boto3(stack, directory, environment, size, caller)]
        if size.peers:
            others += peers.shots(stack, directory, environment, size, caller)
        for shot in others:
            rivals[shot.name.partition(".")[0]].append(shot.name)
        figures += rounds.to_figures(rounds.take_turns([*shots, *others], size.rounds, advance), rivals)
    return figures


def _complete(ours: Web, hello: Shot, caller: Caller, size: Size, advance: Callable[[str], None]) -> list[Figure]:
    """Publishes the images that everything else is asked about."""
    each = size.images // size.complete_rounds

    def fire(web: Web) -> Load:
        return load.send_all(web.port, [caller.upload() for _ in range(each)], AT_ONCE)

    series = rounds.take_turns([Shot("complete", ours, fire), hello], size.complete_rounds, advance)
    return [f for f in rounds.to_figures(series, {"complete": ["flask"]}) if f.name.startswith("complete.")]


def _wsgi(stack: ExitStack, directory: Path, environment: Mapping[str, str], size: Size) -> list[Shot]:
    web = stack.enter_context(servers.gunicorn("bench.hello:wsgi_hello", "wsgi", directory, environment))
    return [rounds.repeated("wsgi", web, HELLO, size.seconds)]


def _boto3(stack: ExitStack, directory: Path, environment: Mapping[str, str], size: Size, caller: Caller) -> list[Shot]:
    """The list again, signed by boto3."""
    if "list" not in size.operations:
        return []
    web = stack.enter_context(servers.gunicorn("bench.boto3_signed:make()", "boto3", directory, environment))
    return [rounds.repeated("list.boto3", web, caller.operation("list", size.listed), size.seconds)]
