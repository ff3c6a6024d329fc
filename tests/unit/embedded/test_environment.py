import os
from pathlib import Path

import pytest

from imagehost.config import ConfigError, load_config, read_environment
from imagehost.embedded import needs, settings
from imagehost.embedded.directory import DataDirectory, Secrets
from imagehost.embedded.environment import merge, page_origins
from imagehost.embedded.failure import StackError
from imagehost.storage.client import find_credentials
from tests.unit.settings import SIGNER

OWN_S3 = {"AWS_S3_BUCKET_NAME": "photos", "AWS_PROFILE": "work"}
OWN_REDIS = {"REDIS_URL": "redis://10.0.0.5:6379"}


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    return DataDirectory(str(tmp_path / "data"))


@pytest.fixture
def made() -> Secrets:
    return Secrets(s3_port=12_000)


@pytest.mark.parametrize(
    "environ,parts",
    [
        ({}, {"redis", "s3"}),
        ({"REDIS_URL": ""}, {"redis", "s3"}),
        (OWN_REDIS, {"s3"}),
        (OWN_S3, {"redis"}),
        ({"S3_BUCKET_NAME": "photos"}, {"redis"}),
        ({"S3_ENDPOINT_URL": "https://s3.example.org"}, {"redis"}),
        (OWN_S3 | OWN_REDIS, set()),
    ],
)
def test_what_is_not_configured_is_embedded(environ: dict[str, str], parts: set[str]) -> None:
    assert needs(environ) == parts


def test_with_no_configuration_everything_is_local(directory: DataDirectory, made: Secrets) -> None:
    merged = merge({"PORT": "8500"}, directory, made)
    assert merged["IMAGEHOST_PUBLIC_URL"] == "http://127.0.0.1:8500"
    assert merged["S3_ENDPOINT_URL"] == "http://127.0.0.1:12000"
    assert merged["S3_PUBLIC_ENDPOINT_URL"] == "http://localhost:12000"
    assert merged["REDIS_URL"] == f"unix://{directory.path}/run/redis.sock"
    assert merged["IMAGEHOST_DEV"] == "1"
    assert merged["FLASK_SECRET"] == made.flask_secret


def test_foreign_aws_settings_do_not_reach_the_embedded_s3(directory: DataDirectory, made: Secrets) -> None:
    foreign = {
        "AWS_PROFILE": "work",
        "AWS_SESSION_TOKEN": "temporary",
        "AWS_ENDPOINT_URL": "https://s3.example.org",
        "AWS_ACCESS_KEY_ID": "AKIAFOREIGN",
        "AWS_SECRET_ACCESS_KEY": "foreign",
    }
    merged = merge(foreign, directory, made)
    assert not {"AWS_PROFILE", "AWS_ENDPOINT_URL"} & set(merged)
    assert not merged["AWS_SESSION_TOKEN"]
    assert merged["AWS_ACCESS_KEY_ID"] == made.access_key_id
    assert merged["AWS_SECRET_ACCESS_KEY"] == made.secret_access_key


def test_a_session_token_in_env_files_does_not_reach_the_children_either(
    directory: DataDirectory, made: Secrets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("AWS_SESSION_TOKEN=temporary\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name, value in merge({}, directory, made).items():
        monkeypatch.setenv(name, value)
    child = load_config(read_environment())
    assert child.session_token is None
    assert find_credentials(child).token is None


def test_with_an_own_bucket_its_aws_settings_stay(directory: DataDirectory, made: Secrets) -> None:
    merged = merge(OWN_S3, directory, made)
    assert merged["AWS_PROFILE"] == "work"
    assert "S3_ENDPOINT_URL" not in merged
    assert merged["REDIS_URL"].startswith("unix://")
    assert "IMAGEHOST_DEV" not in merged


def test_with_everything_configured_nothing_is_added(directory: DataDirectory, made: Secrets) -> None:
    environ = OWN_S3 | OWN_REDIS
    assert merge(environ, directory, made) == environ | {"IMAGEHOST_DATA_DIR": str(directory.path)}


def test_a_page_behind_a_proxy_is_not_in_development_mode(directory: DataDirectory, made: Secrets) -> None:
    assert "IMAGEHOST_DEV" not in merge({"IMAGEHOST_PUBLIC_URL": "https://img.example.org"}, directory, made)
    assert merge({"IMAGEHOST_PUBLIC_URL": "http://localhost:8000"}, directory, made)["IMAGEHOST_DEV"] == "1"


def test_what_the_user_set_is_kept(directory: DataDirectory, made: Secrets) -> None:
    environ = {"FLASK_SECRET": "x" * 40, "IMAGEHOST_DEV": "0", "IMAGEHOST_PUBLIC_URL": "http://127.0.0.1:1"}
    assert environ.items() <= merge(environ, directory, made).items()


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.5", "::"])
def test_a_page_for_other_machines_needs_an_s3_that_they_can_reach(
    directory: DataDirectory, made: Secrets, address: str
) -> None:
    with pytest.raises(ConfigError, match="S3_PUBLIC_ENDPOINT_URL"):
        merge({"IMAGEHOST_BIND": address}, directory, made)
    assert merge({"IMAGEHOST_BIND": address} | OWN_S3, directory, made)["IMAGEHOST_BIND"] == address
    proxied = {"IMAGEHOST_BIND": address, "S3_PUBLIC_ENDPOINT_URL": "https://s3.example.org"}
    assert proxied.items() <= merge(proxied, directory, made).items()


@pytest.mark.parametrize("name", sorted(SIGNER))
def test_an_identity_to_sign_with_is_refused_beside_the_embedded_s3(
    directory: DataDirectory, made: Secrets, name: str
) -> None:
    with pytest.raises(ConfigError, match=name):
        merge({name: SIGNER[name]}, directory, made)
    assert merge(SIGNER | OWN_S3, directory, made)[name] == SIGNER[name]


def test_an_ipv6_loopback_address_makes_an_ipv6_page(directory: DataDirectory, made: Secrets) -> None:
    assert merge({"IMAGEHOST_BIND": "::1"}, directory, made)["IMAGEHOST_PUBLIC_URL"] == "http://[::1]:8000"


def test_a_proxy_is_not_asked_for_this_machine(directory: DataDirectory, made: Secrets) -> None:
    merged = merge({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "intranet"}, directory, made)
    assert merged["NO_PROXY"] == merged["no_proxy"] == "intranet,127.0.0.1,localhost"


def test_a_strange_path_survives_in_the_redis_url(tmp_path: Path, made: Secrets) -> None:
    merged = merge({}, DataDirectory(str(tmp_path / "a b%#?")), made)
    assert merged["REDIS_URL"].endswith("/a%20b%25%23%3F/run/redis.sock")


def test_the_page_may_upload_from_both_names_of_this_machine() -> None:
    assert page_origins("http://127.0.0.1:8000", 8000) == ["http://127.0.0.1:8000", "http://localhost:8000"]
    assert page_origins("https://img.example.org", 8000)[0] == "https://img.example.org"


def test_settings_of_a_stack_that_was_never_made_are_the_environment(tmp_path: Path) -> None:
    environ = {"IMAGEHOST_DATA_DIR": str(tmp_path / "none")}
    assert settings(environ) == environ
    assert not (tmp_path / "none").exists()


def test_settings_take_foreign_aws_settings_out_of_the_process(
    tmp_path: Path, made: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED", "AWS_REGION"):
        monkeypatch.setenv(name, "")
    for name in ("AWS_S3_BUCKET_NAME", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.setenv(name, "foreign")
    directory = DataDirectory(str(tmp_path / "data"))
    directory.lock()
    directory.write_secrets(made)
    directory.unlock()
    found = settings({"IMAGEHOST_DATA_DIR": str(directory.path)})
    assert found["AWS_ACCESS_KEY_ID"] == made.access_key_id
    assert "AWS_PROFILE" not in os.environ
    assert os.environ["AWS_ACCESS_KEY_ID"] == made.access_key_id


def test_unreadable_secrets_are_an_error_and_are_not_made_anew(tmp_path: Path) -> None:
    (tmp_path / "embedded.json").write_text("{cut of")
    with pytest.raises(StackError, match="restore it"):
        settings({"IMAGEHOST_DATA_DIR": str(tmp_path)})
    assert (tmp_path / "embedded.json").read_text() == "{cut of"
