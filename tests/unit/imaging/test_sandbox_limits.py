"""What is neither accepted nor refused: exhausted, killed, too slow, too busy. And that nothing stays behind."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from imagehost.errors import Unavailable
from imagehost.imaging.sandbox import Sandbox
from tests import images

MIB = 1 << 20


@pytest.fixture
def source(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / "staging"
        path.write_bytes(data)
        return path

    return write


@pytest.fixture
def slow(source: Callable[[bytes], Path]) -> Path:
    """Several seconds of decoding within all limits of size."""
    return source(images.gif_of(9, 5500, 4000))


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Sandbox]]:
    sandboxes: list[Sandbox] = []

    def start(gates: int = 1, **limits: Any) -> Sandbox:
        sandboxes.append(Sandbox(gates, **{"slots_dir": tmp_path / "slots", **limits}))
        return sandboxes[-1]

    yield start
    for sandbox in sandboxes:
        sandbox.close()


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(condition: Callable[[], object], within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.01)


def child_at_work(sandbox: Sandbox) -> int:
    found: list[int] = []

    def look() -> bool:
        zygote = sandbox._children.zygote_pid
        found[:] = children_of(zygote) if zygote else []
        return bool(found)

    until(look)
    return found[0]


@pytest.mark.parametrize("mime", ["image/webp", "image/png", "image/avif"])
@pytest.mark.parametrize("memory_bytes", [32 * MIB, 64 * MIB])
def test_too_little_memory_makes_a_good_image_unavailable_never_refused(
    mime: str, memory_bytes: int, started: Callable[..., Sandbox], source: Callable[[bytes], Path], tmp_path: Path
) -> None:
    with pytest.raises(Unavailable, match="memory"):
        started(memory_bytes=memory_bytes).inspect(source(images.large_rgba(mime)), tmp_path)


def test_a_second_child_with_twice_the_memory_accepts_what_the_first_could_not_hold(
    started: Callable[..., Sandbox], source: Callable[[bytes], Path], tmp_path: Path
) -> None:
    sandbox = started(memory_bytes=500 * MIB)
    assert sandbox.inspect(source(images.large_rgba("image/webp")), tmp_path).width == 10_000


def test_without_ample_memory_a_decoders_error_proves_nothing(
    started: Callable[..., Sandbox], source: Callable[[bytes], Path], tmp_path: Path
) -> None:
    with pytest.raises(Unavailable):
        started(memory_bytes=300 * MIB).inspect(source(images.png_with_wrong_crc()), tmp_path)


def test_used_up_cpu_time_is_unavailable(started: Callable[..., Sandbox], slow: Path, tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        started(cpu_s=1).inspect(slow, tmp_path)
    assert "CPU" in caught.value.__notes__[0]


def test_used_up_wall_time_is_unavailable_and_kills_the_child(
    started: Callable[..., Sandbox], slow: Path, tmp_path: Path
) -> None:
    sandbox = started(wall_s=1)
    with ThreadPoolExecutor() as pool:
        job = pool.submit(sandbox.inspect, slow, tmp_path)
        child = child_at_work(sandbox)
        with pytest.raises(Unavailable) as caught:
            job.result()
    assert "after 1 s" in caught.value.__notes__[0]
    until(lambda: not is_running(child))


def test_a_killed_child_is_unavailable_and_the_next_job_works(
    started: Callable[..., Sandbox], slow: Path, tmp_path: Path
) -> None:
    sandbox = started()
    with ThreadPoolExecutor() as pool:
        job = pool.submit(sandbox.inspect, slow, tmp_path)
        os.kill(child_at_work(sandbox), signal.SIGKILL)
        with pytest.raises(Unavailable):
            job.result(timeout=20)
    assert sandbox.inspect(images.PHOTOS / "coffee.jpg", tmp_path).frames == 1


def test_a_killed_zygote_is_replaced_and_its_children_end(
    started: Callable[..., Sandbox], slow: Path, tmp_path: Path
) -> None:
    sandbox = started()
    with ThreadPoolExecutor() as pool:
        job = pool.submit(sandbox.inspect, slow, tmp_path)
        child = child_at_work(sandbox)
        zygote = sandbox._children.zygote_pid
        assert zygote
        os.kill(zygote, signal.SIGKILL)
        with pytest.raises(Unavailable):
            job.result(timeout=20)
    until(lambda: not is_running(child))
    assert sandbox.inspect(images.PHOTOS / "coffee.jpg", tmp_path).frames == 1


def test_closing_ends_the_children_and_makes_their_jobs_unavailable(
    started: Callable[..., Sandbox], slow: Path, tmp_path: Path
) -> None:
    sandbox = started()
    with ThreadPoolExecutor() as pool:
        job = pool.submit(sandbox.inspect, slow, tmp_path)
        child = child_at_work(sandbox)
        sandbox.close()
        with pytest.raises(Unavailable):
            job.result(timeout=20)
    assert not is_running(child)


def test_all_children_die_with_a_killed_worker(slow: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from imagehost.imaging.sandbox import Sandbox;"
        "Sandbox(1, slots_dir=Path(sys.argv[2])).inspect(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    root = Path(__file__).parents[3]
    worker = subprocess.Popen([sys.executable, "-c", code, str(slow), str(tmp_path)], cwd=root)
    with worker:
        family: list[int] = []

        def look() -> bool:
            zygotes = children_of(worker.pid)
            family[:] = zygotes + [child for zygote in zygotes for child in children_of(zygote)]
            return len(family) == 2

        until(look)
        worker.kill()
    until(lambda: not any(is_running(pid) for pid in family))


def test_when_all_gates_are_busy_for_two_seconds_the_answer_is_unavailable(
    started: Callable[..., Sandbox], tmp_path: Path
) -> None:
    first, second = started(), started()
    with first._slots.taken(0), pytest.raises(Unavailable, match="busy") as caught:
        second.inspect(images.PHOTOS / "coffee.jpg", tmp_path)
    assert caught.value.headers["Retry-After"] == "2"
    assert second.inspect(images.PHOTOS / "coffee.jpg", tmp_path).frames == 1


def test_a_missing_source_or_workdir_is_unavailable(started: Callable[..., Sandbox], tmp_path: Path) -> None:
    sandbox = started()
    with pytest.raises(Unavailable):
        sandbox.inspect(tmp_path / "nothing", tmp_path)
    with pytest.raises(Unavailable):
        sandbox.inspect(images.PHOTOS / "coffee.jpg", tmp_path / "nothing")


def test_many_threads_share_a_sandbox(started: Callable[..., Sandbox], tmp_path: Path) -> None:
    sandbox = started(2)

    def work(number: int) -> int:
        workdir = tmp_path / str(number)
        workdir.mkdir()
        return sandbox.inspect(images.PHOTOS / "chelsea.jpg", workdir).width

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(24))) == {451}


def test_the_zygote_holds_no_descriptor_and_no_secret_of_the_worker(
    started: Callable[..., Sandbox], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLASK_SECRET", "never to be seen")
    sandbox = started()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.set_inheritable(True)
        sandbox.inspect(images.PHOTOS / "chelsea.jpg", tmp_path)
        proc = Path(f"/proc/{sandbox._children.zygote_pid}")
        links = {str(link.readlink()) for link in proc.joinpath("fd").iterdir()}
        assert f"socket:[{os.fstat(server.fileno()).st_ino}]" not in links
        assert b"FLASK_SECRET" not in proc.joinpath("environ").read_bytes()
