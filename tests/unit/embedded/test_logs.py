import json
from pathlib import Path

import pytest

from imagehost.embedded.logs import MAX_CHARS, last_words

VALKEY = "21921:M 27 Nov 2026 07:00:00.908 # Bad file format reading the append only file x.aof: make a backup\n\n"
SEAWEED = """I1127 07:11:26.576379 leveldb2_store.go:43 filer store leveldb2 dir: ./filerldb2
F1127 07:11:26.576446 configuration.go:26 failed to initialize store: Not a valid folder!
goroutine 1 [running]:
main.main()
"""
OURS = "".join(
    json.dumps(event) + "\n"
    for event in (
        {"level": "error", "event": "worker-failed", "traceback": "Traceback …\n  File …\nOSError: no room\n"},
        {"level": "info", "event": "Shutting down"},
    )
)
PYTHON = "Traceback (most recent call last):\n  File …\nFileExistsError: [Errno 17] File exists: 'metrics'\n"


@pytest.mark.parametrize(
    "text,words",
    [
        (VALKEY, "Bad file format reading the append only file x.aof: make a backup"),
        (SEAWEED, "failed to initialize store: Not a valid folder!"),
        ("panic: leveldb is locked\n\ngoroutine 1 [running]:\nmain.main()\n", "panic: leveldb is locked"),
        (OURS, "worker-failed: OSError: no room"),
        (PYTHON, "FileExistsError: [Errno 17] File exists: 'metrics'"),
        ('{"level": "info", "event": "Listening"}\n{cut o', ""),
        ("[1]\nlast\x1b[31m\n", "last[31m"),
        ("", ""),
        ("\n \n", ""),
    ],
)
def test_the_telling_line_is_found(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "log").write_text("of an earlier run\n" + text)
    assert last_words(tmp_path / "log", len("of an earlier run\n")) == words


def test_a_long_or_lost_log_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"\xff" * 2**20)
    assert len(last_words(tmp_path / "log", 0)) <= MAX_CHARS
    assert last_words(tmp_path / "none", 0) == ""
    assert last_words(tmp_path / "log", 2**21) == ""
