"""What a child said last: the one line of its log that tells a person why it ended."""

import json
import re
from pathlib import Path

MAX_CHARS = 300
TAIL_BYTES = 64 * 2**10
# Valkey: "21921:M 27 Nov 2026 07:00:00.908 # Bad file…"; SeaweedFS: "F1127 07:11:26.576446 filer.go:26 failed…".
_STAMP = re.compile(r"\d+:\w+ \d+ \w+ \d+ [\d:.]+ . |[IWEF]\d{4} [\d:.]+ \S+ ")
# Go says what was wrong before it shows where each thread was.
_FATAL = re.compile(r"F\d{4} [\d:.]+ |panic: |fatal error: ")


def last_words(log: Path, after: int) -> str:
    """The telling line of what was appended after that many bytes, without its time; empty when there is none.

    That is the last fatal one, else our own processes' last error, else the last line. Never raises.
    """
    try:
        with log.open("rb") as file:
            file.seek(max(after, log.stat().st_size - TAIL_BYTES))
            text = file.read(TAIL_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    fatal = [line for line in lines if _FATAL.match(line)]
    errors = [event for event in map(_error_of, lines) if event]
    said = fatal or errors or [line for line in lines if not line.startswith("{")]
    words = _STAMP.sub("", said[-1], count=1) if said else ""
    return "".join(c for c in words if c.isprintable())[:MAX_CHARS].strip(" .")


def _error_of(line: str) -> str | None:
    """What a line of our own JSON says, when it tells of an error."""
    try:
        event = json.loads(line) if line.startswith("{") else None
    except ValueError:
        return None
    if not isinstance(event, dict) or event.get("level") not in ("error", "critical"):
        return None
    cause = str(event.get("traceback") or "").strip().splitlines()
    return ": ".join(filter(None, [str(event.get("event", "")).split("\n", 1)[0], cause[-1] if cause else ""]))
