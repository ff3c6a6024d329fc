"""`make bench-peers`: what `make bench` compares with. Each part is installed by itself, and left out of the comparison
where that is not possible."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

from bench.peers import HERE, SITE
from tests.blackbox import ROOT

APT = ("apt-get", "install", "-y", "wrk")
NPM = ("npm", "ci", "--ignore-scripts")
PIP = (
    *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade"),
    *("--require-hashes", "--prefer-binary", "--target", str(SITE)),
)
WHEELS = {"granian": ROOT / "requirements-granian.txt", "libvips": HERE / "requirements.txt"}


def main() -> int:
    """1 when a part is missing afterwards."""
    missing = []
    if shutil.which("wrk") is None and not (os.geteuid() == 0 and _run("wrk", APT)):
        missing.append("wrk: install the package wrk; without it servers are loaded from Python")
    if not _run("Companion and Express", NPM):
        missing.append("Companion and Express: install node (20 or newer) and npm")
    missing += [
        f"{name}: pip's message is above" for name, file in WHEELS.items() if not _run(name, (*PIP, "-r", str(file)))
    ]
    for part in missing:
        print(f"Not installed: {part}.", file=sys.stderr)
    return 1 if missing else 0


def _run(what: str, argv: Sequence[str]) -> bool:
    """Whether the installing program is there and works, in the folder of the peers."""
    if shutil.which(argv[0]) is None:
        return False
    print(f"Installing {what}", flush=True)
    return subprocess.run(argv, check=False, cwd=HERE).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
