"""The gate, as services see it: a file goes in, one of three answers comes out (accepted, refused, unavailable); and
where derivatives of published images are made.

Every image is judged in a child process of its own, with limits on memory, CPU and wall time; this module turns what
became of the child into the answer. The rule that it owns: only a decoder that had ample memory, twice, can refuse.
No Pillow in here, nor in anything that it imports.
"""

import hashlib
import os
import signal
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from imagehost import metrics
from imagehost.errors import REFUSALS, Refused, Unavailable, UnreadableImage
from imagehost.imaging.children import Children
from imagehost.imaging.reports import (
    FIND,
    RECOLOURED_FILE,
    Accept,
    Ended,
    Failure,
    Found,
    Job,
    Made,
    Refusal,
    Report,
    Sketched,
)
from imagehost.imaging.results import Accepted, Colour, Derivative, to_colours
from imagehost.imaging.slots import Slots
from imagehost.imaging.variants import THUMB, Variant, from_file_name
from imagehost.mediatypes import EXTENSIONS

_SLOT_WAIT_S = 2.0
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class _Outcome:
    """What became of one child: its verdict, if it came to one, and the derivatives and the placeholder it finished."""

    verdict: Accept | Refusal | Failure
    made: tuple[Made, ...] = ()
    placeholder: str | None = None
    found: Found | None = None


class Sandbox:
    """`gates` images are worked on at once on this machine, by all processes that name the same `slots_dir` (default: a
    directory of this user's in the temporary directory). Safe from many threads; starts nothing before its first job.

    `memory_bytes` is what a child may take over its address space at the start (a doubtful refusal is repeated with
    twice of it; below 768 MiB doubt stays doubt, and the answer is Unavailable), `cpu_s` its CPU time, `wall_s` the
    time after which it is killed.
    """

    def __init__(
        self,
        gates: int,
        *,
        memory_bytes: int = 1 << 30,
        cpu_s: int = 10,
        wall_s: int = 30,
        slots_dir: Path | None = None,
    ) -> None:
        self._slots = Slots(gates, slots_dir)
        self._memory_bytes = memory_bytes
        self._cpu_s = cpu_s
        self._wall_s = wall_s
        self._children = Children()

    def inspect(
        self, source: Path, workdir: Path, eager: tuple[Variant, ...] = (THUMB,), *, keep_metadata: bool = False
    ) -> Accepted:
        """Judge `source`, and write the sanitised image and the derivatives of `eager` into `workdir`.

        `workdir` exists, is the caller's own, and is removed by the caller, whatever the answer. `source` is only
        read, and not called `sanitised.*`. `keep_metadata` leaves EXIF and XMP in the image, but nothing else that is
        no part of it. A derivative that failed is missing. Repeatable. Raises UnsupportedImage,
        UnreadableImage or ImageDimensions (the same for the same bytes, for ever), or Unavailable (nothing is decided:
        a limit was hit, the child was killed, the disk is full, all gates were busy for two seconds).
        """
        if source.stem == "sanitised":
            raise ValueError("the source has the name of a result")
        job = replace(self._job(source, workdir, eager), keep_metadata=keep_metadata)
        with self._slots.taken(_SLOT_WAIT_S), metrics.GATE_SECONDS.time():
            outcome = self._judge(job)
        if not isinstance(outcome.verdict, Accept):
            raise _to_error(outcome.verdict)
        try:
            return _measure(outcome, outcome.verdict, source, workdir)
        except OSError as exc:
            raise Unavailable("The image could not be read back after it was verified.") from exc

    def derive(self, source: Path, workdir: Path, variant: Variant) -> Derivative | None:
        """Make one variant of a published image, into `workdir` (as for `inspect`).

        None when that takes more time or memory than an image may have, or Pillow cannot do it. Raises Unavailable when
        that was not found out: the child was killed, the disk is full, all gates were busy for two seconds.
        """
        outcome = self._make(self._job(source, workdir, (variant,)))
        try:
            for derivative in _derivatives(outcome.made, workdir):
                return derivative
        except OSError as exc:
            raise Unavailable("The derivative could not be read.") from exc
        _raise_unless_too_much(outcome)
        return None

    def recolour(self, source: Path, workdir: Path, palette: tuple[str, ...], mode: str) -> Path | None:
        """Make a PNG of a published image in the palette's colours, `#rrggbb` each, into `workdir` (as for `inspect`).

        None and Unavailable as for `derive`.
        """
        job = replace(self._job(source, workdir, ()), variants=(RECOLOURED_FILE,), mode=mode, palette=palette)
        outcome, path = self._make(job), workdir / RECOLOURED_FILE
        try:
            if outcome.made and stat.S_ISREG(path.lstat().st_mode):
                return path
        except OSError as exc:
            raise Unavailable("The recoloured image could not be read.") from exc
        _raise_unless_too_much(outcome)
        return None

    def find_colours(self, source: Path, workdir: Path) -> tuple[Colour, ...] | None:
        """The colours of a published image, the largest share first; none of one that is transparent all over. None and
        Unavailable as for `derive`."""
        outcome = self._make(replace(self._job(source, workdir, ()), mode=FIND))
        if outcome.found is not None:
            return to_colours(outcome.found.colours)
        _raise_unless_too_much(outcome)
        return None

    def close(self) -> None:
        """End the child processes. Jobs that are under way become Unavailable."""
        self._children.close()

    def _job(self, source: Path, workdir: Path, variants: tuple[Variant, ...]) -> Job:
        names = tuple(variant.file_name for variant in variants)
        return Job(str(source.absolute()), str(workdir.absolute()), names, self._memory_bytes, self._cpu_s)

    def _make(self, job: Job) -> _Outcome:
        """What a child makes of an image that was judged before."""
        with self._slots.taken(_SLOT_WAIT_S):
            return self._attempt(replace(job, judged=True))

    def _judge(self, job: Job) -> _Outcome:
        first = self._attempt(job)
        if not _is_doubtful(first.verdict):
            return first
        second = self._attempt(replace(job, memory_bytes=2 * job.memory_bytes))
        if not _is_doubtful(second.verdict):
            return second
        return _Outcome(_confirm(first.verdict, second.verdict))

    def _attempt(self, job: Job) -> _Outcome:
        verdict: Accept | Refusal | Failure | None = None
        made: list[Made] = []
        placeholder: str | None = None
        found: Found | None = None
        lost = Failure("child", "the child ended without a verdict")
        with closing(self._children.run(job, self._wall_s)) as messages:
            try:
                for message in messages:
                    if isinstance(message, Accept | Refusal | Failure):
                        verdict = verdict or message
                    elif isinstance(message, Ended):
                        lost = _explain_end(message)
                    elif isinstance(message, Sketched):
                        placeholder = message.placeholder
                    elif isinstance(message, Found):
                        found = message
                    elif message.name in job.variants and message.name not in {item.name for item in made}:
                        made.append(message)
            except TimeoutError:
                lost = Failure("budget", f"the child was killed after {self._wall_s} s")
            except (OSError, ValueError) as exc:
                lost = Failure("child", repr(exc))
        return _Outcome(verdict or lost, tuple(made), placeholder, found)


def _raise_unless_too_much(outcome: _Outcome) -> None:
    """Raises Unavailable, unless making it takes more time or memory than an image may have, or Pillow cannot do it."""
    if isinstance(outcome.verdict, Failure) and outcome.verdict.kind in ("budget", "memory", "decoder"):
        return
    error = Unavailable("The derivative could not be made this time.", retry_after_s=5)
    error.add_note(f"sandbox: {outcome.verdict}")  # for the log
    raise error


def _is_doubtful(verdict: Report) -> bool:
    """Whether a second child with more memory might come to another verdict."""
    if isinstance(verdict, Refusal):
        return not verdict.rule
    return isinstance(verdict, Failure) and verdict.kind == "memory"


def _confirm(first: Report, second: Report) -> Refusal | Failure:
    """A decoder's refusal counts when a child with ample memory repeats it; any other pair leaves the question open."""
    if isinstance(first, Refusal) and isinstance(second, Refusal) and first.code == second.code and second.certain:
        return second
    return Failure("memory", f"{first} then {second}")


def _to_error(verdict: Refusal | Failure) -> Refused | Unavailable:
    error: Refused | Unavailable
    if isinstance(verdict, Refusal):
        error = REFUSALS.get(verdict.code, UnreadableImage)(verdict.detail)
        metrics.REFUSALS.labels(error.code).inc()
    elif verdict.kind == "memory":
        error = Unavailable("There was not enough memory to verify the image.", retry_after_s=10)
    else:
        error = Unavailable("The image could not be verified this time.", retry_after_s=5)
    if verdict.cause:
        error.add_note(f"sandbox: {verdict.cause}")  # for the log
    return error


def _explain_end(ended: Ended) -> Failure:
    if ended.status == -signal.SIGXCPU:
        return Failure("budget", "the child used up its CPU time")
    return Failure("child", f"the child ended with status {ended.status}")


def _measure(outcome: _Outcome, verdict: Accept, source: Path, workdir: Path) -> Accepted:
    """Size and hash of the files as they are now, after the child's end: its own word on them is not asked for."""
    extension = EXTENSIONS[verdict.mime]
    path = workdir / f"sanitised.{extension}"
    source_size, source_sha256 = _digest(source)
    size, sha256 = _digest(path)
    return Accepted(
        mime=verdict.mime,
        extension=extension,
        width=verdict.width,
        height=verdict.height,
        frames=verdict.frames,
        path=path,
        size=size,
        sha256=sha256,
        source_size=source_size,
        source_sha256=source_sha256,
        placeholder=outcome.placeholder,
        derivatives=tuple(_derivatives(outcome.made, workdir)),
    )


def _derivatives(made: tuple[Made, ...], workdir: Path) -> Iterator[Derivative]:
    for item in made:
        path = workdir / item.name
        if stat.S_ISREG(path.lstat().st_mode):
            yield Derivative(item.name, from_file_name(item.name).mime, path, item.width, item.height)


def _digest(path: Path) -> tuple[int, str]:
    """Size in bytes and SHA-256 (hex). Does not follow a link, which a hijacked child might have left there."""
    sha256, size = hashlib.sha256(), 0
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            sha256.update(chunk)
            size += len(chunk)
    return size, sha256.hexdigest()
