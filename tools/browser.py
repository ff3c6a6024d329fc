"""The Chromium of the browser tests: find an installed one, else get one.

Debian's package is preferred to Playwright's own build, because it also brings the libraries that it needs.
"""

import os
import shutil
import subprocess
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
MAC = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def find_browser() -> str | None:
    """The path of an installed Chromium or Chrome; None means Playwright's own, if there is one."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    return found or next((path for path in MAC if Path(path).exists()), None)


def ensure_browser(python: Path) -> None:
    """Install a Chromium unless there is one, and say so; `python` is the one that has Playwright.

    Raises subprocess.CalledProcessError when the installer fails.
    """
    if find_browser() or _playwright_has_one(python):
        return
    root = os.geteuid() == 0
    if root and _is_debian() and shutil.which("apt-get"):
        print("No Chromium found: installing Debian's (apt-get install chromium).", flush=True)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=True, env=quiet)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
            check=True,
            env=quiet,
            stdout=subprocess.DEVNULL,
        )
    else:
        print("No Chromium found: installing Playwright's own (playwright install chromium).", flush=True)
        extra = ["--with-deps"] if root else []
        subprocess.run([str(python), "-m", "playwright", "install", *extra, "chromium"], check=True)


def _playwright_has_one(python: Path) -> bool:
    code = (
        "import os, sys; from playwright.sync_api import sync_playwright\n"
        "with sync_playwright() as p: sys.exit(not os.path.exists(p.chromium.executable_path))"
    )
    return subprocess.run([str(python), "-c", code], check=False, capture_output=True).returncode == 0


def _is_debian() -> bool:
    try:
        return "ID=debian" in Path("/etc/os-release").read_text(encoding="utf-8").split()
    except OSError:
        return False
