"""The policies and bucket settings in `deploy/` against what the code asks of S3."""

import ast
import json
import re
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from imagehost.storage import bucket, object_keys
from tests.unit.settings import config

ROOT = Path(__file__).resolve().parent.parent.parent
STORAGE = ROOT / "imagehost" / "storage"
# Method of boto3's client → the actions that AWS asks for (its Service Authorization Reference).
ACTIONS = {
    "delete_object": {"s3:DeleteObject", "s3:DeleteObjectVersion"},
    "delete_objects": {"s3:DeleteObject"},
    "get_bucket_lifecycle_configuration": {"s3:GetLifecycleConfiguration"},
    "get_bucket_versioning": {"s3:GetBucketVersioning"},
    "get_object": {"s3:GetObject"},
    "head_bucket": {"s3:ListBucket"},
    "head_object": {"s3:GetObject"},
    "list_object_versions": {"s3:ListBucketVersions"},
    "list_objects_v2": {"s3:ListBucket"},
    "put_object": {"s3:PutObject"},
}
LOCAL = {"close", "get_paginator", "generate_presigned_url"}  # methods of the client that ask nobody
SETTERS = {"bucket.py"}  # only the embedded stack and `imagehost bucket` use it, as an administrator


def load(name: str) -> Any:
    return json.loads((ROOT / "deploy" / name).read_text(encoding="utf-8"))


def allowed(name: str) -> dict[str, set[str]]:
    """Action → the resources that it is allowed for, without the bucket's ARN ("" is the bucket itself)."""
    found: dict[str, set[str]] = {}
    for statement in load(name)["Statement"]:
        assert statement["Effect"] == "Allow"
        actions, resources = statement["Action"], statement["Resource"]
        for action in [actions] if isinstance(actions, str) else actions:
            for arn in [resources] if isinstance(resources, str) else resources:
                found.setdefault(action, set()).add(arn.removeprefix("arn:aws:s3:::BUCKET").removeprefix("/"))
    return found


def is_client(node: ast.expr) -> bool:
    """`self._s3`, `probe.client`, `self.client`, `client`."""
    return ast.unparse(node).split(".")[-1] in {"_s3", "client"}


def methods_called(path: Path) -> set[str]:
    """What a module calls of a boto3 client, pages included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and is_client(node.func.value):
            found.add(node.func.attr)
            if node.func.attr == "get_paginator":
                found.add(ast.literal_eval(node.args[0]))
    return found - LOCAL


def called() -> set[str]:
    return set().union(*(methods_called(path) for path in STORAGE.glob("*.py") if path.name not in SETTERS))


def test_the_servers_policy_allows_what_the_code_calls_and_nothing_else() -> None:
    methods = called()
    assert {"put_object", "get_object", "delete_objects", "list_objects_v2"} <= methods
    assert methods == set(ACTIONS)
    assert set(allowed("aws/server.json")) == set().union(*(ACTIONS[method] for method in methods))


def test_the_calls_that_change_a_bucket_are_left_to_administrators() -> None:
    setters = [
        path for path in (ROOT / "imagehost").rglob("*.py") if "storage.bucket " in path.read_text(encoding="utf-8")
    ]
    assert {str(path.relative_to(ROOT / "imagehost")) for path in setters} == {"cli/bucket.py"}
    assert methods_called(STORAGE / "bucket.py") > {"create_bucket", "put_bucket_cors"}


def test_the_servers_policy_names_every_prefix_and_lets_no_account_or_name_be_removed() -> None:
    policy = allowed("aws/server.json")
    prefixes = {value for name, value in vars(object_keys).items() if name.isupper() and str(value).endswith("/")}
    assert policy["s3:GetObject"] == {f"{prefix}*" for prefix in prefixes}
    forever = {f"{object_keys.ACCOUNTS}*", f"{object_keys.USERNAMES}*"}
    assert policy["s3:DeleteObject"] == policy["s3:GetObject"] - forever
    # Only clients write there, by URLs that the signer has signed.
    assert policy["s3:PutObject"] == policy["s3:GetObject"] - {f"{object_keys.INCOMING}*"}
    assert policy["s3:ListBucket"] == {""}


def test_the_signers_policy_allows_what_the_presigner_signs() -> None:
    written, read = object_keys.INCOMING, (object_keys.UPLOADS, object_keys.VARIANTS)
    assert allowed("aws/signer.json") == {
        "s3:PutObject": {f"{written}*"},
        "s3:GetObject": {f"{prefix}*" for prefix in read},
    }
    signed = re.findall(r"startswith\((.*)\):", (STORAGE / "presign.py").read_text(encoding="utf-8"))
    assert signed == ["object_keys.INCOMING", "(object_keys.UPLOADS, object_keys.VARIANTS)"]


def test_seaweedfs_identities_may_do_the_same() -> None:
    by_name = {identity["name"]: identity["actions"] for identity in load("seaweedfs/s3.json")["identities"]}
    words = {"s3:PutObject": "Write", "s3:GetObject": "Read"}
    signer = {
        f"{words[action]}:imagehost/{prefix}"
        for action, prefixes in allowed("aws/signer.json").items()
        for prefix in prefixes
    }
    assert set(by_name["imagehost-signer"]) == signer
    assert set(by_name["imagehost-server"]) == {"Read:imagehost", "Write:imagehost", "List:imagehost"}
    for identity in load("seaweedfs/s3.json")["identities"]:
        (pair,) = identity["credentials"]
        assert all(value.startswith("REPLACE-") for value in pair.values())


def test_the_buckets_settings_are_those_of_the_embedded_one(monkeypatch: pytest.MonkeyPatch) -> None:
    client = mock.Mock()
    monkeypatch.setattr(bucket, "connect", lambda _: client)
    bucket.ensure_bucket(config(), ["https://images.example.org"])
    assert client.put_bucket_cors.call_args.kwargs["CORSConfiguration"] == load("aws/cors.json")
    lifecycle = client.put_bucket_lifecycle_configuration.call_args.kwargs["LifecycleConfiguration"]
    assert lifecycle == load("aws/lifecycle.json")
    assert set(load("aws/public-access-block.json").values()) == {True}


@pytest.mark.parametrize(
    "region, endpoint, where",
    [
        ("eu-central-1", "http://127.0.0.1:1", {}),  # a store of one's own knows no regions
        ("eu-central-1", None, {"LocationConstraint": "eu-central-1"}),
        ("us-east-1", None, {}),
    ],
)
def test_aws_is_told_the_region_of_a_new_bucket(
    monkeypatch: pytest.MonkeyPatch, region: str, endpoint: str | None, where: dict[str, str]
) -> None:
    client = mock.Mock()
    monkeypatch.setattr(bucket, "connect", lambda _: client)
    settings = config(AWS_REGION=region).model_copy(update={"s3_endpoint_url": endpoint})
    bucket.ensure_bucket(settings, ["https://images.example.org"])
    assert client.create_bucket.call_args.kwargs.get("CreateBucketConfiguration", {}) == where


def test_every_connection_to_the_bucket_must_be_encrypted() -> None:
    (statement,) = load("aws/bucket-policy.json")["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Principal"]) == ("Deny", "s3:*", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
