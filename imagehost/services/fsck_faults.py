"""Suspicions: what one look at a shard makes out to be wrong, and how it would be repaired. A suspicion becomes a
finding only when it is the same at a second look: the service is at work meanwhile, and what moves is not broken."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from imagehost.errors import Unavailable
from imagehost.storage.records import Stored

IN_FLIGHT = 64
REBUILD = "Remove the index from Redis, and run imagehost rebuild."
OTHER_BUCKET = (
    "This is another bucket than the index belongs to, or an older state of it was restored. Restore the right one; "
    "nothing is repaired here, because that would lose what the index still knows."
)

# apply, rewrite: bring the hash up to its record; realign, clear: due entries and lists; finish: end a dead image;
# fence: end one that was never published; remove: another version's bytes; unstage: staging bytes; claim: a user name
Remedy = Literal["apply", "rewrite", "realign", "clear", "finish", "fence", "remove", "unstage", "claim", "none"]

A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong. `target` is what the remedy needs beside the view: a due entry, a version."""

    code: str
    detail: str
    remedy: Remedy = "none"
    target: str = ""
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Damaged:
    """What stands where a record belongs and cannot be read as that record, and why."""

    why: str


Suspects = dict[str, tuple[V, list[Fault]]]


class Kind(Protocol[V]):
    """Images, or accounts: what is suspected, looked at again, and mended."""

    def look_again(self, suspects: Mapping[str, tuple[V, list[Fault]]]) -> Iterable[tuple[str, V]]:
        """A fresh view of each, but of those that changed while they were looked at."""

    def judge(self, view: V) -> list[Fault]:
        """What is wrong in a view."""

    def mend(self, view: V, fault: Fault) -> None:
        """Carry out the remedy. Raises Unavailable."""

    def keep_up(self, view: V) -> None:
        """Do what a repair does for each in which nothing is wrong, or no longer. Raises Unavailable."""


def examine(find: Callable[[str], Stored[T] | None], name: str) -> Stored[T] | Damaged | None:
    """A record, or why what is there is none. Raises Unavailable when the store does not answer."""
    try:
        return find(name)
    except Unavailable as exc:
        if isinstance(exc.__cause__, ValueError):  # of what was read
            return Damaged(f"{exc.__cause__}".splitlines()[0])
        raise


def pooled(pool: ThreadPoolExecutor, work: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """What `work` makes of each item, in their order; several at once, and never many ahead of who takes them."""
    waiting: deque[Future[B]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) >= IN_FLIGHT:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
