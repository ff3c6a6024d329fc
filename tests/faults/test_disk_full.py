"""No room in the temporary directory: complete answers 503, leaves nothing, and works once there is room again.

A file system that is really full needs a mount and so the right to make one. What a process sees of it, a write that
fails with an OSError, a limit on the size of its files does to any user's processes, while they run (prlimit(2)).
"""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.client import Client
from tests.e2e.server import eventually
from tests.faults.server import FaultedServer, assert_served, assert_unavailable
from tests.images import corner, encode
from tests.processes import below

# More than logs and metrics of a short session, and less than the image.
ROOM_BYTES = 2**20
LARGE = encode(corner(1000, 700), "image/png", compress_level=0)
SMALL = encode(corner(), "image/png")


@contextmanager
def without_room(pids: set[int]) -> Iterator[None]:
    """None of these processes, nor any that they start, writes beyond ROOM_BYTES of a file."""
    before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (ROOM_BYTES, hard))
    try:
        yield
    finally:
        for pid, limits in before.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@contextmanager
def without_room_for_good(pids: set[int]) -> Iterator[None]:
    """The same for processes that set their own limits, up to the hard one. That can only be lowered, so they are ended
    afterwards: who needs them starts new ones."""
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (ROOM_BYTES, ROOM_BYTES))
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)


def test_without_room_for_the_bytes_complete_is_unavailable_and_leaves_nothing(
    server: FaultedServer, account: Client
) -> None:
    iid = account.send_bytes(LARGE, "image/png")
    with without_room(web_processes(server)):
        assert_undecided(server, account, iid)
    assert_published(account, iid)


def test_without_room_for_the_result_complete_is_unavailable_and_leaves_nothing(
    server: FaultedServer, account: Client
) -> None:
    workers = len(web_processes(server)) - 1
    eventually(lambda: len(sandboxes(server, account)) == workers, 30, "every worker has decoded an image")
    iid = account.send_bytes(LARGE, "image/png")
    with without_room_for_good(sandboxes(server, account)):
        assert_undecided(server, account, iid)
    assert_published(account, iid)


def web_processes(server: FaultedServer) -> set[int]:
    """gunicorn's main process and its workers."""
    return below(server.running.process.pid, "gunicorn")


def sandboxes(server: FaultedServer, account: Client) -> set[int]:
    """The processes in which images are decoded, after one more image."""
    image = account.upload(SMALL, "image/png")
    assert account.delete(image["id"]).status_code == 204
    return below(server.running.process.pid, "imaging.zygote")


def assert_undecided(server: FaultedServer, account: Client, iid: str) -> None:
    """Every attempt fails and changes nothing; what needs no room goes on."""
    for _ in range(4):
        assert_unavailable(account.complete(iid))
        assert server.left_work() == []
    (staging,) = server.objects_of(account.uid)
    assert staging.startswith(f"incoming/{account.uid}/{iid}/")
    assert account.usage() == {"bytes": 0, "images": 0, "reserved_bytes": len(LARGE), "pending": 1}
    image = account.upload(SMALL, "image/png")
    assert account.delete(image["id"]).status_code == 204


def assert_published(account: Client, iid: str) -> None:
    answer = account.complete(iid)
    assert answer.status_code == 201, answer.text
    assert_served(answer.json())
    assert account.usage()["pending"] == 0
