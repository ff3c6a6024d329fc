"""Make `.venv` what the pinned requirement files say, unless it is so already: `python -m tools.bootstrap TARGET`.

A file counts as installed when its digest is noted there: in a fresh clone modification times mean nothing.
Where pip was interrupted the environment is made anew, because pip takes a half-installed package for a whole one.
"""

import fcntl
import hashlib
import importlib.util
import os
import subprocess
import sys
import venv
from pathlib import Path

from tools.browser import ensure_browser

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
EMBEDDED = "requirements-embedded.txt"
UNFINISHED = VENV / "pip-unfinished"

# Exit status 1: a part of the embedded stack is wanted.
ASK_NEEDS = """
import sys
from imagehost.config import read_environment
from imagehost.embedded import needs
sys.exit(bool(needs(read_environment())))
"""


def main(target: str) -> None:
    """Prepare for `make TARGET`: run, test, bench or check. Ends the process with one sentence where something is
    missing."""
    here = os.open(ROOT, os.O_RDONLY)
    fcntl.flock(here, fcntl.LOCK_EX)  # `make run` and `make test` may be started at once
    _make_venv()
    _install("requirements.txt")
    if target in ("test", "check"):
        _install("requirements-dev.txt")
    if not _is_installed(EMBEDDED) and (target in ("test", "bench") or (target == "run" and _wants_embedded())):
        _install(EMBEDDED, optional=True)
    if target == "test":
        try:
            ensure_browser(PYTHON)
        except subprocess.CalledProcessError:
            sys.exit("The browser tests need a Chromium, and none could be installed: install the package chromium.")


def _make_venv() -> None:
    """Create `.venv`, or create it anew when it is incomplete or its Python is gone."""
    if _note("pip").exists() and not UNFINISHED.exists() and _works("import pip"):
        return
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit(f"This Python ({sys.executable}) cannot make virtual environments: install the package python3-venv.")
    print("Making the virtual environment .venv", flush=True)
    try:
        venv.create(VENV, clear=True, with_pip=True, symlinks=True)
    except (OSError, subprocess.CalledProcessError) as exc:
        sys.exit(f"The virtual environment could not be made in {VENV}: {exc}")
    _note("pip").touch()


def _install(name: str, *, optional: bool = False) -> None:
    """Install one pinned file with its hashes. Where `optional` cannot be had, say so and go on."""
    if _is_installed(name):
        return
    print(f"Installing {name}", flush=True)
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    only = ["--only-binary=:all:"] if optional else []
    UNFINISHED.touch()
    installed = subprocess.run([*pip, *only, "-r", name], check=False, cwd=ROOT).returncode == 0
    UNFINISHED.unlink()
    if installed:
        _note(name).write_text(_digest(name))
    elif optional:
        print("The bundled servers cannot be installed here: going on with those on PATH.", flush=True)
    else:
        sys.exit(f"{name} could not be installed: pip's message is above.")


def _is_installed(name: str) -> bool:
    note = _note(name)
    return note.exists() and note.read_text() == _digest(name)


def _digest(name: str) -> str:
    return hashlib.sha256((ROOT / name).read_bytes()).hexdigest()


def _wants_embedded() -> bool:
    return not _works(ASK_NEEDS)


def _works(code: str) -> bool:
    try:
        return subprocess.run([PYTHON, "-c", code], check=False, cwd=ROOT, capture_output=True).returncode == 0
    except OSError:
        return False


def _note(name: str) -> Path:
    """Where the environment remembers what it has. The Python's version is part of it: another one is another story."""
    return VENV / f"installed-{name}-{sys.version_info.major}.{sys.version_info.minor}"


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit(130)
