"""The command line, against the stack that runs in the data directory."""

import re
import subprocess
import sys

from tests.e2e.client import API, Client, assert_problem
from tests.e2e.server import Server
from tests.images import corner, encode


def run(server: Server, *arguments: str, exit_code: int = 0) -> str:
    """What the command prints; on standard error when it is to fail."""
    done = subprocess.run(
        [sys.executable, "-m", "imagehost", *arguments],
        cwd=server.data_dir.parent,
        env=server.environ(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == exit_code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr if exit_code else done.stdout


def test_an_account_and_its_keys_from_the_command_line(server: Server) -> None:
    made = re.fullmatch(r"uid    (\w{24})\ntoken  (\S+)\n", run(server, "users", "create", "ada"))
    assert made
    ada = Client(server.url, made[2], made[1])
    me = ada.get(f"{API}/me").json()
    assert (me["uid"], me["username"]) == (made[1], "ada")
    assert run(server, "users", "create", "ada", exit_code=1) == "The user name ada is taken.\n"

    token = run(server, "keys", "create", "ada", "--name", "CI", "--scope", "read", "--expires-in-s", "600").strip()
    reader = Client(server.url, token)
    assert reader.get(f"{API}/me").json()["api_key"]["scopes"] == ["read"]
    listed = run(server, "keys", "list", "ada").splitlines()
    assert [line.split("  ")[2:] for line in listed] == [["read,upload,write,delete", "first key"], ["read", "CI"]]
    assert token not in "".join(listed)

    kid = listed[1].split()[0]
    assert kid == reader.get(f"{API}/me").json()["api_key"]["kid"]
    assert run(server, "keys", "revoke", made[1], kid) == f"{kid} is revoked\n"
    assert_problem(reader.get(f"{API}/me"), 401, "token-invalid")
    assert ada.get(f"{API}/me").status_code == 200
    assert "no such API key" in run(server, "keys", "revoke", "ada", kid, exit_code=1)


def test_the_owners_token_lies_in_the_data_directory(server: Server) -> None:
    owner = Client(server.url, server.running.token)
    assert owner.get(f"{API}/me").json()["username"] == "owner"
    assert (server.data_dir / "owner.token").stat().st_mode & 0o777 == 0o600
    assert f"open {server.url}/#token={server.running.token}\n" in server.running.output.read_text(encoding="utf-8")


def test_a_sweep_by_hand_leaves_what_is_not_due(server: Server, account: Client) -> None:
    image = account.upload(encode(corner(), "image/png"), "image/png")
    pending = account.reserve(b"x", "image/png")["id"]
    assert run(server, "sweep", "--once") == "0 entries finished, 0 shards checked\n"
    assert account.list_all() == [image["id"]]
    assert account.usage()["pending"] == 1
    assert_problem(account.complete(pending), 409, "upload-not-received")


def test_a_second_stack_on_the_same_directory_is_refused(server: Server) -> None:
    holder = f"process {server.running.process.pid}, {server.url}"
    assert f"is in use by another imagehost ({holder}): stop that one" in run(server, "up", exit_code=1)
    assert Client(server.url).get("/health/ready").status_code == 200
