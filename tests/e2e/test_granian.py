"""IMAGEHOST_SERVER=granian: the same service behind the other web server, through stops and kills."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import blackbox
from tests.e2e.client import API, Client, assert_problem, fetch
from tests.e2e.server import Server, eventually
from tests.e2e.test_metrics import (
    anonymous,
    test_the_requests_of_all_workers_are_counted_by_rule,
    test_uploads_are_counted_by_their_outcome,
)
from tests.e2e.test_restart import (
    test_a_stop_under_load_loses_nothing_acknowledged_and_the_rest_is_told_or_cut_off,
    test_after_a_kill_nothing_acknowledged_is_lost,
    test_after_a_stop_everything_is_there_again,
)
from tests.images import photo
from tests.processes import below, runs

GRANIAN = "imagehost.web.granian"
BODY_MAX_BYTES = 2 * 2**20

# The stories that both web servers have to bear; here they are told of granian.
__all__ = [
    "anonymous",
    "test_a_stop_under_load_loses_nothing_acknowledged_and_the_rest_is_told_or_cut_off",
    "test_after_a_kill_nothing_acknowledged_is_lost",
    "test_after_a_stop_everything_is_there_again",
    "test_the_requests_of_all_workers_are_counted_by_rule",
    "test_uploads_are_counted_by_their_outcome",
]


@pytest.fixture(scope="module")
def server(start_server: Callable[..., Server]) -> Server:
    return start_server(
        "granian",
        settle_s=5,
        IMAGEHOST_SERVER="granian",
        IMAGEHOST_UPLOAD_URL_S="3",
        IMAGEHOST_UPLOAD_GRACE_S="1",
        IMAGEHOST_LEASE_S="1",
        IMAGEHOST_SWEEP_S="1",
    )


def masters(server: Server) -> set[int]:
    return below(server.running.process.pid, GRANIAN)


def test_an_image_is_uploaded_seen_and_deleted_and_what_is_too_much_is_refused(server: Server, account: Client) -> None:
    assert len(masters(server)) == 1
    image = account.upload(photo(), "image/jpeg", signed=True)
    assert fetch("GET", image["url"]).content == photo()
    head = fetch("HEAD", f"{server.url}{API}/image/{image['id']}/meta")
    assert (head.status_code, head.content) == (200, b"")
    path = f"{API}/upload/request"
    json = {"Content-Type": "application/json"}
    assert_problem(account.post(path, data=b" " * (BODY_MAX_BYTES + 1), headers=json), 413, "request-too-large")
    in_pieces = (b" " * 2**16 for _ in range(BODY_MAX_BYTES // 2**16 + 1))  # read up to the limit
    assert_problem(account.post(path, data=in_pieces, headers=json), 400, "malformed-json")
    assert account.get("/health", headers={"X-Much": "a" * 2**18}).status_code == 431
    assert account.delete(image["id"]).status_code == 204
    server.assert_nothing_left(account)


def test_workers_end_with_their_killed_master_and_another_one_is_started(server: Server, account: Client) -> None:
    family = set[int]().union(*map(below, masters(server)))
    assert len(family) > 2
    (master,) = masters(server)
    os.kill(master, signal.SIGKILL)
    eventually(lambda: not any(map(runs, family)), 10, "nothing of it is left")
    eventually(lambda: len(masters(server)) == 1, 20, "another one is started")
    eventually(lambda: blackbox._status(f"{server.url}/health") == 200, 30, "it serves")
    image = account.upload(photo(), "image/jpeg")
    assert account.delete(image["id"]).status_code == 204


def test_its_log_has_one_line_of_json_an_event(server: Server) -> None:
    lines = (server.data_dir / "log" / "web.log").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith('{"at":')] == []
    assert any('"event":"request"' in line for line in lines)


def test_where_it_is_not_installed_the_start_says_how_to_install_it(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, package=None: None if name == 'granian' else find(name, package)\n",
        encoding="utf-8",
    )
    search = os.pathsep.join((str(tmp_path), str(blackbox.ROOT)))
    ended = subprocess.run(
        [sys.executable, "-m", "imagehost", "up"],
        cwd=tmp_path,
        env=blackbox.clean_environ(
            IMAGEHOST_SERVER="granian", IMAGEHOST_DATA_DIR=str(tmp_path / "data"), PORT="1", PYTHONPATH=search
        ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert "granian is not installed: python -m pip install --require-hashes -r " in ended.stderr
