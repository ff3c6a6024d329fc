"""One stack on which everything ends after a second or two, and processes that do one thing there: see driver.py."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing import connection, forkserver
from pathlib import Path
from typing import Any

import pytest
import redis

from imagehost.build import build_services
from imagehost.config import load_config
from imagehost.ids import SHARDS
from imagehost.index import keyspace
from imagehost.models import Details
from imagehost.services.facade import Services
from imagehost.services.fsck import Fsck
from imagehost.storage import object_keys
from tests.consistency import World, find_faults, read_world
from tests.faults import driver
from tests.images import corner, encode
from tests.stack import embedded_stack

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "IMAGEHOST_DEV": "1",
    "IMAGEHOST_UPLOAD_URL_S": "2",
    "IMAGEHOST_UPLOAD_GRACE_S": "2",
    "IMAGEHOST_LEASE_S": "1",
    "IMAGEHOST_SWEEP_S": "1",
    "IMAGEHOST_GATES": "8",
}
WITHIN_S = 30.0
PICTURE = encode(corner(), "image/png")

_forking = multiprocessing.get_context("forkserver")
_starting = threading.Lock()  # multiprocessing looks after all children at each start, and may not do so twice at once


def eventually(true: Callable[[], bool], what: str) -> None:
    """Poll until `true`; fails, naming `what`, when that does not come."""
    deadline_s, pause = time.monotonic() + WITHIN_S, threading.Event()
    while not true():
        assert time.monotonic() < deadline_s, f"not within {WITHIN_S} s: {what}"
        pause.wait(0.02)


class Process:
    """One operation in a process of its own; it runs from the start."""

    def __init__(self, points: tuple[str, ...], operation: str, arguments: tuple[Any, ...]) -> None:
        self._answers, theirs = _forking.Pipe(duplex=False)
        self._process = _forking.Process(
            target=driver.perform, args=(points, operation, arguments, theirs), name=f"{operation} {points}"
        )
        with _starting:
            self._process.start()
        theirs.close()

    def wait_for_end(self) -> int:
        """Its exit code once it has ended; -9 for SIGKILL."""
        assert connection.wait([self._process.sentinel], WITHIN_S), f"{self._process.name} does not end"
        with _starting:
            exit_code = self._process.exitcode
        assert exit_code is not None
        return exit_code

    def answer(self) -> driver.Answer:
        """What it answered, once it has ended in order."""
        exit_code = self.wait_for_end()
        assert exit_code == 0, f"{self._process.name} ended with {exit_code}"
        answer: driver.Answer = self._answers.recv()
        return answer

    def wait_for_stop(self) -> None:
        """Return once it stands still (state T in /proc/…/stat, proc(5))."""
        stat = Path(f"/proc/{self._process.pid}/stat")
        eventually(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", f"{self._process.name} stops")

    def go_on(self) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def end(self) -> None:
        """Whatever it does, that was all."""
        self._process.kill()
        self._process.join()
        self._answers.close()


@dataclass(frozen=True)
class Stage:
    """The stack, services in this process to prepare and to look with, and a start of other processes."""

    environ: Mapping[str, str]
    services: Services
    index: Any

    @contextlib.contextmanager
    def process(self, operation: str, *arguments: Any, points: tuple[str, ...] = ()) -> Iterator[Process]:
        """Performs it now; is killed at the end, if it is still there."""
        started = Process(points, operation, arguments)
        try:
            yield started
        finally:
            started.end()

    def perform(self, operation: str, *arguments: Any) -> driver.Answer:
        """What a fresh process answers."""
        with self.process(operation, *arguments) as process:
            return process.answer()

    def kill(self, point: str, operation: str, *arguments: Any) -> int:
        """The exit code of a process that is to be killed at this point."""
        with self.process(operation, *arguments, points=(f"{point}:kill",)) as process:
            return process.wait_for_end()

    def new_uid(self) -> str:
        return self.services.accounts.create().uid

    def stage(self, uid: str, data: bytes = PICTURE, size_bytes: int | None = None) -> str:
        """A requested upload whose bytes have arrived; the URL plays no part, so that it cannot end meanwhile."""
        details = Details(filename="picture.png", mime="image/png")
        iid = self.services.uploads.request(uid, details, size_bytes=size_bytes or len(data), sha256=None).iid
        parts = self.services.parts
        staging = object_keys.incoming(uid, iid, details.filename, details.mime)
        parts.objects._s3.put_object(Bucket=parts.config.bucket, Key=staging, Body=data)
        return iid

    def publish(self, uid: str) -> str:
        """A published image."""
        iid = self.stage(uid)
        assert self.services.completion.complete(uid, iid).created
        return iid

    def images_of(self, uid: str) -> dict[str, dict[str, str]]:
        """The hashes of a user's images, by iid; nobody else in the shard is looked for."""
        names = self.index.scan_iter(match=f"img:{{{uid[:2]}}}*", count=5000)
        found = {keyspace.parse(name)[1]: self.index.hgetall(name) for name in names}
        return {iid: h for iid, h in found.items() if h["owner_uid"] == uid}

    def settle(self) -> None:
        """Let all times run out and sweep, until nothing is due any more, now or later."""

        def nothing_due() -> bool:
            self.services.sweeper.sweep()
            return next(self.index.scan_iter(match="due:*", count=5000), None) is None

        eventually(nothing_due, "everything is swept")

    def repair(self) -> None:
        """What the daily check does, with everything old enough for it, and nobody under way to wait for; a second one
        finds nothing."""
        fsck = Fsck(self.services.parts, patience_s=0)
        world = self.look()
        shards = {SHARDS[0], *(uid[:2] for uid in world.users | world.accounts)}
        fsck.check(shards, repair=True, min_age_s=0)
        report = fsck.check(shards, min_age_s=0)
        assert report.clean, report.findings

    def look(self) -> World:
        """Everything there is."""
        return read_world(self.environ)


def findings_about(world: World, uid: str) -> list[str]:
    """The letter of each finding in what there is of one user."""
    records = {iid: record for iid, record in world.records.items() if record["uid"] == uid}
    images = {iid: h for iid, h in world.images.items() if h["owner_uid"] == uid}
    theirs = World(
        objects={object_key: size for object_key, size in world.objects.items() if f"/{uid}/" in object_key},
        records=records,
        accounts={one: account for one, account in world.accounts.items() if one == uid},
        claims={name: claim for name, claim in world.claims.items() if claim["uid"] == uid},
        images=images,
        users={one: h for one, h in world.users.items() if one == uid},
        lists={one: listed for one, listed in world.lists.items() if one == uid},
        due={member: at for member, at in world.due.items() if member.rsplit(":", 1)[1] in records | images},
    )
    return [finding.split()[0] for finding in find_faults(theirs)]


def fate(world: World, iid: str) -> str:
    """How an image stands, by its record: `absent`, `ready` and its rev, or `dead` and why."""
    record = world.records.get(iid)
    if record is None:
        return "absent"
    return f"ready {record['rev']}" if record["state"] == "ready" else f"dead {record['reason']}"


_STAGE = pytest.StashKey[Stage]()


@pytest.fixture(scope="session")
def stage(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """One for all modules that import this: to pytest every import is another fixture, and there is one fork server."""
    if _STAGE not in pytestconfig.stash:
        opened = contextlib.ExitStack()
        pytestconfig.add_cleanup(opened.close)
        pytestconfig.stash[_STAGE] = opened.enter_context(_open(tmp_path_factory.mktemp("stage")))
    return pytestconfig.stash[_STAGE]


@contextlib.contextmanager
def _open(directory: Path) -> Iterator[Stage]:
    work = directory / "work"
    work.mkdir()
    with embedded_stack(directory / "data", **SETTINGS) as environ:
        _start_fork_server(environ | {"TMPDIR": str(work), "PYTHONPATH": str(ROOT)})
        services = build_services(load_config(environ))
        services.parts.shards.begin(SHARDS)
        with redis.Redis.from_url(environ["REDIS_URL"], decode_responses=True) as index:
            yield Stage(environ, services, index)
        services.parts.close()


def _start_fork_server(environ: Mapping[str, str]) -> None:
    _forking.set_forkserver_preload(["tests.faults.driven"])
    with pytest.MonkeyPatch.context() as patched:
        for name, value in environ.items():
            patched.setenv(name, value)
        forkserver.ensure_running()
