"""What others take for the same: measured where `make bench-peers` has installed them, and left out elsewhere.

Uppy Companion's `/s3/params` and a minimal Express application with the AWS SDK's presigner sign an upload, as our
upload/request does, but admit nothing and remember nothing. granian runs imagehost itself, to show what gunicorn costs.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from bench import rounds, servers
from bench.caller import ANNOUNCED, Caller
from bench.load import JSON, Request
from bench.rounds import Shot
from tests.blackbox import ROOT

if TYPE_CHECKING:
    from bench.web import Size

HERE = Path(__file__).with_name("peers")
SITE = HERE / "site-packages"
WORKERS = "2"  # as in gunicorn.conf.py
COMPANION = Request("GET", "/s3/params?" + urlencode({"filename": ANNOUNCED["filename"], "type": ANNOUNCED["mime"]}))
EXPRESS = Request("POST", "/sign", 201, JSON, json.dumps(ANNOUNCED).encode())


def shots(
    stack: ExitStack, directory: Path, environment: Mapping[str, str], size: "Size", caller: Caller
) -> list[Shot]:
    """Those that are installed, started; `stack` ends them."""
    found: list[Shot] = []
    node = shutil.which("node")
    if node and "request" in size.operations and (HERE / "node_modules").is_dir():
        settings = {
            "NODE_ENV": "production",
            "NODE_NO_WARNINGS": "1",
            "WORKERS": WORKERS,
            "BUCKET": environment["AWS_S3_BUCKET_NAME"],
            "REGION": environment.get("AWS_REGION", "us-east-1"),
            "ENDPOINT": environment["S3_ENDPOINT_URL"],
            "ACCESS_KEY_ID": environment["AWS_ACCESS_KEY_ID"],
            "SECRET_ACCESS_KEY": environment["AWS_SECRET_ACCESS_KEY"],
        }
        for name, request in (("companion", COMPANION), ("express", EXPRESS)):
            program = str(HERE / f"{name}.js")
            web = stack.enter_context(servers.running(name, directory, settings, node, program))
            found.append(rounds.repeated(f"request.{name}", web, request, size.seconds))
    if SITE.is_dir():
        searched = {"PYTHONPATH": os.pathsep.join((str(ROOT), str(SITE)))}
        argv = (sys.executable, "-m", "imagehost.web.granian", "wsgi:app")
        web = stack.enter_context(servers.running("granian", directory, {**environment, **searched}, *argv))
        found += [
            rounds.repeated(f"{name}.granian", web, caller.operation(name, size.listed), size.seconds)
            for name in size.operations
        ]
    return found
