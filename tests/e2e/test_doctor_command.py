"""`imagehost doctor` beside a running service."""

import json
import subprocess
import sys
from pathlib import Path

from tests import blackbox
from tests.e2e.client import Client
from tests.e2e.server import Server
from tests.images import corner, encode


def run(cwd: Path, environ: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [sys.executable, "-m", "imagehost", "doctor", *arguments],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


def test_the_embedded_stack_is_in_order_and_keeps_what_it_has(server: Server, account: Client) -> None:
    image = account.upload(encode(corner(), "image/png"), "image/png")
    done = run(server.data_dir.parent, server.environ(), "--json")
    assert done.returncode == 0, done.stdout
    document = json.loads(done.stdout)
    assert [check for check in document["checks"] if check["outcome"] != "ok"] == []
    assert document["outcome"] == "ok"
    names = {check["name"] for check in document["checks"]}
    assert {"redis", "redis-memory", "conditional-create", "upload-length", "cors", "clean-up"} <= names
    assert account.list_all() == [image["id"]]


def test_a_stack_that_does_not_run_is_told_with_its_cure(server: Server, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "run").mkdir(parents=True)
    made = json.loads((server.data_dir / "embedded.json").read_text(encoding="utf-8")) | {
        "s3_port": blackbox.free_port()
    }
    (data / "embedded.json").write_text(json.dumps(made), encoding="utf-8")
    done = run(tmp_path, blackbox.clean_environ(IMAGEHOST_DATA_DIR=str(data)))
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[::2]] == [["fail", "redis"], ["fail", "bucket"], ["0", "ok,"]]
    assert all(line.lstrip().startswith("→ Start ") for line in lines[1::2])


def test_without_a_configuration_there_is_nothing_to_examine(tmp_path: Path) -> None:
    done = run(tmp_path, blackbox.clean_environ(IMAGEHOST_DATA_DIR=str(tmp_path / "data")))
    assert done.returncode == 2
    assert "REDIS_URL" in done.stderr
