"""The whole app in this process, on stand-ins for its servers: for shapes and headers, not for what the servers prove.

fakeredis runs no Lua here, so `apply_account`, the one script that these tests need, is played by hand.
"""

import io
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import fakeredis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from moto import mock_aws

from imagehost.app import create_app
from imagehost.config import load_config
from imagehost.ids import SHARDS
from imagehost.index import client as index_client
from imagehost.index import keyspace
from imagehost.index.scripts import Scripts
from imagehost.services.facade import Services
from imagehost.web import logs
from imagehost.web.context import EXTENSION
from tests.unit.settings import CREDENTIALS, REQUIRED

MakeApp = Callable[..., Flask]


@dataclass(frozen=True, slots=True)
class Caller:
    """An account and the header that authenticates it."""

    uid: str
    headers: dict[str, str]


@pytest.fixture(scope="module")
def make_app() -> Iterator[MakeApp]:
    """Makes apps that share one fake Redis and one fake S3; further variables change the configuration."""
    index = fakeredis.FakeRedis(decode_responses=True)
    for shard in SHARDS:
        index.hset(keyspace.meta(shard), "epoch", "epoch123")

    def run_script(_: Scripts, name: str, keys: list[str], *args: str | int) -> Any:
        if name == "list_page":
            # nobody has images here
            return ["epoch123", 0, 0, index.hmget(keys[2], str(args[5]), "checked")]
        assert name == "apply_account", "these tests have no Lua"
        rev, checked, *fields = args
        items = ["rev", rev, "checked", checked, *fields]
        index.delete(keys[0])
        index.hset(keys[0], items=items)
        return "ok"

    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setattr(index_client, "connect", lambda _: index)
        patch.setattr(Scripts, "__call__", run_script)
        patch.setattr(logs, "configure", lambda: None)  # pytest has its own handlers
        boto3.session.Session(region_name="us-east-1").client("s3").create_bucket(Bucket="pictures")

        def make(**environ: str) -> Flask:
            made = create_app(load_config(REQUIRED | CREDENTIALS | environ))
            assert made.config["PROPAGATE_EXCEPTIONS"] is False
            return made

        yield make


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    return make_app(IMAGEHOST_DEV="1")


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="module")
def services(app: Flask) -> Services:
    found = app.extensions[EXTENSION]
    assert isinstance(found, Services)
    return found


@pytest.fixture(scope="module")
def caller(services: Services) -> Caller:
    uid = services.accounts.create().uid
    return Caller(uid, {"X-API-Key": services.accounts.issue_key(uid, "test").token})


@pytest.fixture
def log_text() -> Iterator[Callable[[], str]]:
    """What this process has logged since the test began, as it would be written."""
    root, stream = logging.getLogger(), io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonFormatter())
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield stream.getvalue
    root.setLevel(level)
    root.removeHandler(handler)


@pytest.fixture
def log_lines(log_text: Callable[[], str]) -> Callable[[], list[dict[str, object]]]:
    """The same, line by line."""
    return lambda: [json.loads(line) for line in log_text().split("\n")[:-1]]
