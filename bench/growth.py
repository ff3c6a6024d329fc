"""How the index grows: memory of an image, and the time that a page takes, with ever more images of one user.

The images never were: their records go straight into the index, through the index's own code, in pipelines. Redis is
the embedded one with its settings, but keeps no file: what is measured is its memory.
"""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import redis

from bench import settings
from bench.figures import Failed, Figure, ratio
from imagehost import ids
from imagehost.embedded import programs
from imagehost.embedded.directory import DataDirectory
from imagehost.embedded.process import Child
from imagehost.embedded.servers import redis_command
from imagehost.index.images import ImageIndex
from imagehost.index.scripts import Scripts
from imagehost.index.server import is_ready
from imagehost.models import Image, Position, ReadyRecord
from imagehost.services.facade import Services
from imagehost.storage import object_keys
from tests import synthetic

PAGE = 50
PAGES = 5  # a round of one user
BATCH = 1_000
STRIPPED = 10_000
LOADERS = 2  # one makes records while Redis takes the other's
READY_S = 10.0
NAMES = {1_000: "1k", 100_000: "100k", 1_000_000: "1m"}


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with so many images; `created_at` is each one's number."""

    uid: str
    images: int


def measure(directory: Path, sizes: Sequence[int], advance: Callable[[str], None], rounds: int = 40) -> list[Figure]:
    """For users with so many images, the smallest first; their pages are read in turns."""
    with _valkey(directory) as url, settings.services(url) as services:
        figures, users = [], [User(ids.new_uid(), size) for size in sizes]
        # What the gate strips from photographs leaves another hash than the one that was sent.
        advance("images from cameras")
        stripped = _load(services, url, User(ids.new_uid(), min(STRIPPED, sizes[-1])), stripped=True)
        for user in users:
            advance(f"{user.images:,} images")
            started_s = time.monotonic()
            bytes_each = _load(services, url, user)
            figures.append(Figure(f"index.load_{NAMES[user.images]}", time.monotonic() - started_s, "s"))
        figures += [Figure("index.bytes", bytes_each, "bytes"), Figure("index.bytes_stripped", stripped, "bytes")]
        advance("pages")
        return figures + _pages(services, users, rounds)


def _pages(services: Services, users: Sequence[User], rounds: int) -> list[Figure]:
    """The first page and one from the middle: ms, and how many times the smallest user's."""
    figures, took = [], {(user.images, deep): list[float]() for user in users for deep in (False, True)}
    for _ in range(rounds):
        for user in users:
            for deep in (False, True):
                took[user.images, deep].append(_page_ms(services, user, deep=deep))
    least = users[0].images
    for deep, name in ((False, "page"), (True, "deep_page")):
        figures += [Figure(f"index.{name}_{NAMES[u.images]}", median(took[u.images, deep]), "ms") for u in users]
        figures += [
            Figure(f"index.{name}_{NAMES[u.images]}_of_1k", ratio(took[u.images, deep], took[least, deep]))
            for u in users[1:]
        ]
    return figures


def _page_ms(services: Services, user: User, *, deep: bool) -> float:
    after = Position(user.images // 2, user.uid) if deep else None
    started_s = time.perf_counter()
    for _ in range(PAGES):
        page = services.library.list_images(user.uid, PAGE, after=after)
    took_s = time.perf_counter() - started_s
    if len(page.items) != PAGE or page.total != user.images:
        raise Failed(f"a page of {len(page.items)} images of {page.total}")
    return took_s / PAGES * 1e3


def _load(services: Services, url: str, user: User, *, stripped: bool = False) -> float:
    """Give a user its images; the memory that each takes, with its share of every key."""
    shard = ids.shard_of(user.uid)
    services.parts.shards.begin([shard])
    epoch = services.parts.shards.find_epoch(shard) or ""
    share = -(-user.images // LOADERS)
    parts = [range(first, min(first + share, user.images)) for first in range(0, user.images, share)]
    with redis.Redis.from_url(url, decode_responses=True) as client, ThreadPoolExecutor(LOADERS) as pool:
        before_bytes = client.info("memory")["used_memory"]
        for _ in pool.map(lambda part: _apply(client, user.uid, epoch, part, stripped), parts):
            pass
        return float(client.info("memory")["used_memory"] - before_bytes) / user.images


def _apply(client: "redis.Redis", uid: str, epoch: str, numbers: range, stripped: bool) -> None:
    made = _records(uid, numbers, stripped)
    for start in range(0, len(numbers), BATCH):
        with client.pipeline(transaction=False) as pipe:
            index = ImageIndex(pipe, Scripts(pipe))
            for _ in numbers[start : start + BATCH]:
                index.apply(next(made), epoch)
            if set(pipe.execute()) != {"ok"}:
                raise Failed("the index took a record for an old one")


def _records(uid: str, numbers: range, stripped: bool) -> Iterator[ReadyRecord]:
    """Records without tags, title, metadata or timer. What is random in them need not be so beyond guessing, which
    would take longer than everything else."""
    dice, shard = random.Random(f"{uid}{numbers.start}"), ids.shard_of(uid)
    pattern = replace(
        synthetic.published(uid).image,
        private=False,
        title=None,
        tags=(),
        metadata={},
        expires_at_ms=None,
        variants=("thumb.webp",),
    )
    for number in numbers:
        iid, version, sha256 = shard + dice.randbytes(11).hex(), dice.randbytes(16).hex(), dice.randbytes(32).hex()
        image: Image = replace(
            pattern,
            iid=iid,
            version=version,
            key=object_keys.upload(uid, iid, version, pattern.filename, pattern.mime),
            sha256=sha256,
            source_sha256=dice.randbytes(32).hex() if stripped else sha256,
            source_size=pattern.size + stripped,
            created_at_ms=number,
        )
        yield ReadyRecord(op=version, ops=(version,), image=image)


@contextmanager
def _valkey(directory: Path) -> Iterator[str]:
    """A Redis as the embedded stack starts it, without its file; its URL."""
    place = DataDirectory(str(directory / "index"))
    place.lock()
    program, _ = programs.find_redis(os.environ, place.redis)
    command = redis_command(program, place)
    child = Child(replace(command, argv=[*command.argv, "--appendonly", "no"]), place.log)
    try:
        url, deadline_s, pause = f"unix://{place.redis_socket}", time.monotonic() + READY_S, threading.Event()
        while not is_ready(url):
            if time.monotonic() > deadline_s:
                raise Failed(f"Redis did not start:\n{child.log.read_text(encoding='utf-8')[-2000:]}")
            pause.wait(0.02)
        yield url
    finally:
        child.kill()
        place.unlock()
