"""README's session in a shell runs as it is written."""

import re
import subprocess
from pathlib import Path

from tests.e2e.server import Server

ROOT = Path(__file__).resolve().parents[2]
SEEN = Path("/tmp/seen.jpg")


def test_the_shell_session_of_readme_runs_as_written(server: Server, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"<!-- a test runs this block as it stands -->\n```sh\n(.*?)```", readme, re.DOTALL)
    # Another port and directory than a newcomer has, and nothing else.
    moved = script.replace("http://127.0.0.1:8000", server.url).replace(
        "data/owner.token", f"{server.data_dir}/owner.token"
    )
    moved = moved.replace(str(SEEN), str(tmp_path / SEEN.name))
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", moved], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    address, private, total = ran.stdout.split()
    assert address.startswith(f"{server.url}/i/")
    assert private == "True"
    assert int(total) >= 1
