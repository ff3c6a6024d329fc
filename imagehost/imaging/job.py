"""What a sandbox child does, from start to end: limits on itself; gate and derivatives, or derivatives only; reports.

A child is forked for one image and ends with it, so what a hostile file does to a decoder cannot reach the next image.
"""

import errno
import gc
import mmap
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from PIL import Image

from imagehost.errors import ImageDimensions, Refused, UnreadableImage
from imagehost.imaging import animate, derive, formats, gate, palette
from imagehost.imaging.cielab import parse_hex, to_hex
from imagehost.imaging.containers import cut_off, damaged
from imagehost.imaging.reports import (
    FIND,
    RECOLOURED_FILE,
    Accept,
    Failure,
    Found,
    Job,
    Made,
    Refusal,
    Report,
    Sketched,
)
from imagehost.imaging.sanitise import sanitise
from imagehost.imaging.variants import Variant, from_file_name
from imagehost.mediatypes import EXTENSIONS

# A decoder's error is evidence only if there was memory to decode with. The largest legal image needs 763 MiB (WebP,
# RGBA, 50 megapixels); where twice that cannot be had, the error may be hidden exhaustion.
_AMPLE_BYTES = 1536 << 20

_MAP_NORESERVE = 0x4000 if sys.platform == "linux" else 0  # asm-generic/mman.h; Python names it from 3.13 on

_NOT_DERIVED: tuple[type[Exception], ...] = (Refused, Image.DecompressionBombError, *derive.FAILURES)

_LARGEST_FILE_BYTES = 1 << 30
_OPEN_FILES = 64


def confine(job: Job) -> None:
    """Put the job's limits on this process, for good. CPU time is counted from the fork."""
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_CPU, job.cpu_s, grace=1)  # SIGXCPU first, which tells why, then SIGKILL
    _lower(resource.RLIMIT_FSIZE, _LARGEST_FILE_BYTES)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    if sys.platform == "linux":  # elsewhere neither the base is known nor the limit enforced
        pages = int(Path("/proc/self/statm").read_bytes().split()[0])
        _lower(resource.RLIMIT_AS, pages * mmap.PAGESIZE + job.memory_bytes)


def run(job: Job, report: Callable[[Report], None]) -> None:
    """Report the verdict as soon as it is known, then the placeholder, then each derivative as soon as its file is
    complete."""
    if job.judged:
        _make(job, report)
        return
    verdict, seed = _judge(job)
    if isinstance(verdict, Refusal) and not verdict.rule:
        gc.collect()
        verdict = Refusal(verdict.code, verdict.detail, rule=False, certain=_ample_memory(), cause=verdict.cause)
    report(verdict)
    if seed is None or not isinstance(verdict, Accept):
        return
    with suppress(*derive.FAILURES):
        report(Sketched(derive.make_placeholder(seed)))
    for variant in map(from_file_name, job.variants):
        if not _is_eager(variant, verdict):
            continue
        try:
            width, height = derive.write_variant(seed, variant, Path(job.workdir, variant.file_name))
        except derive.FAILURES:
            continue
        report(Made(variant.file_name, width, height))


def _is_eager(variant: Variant, verdict: Accept) -> bool:
    """Whether it is made now; one that is made on demand only where it would be then, and does not move."""
    if not variant.on_demand:
        return True
    return verdict.frames == 1 and variant.is_needed(verdict.width, verdict.height)


def _make(job: Job, report: Callable[[Report], None]) -> None:
    """Report what is wanted of a published image, each as soon as it is complete, or why there is no more of it."""
    source = Path(job.source)
    try:
        header = gate.read_header(source, gate.find_format(source))
        for made in (_painted if job.mode else _derived)(job, source, header):
            report(made)
    except MemoryError:
        report(Failure("memory", "MemoryError"))
    except _NOT_DERIVED as exc:
        kind = _system_failure(exc) if isinstance(exc, OSError) and exc.errno is not None else "decoder"
        report(Failure(kind, repr(exc)[:200]))


def _derived(job: Job, source: Path, header: gate.Header) -> Iterator[Report]:
    for name in job.variants:
        variant = from_file_name(name)
        write = animate.write_animation if variant.may_move and header.frames > 1 else _write_still
        yield Made(name, *write(source, header, variant, Path(job.workdir, variant.file_name)))


def _painted(job: Job, source: Path, header: gate.Header) -> Iterator[Report]:
    if job.mode == FIND:
        found = palette.find_colours(source, header)
        yield Found(",".join(f"{to_hex(colour)}={round(share * 10_000)}" for colour, share in found))
    else:
        colours = [parse_hex(colour) for colour in job.palette]
        size = palette.recolour(source, header, colours, job.mode, Path(job.workdir, RECOLOURED_FILE))
        yield Made(RECOLOURED_FILE, *size)


def _write_still(source: Path, header: gate.Header, variant: Variant, target: Path) -> tuple[int, int]:
    px = derive.seed_px([variant], header.width, header.height)

    def take_first(frame: Image.Image) -> derive.Seed:
        return derive.make_seed(frame, _size(frame, header), px)

    return derive.write_variant(gate.decode(source, header, px, take_first), variant, target)


def _judge(job: Job) -> tuple[Report, derive.Seed | None]:
    source = Path(job.source)
    wanted: formats.Format | None = None
    try:
        wanted = gate.find_format(source)
        path = Path(job.workdir, f"sanitised.{EXTENSIONS[wanted.mime]}")
        sanitise(source, path, wanted, job.keep_metadata)
        header = gate.read_header(path, wanted)
        px = derive.seed_px(map(from_file_name, job.variants), header.width, header.height)

        def take_first(frame: Image.Image) -> tuple[derive.Seed | None, tuple[int, int]]:
            size = _size(frame, header)
            return _seed(frame, size, px), derive.displayed(*size, derive.orientation(frame))

        seed, (width, height) = gate.decode(path, header, px, take_first)
        return Accept(header.format.mime, width, height, header.frames), seed
    except Refused as exc:
        return Refusal(exc.code, exc.detail, rule=True, certain=True, cause=""), None
    except Image.DecompressionBombError as exc:  # a frame inside grew beyond what the header said
        return Refusal(ImageDimensions.code, "A frame of the image has too many pixels.", True, True, repr(exc)), None
    except MemoryError:
        return Failure("memory", "MemoryError"), None
    except formats.DECODER_ERRORS as exc:
        cause = repr(exc)[:200]
        if isinstance(exc, OSError) and exc.errno is not None:  # the system's; a decoder's have no number
            return Failure(_system_failure(exc), cause), None
        return Refusal(UnreadableImage.code, _explain(exc, wanted), rule=False, certain=False, cause=cause), None


def _system_failure(exc: OSError) -> str:
    return "memory" if exc.errno == errno.ENOMEM else "system"


def _size(frame: Image.Image, header: gate.Header) -> tuple[int, int]:
    """As stored: a GIF's canvas is what its first frame makes of it; a JPEG's frame is a reduced one."""
    return frame.size if header.format is formats.GIF else (header.width, header.height)


def _seed(frame: Image.Image, size: tuple[int, int], px: int) -> derive.Seed | None:
    try:
        return derive.make_seed(frame, size, px)
    except derive.FAILURES:
        return None


def _explain(exc: Exception, wanted: formats.Format | None) -> str:
    if wanted is None:
        return "The file cannot be read."
    is_cut_off = "truncated" in str(exc).lower() or isinstance(exc, EOFError)
    return (cut_off(wanted) if is_cut_off else damaged(wanted)).detail


def _ample_memory() -> bool:
    """Whether more memory than any legal image needs can be had: by our limits, and by a system that never overcommits.

    Not reserved, because on a system that does overcommit, a machine with little memory may refuse images too.
    """
    try:
        mmap.mmap(-1, _AMPLE_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE).close()
    except (OSError, ValueError, MemoryError):
        return False
    return True


def _lower(kind: int, value: int, grace: int = 0) -> None:
    """Set soft and hard limit; never above the hard limit that was inherited."""
    inherited = resource.getrlimit(kind)[1]
    hard = value + grace if inherited == resource.RLIM_INFINITY else min(value + grace, inherited)
    resource.setrlimit(kind, (min(value, hard), hard))
