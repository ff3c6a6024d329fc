import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagehost.config import Config, ConfigError, load_config, read_environment, variables
from tests.unit.settings import CREDENTIALS, REQUIRED, SECRET, SIGNER, config

HIDDEN = "hunter2-hunter2"
DEFAULTS = {
    "redis_server": None,
    "region": "us-east-1",
    "access_key_id": None,
    "secret_access_key": None,
    "session_token": None,
    "signer_access_key_id": None,
    "signer_secret_access_key": None,
    "s3_endpoint_url": None,
    "s3_public_endpoint_url": None,
    "s3_addressing": "auto",
    "s3_server": None,
    "port": 8000,
    "server": "gunicorn",
    "bind": "127.0.0.1",
    "trusted_proxies": 0,
    "debug": False,
    "dev": False,
    "data_dir": Path("data"),
    "max_bytes": 25 * 1024 * 1024,
    "quota_bytes": 10 * 1024**3,
    "quota_images": 100_000,
    "max_pending": 1_000,
    "upload_url_s": 900,
    "upload_grace_s": 3_900,
    "lease_s": 120,
    "sweep_s": 15,
    "url_window_s": 900,
    "delivery": "redirect",
    "gates": os.cpu_count(),
    "eager": ("thumb",),
    "statuses": ("generated", "printed", "ordered", "deleted"),
    "fault": None,
}
WRONG = {
    "IMAGEHOST_DELIVERY": "stream",
    "FLASK_SECRET": "too-short",
    "REDIS_URL": "http://127.0.0.1",
    "AWS_S3_BUCKET_NAME": "No Such Bucket",
    "S3_ENDPOINT_URL": "s3.example.org",
    "S3_PUBLIC_ENDPOINT_URL": "https://s3.example.org/path",
    "S3_ADDRESSING": "sideways",
    "PORT": "99999",
    "IMAGEHOST_BIND": "localhost",
    "IMAGEHOST_PUBLIC_URL": "ftp://example.org",
    "IMAGEHOST_TRUSTED_PROXIES": "-1",
    "FLASK_DEBUG": "perhaps",
    "IMAGEHOST_DEV": "perhaps",
    "IMAGEHOST_MAX_BYTES": "0",
    "IMAGEHOST_QUOTA_BYTES": "ten",
    "IMAGEHOST_QUOTA_IMAGES": "-5",
    "IMAGEHOST_MAX_PENDING": "1.5",
    "IMAGEHOST_UPLOAD_URL_S": "604801",
    "IMAGEHOST_UPLOAD_GRACE_S": "0",
    "IMAGEHOST_LEASE_S": "0",
    "IMAGEHOST_SWEEP_S": "0",
    "IMAGEHOST_URL_WINDOW_S": "302401",
    "IMAGEHOST_GATES": "0",
    "IMAGEHOST_EAGER": "preview",
    "IMAGEHOST_STATUSES": "new,used",
    "IMAGEHOST_FAULT": "after_put:explode",
}


NO_ORIGINS = [
    "example.org",
    "//example.org",
    "ftp://h",
    "http://",
    "http://[",
    "https://h/path",
    "https://h?",
    "https://h?q",
    "https://h#f",
    "https://u:p@h",
    "https://h:99999",
    "https://h:x",
    "https://h x",
    "https://h\\",
    "https://h;script-src *",
]


def faults_of(environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(environ)
    assert str(caught.value) == "\n".join(caught.value.faults)
    return caught.value.faults


def test_what_is_required_and_nothing_else_has_no_default() -> None:
    assert [fault.split(": ")[1] for fault in faults_of({})] == ["required, and not set"] * 4
    assert {fault.split(": ")[0] for fault in faults_of({})} == set(REQUIRED)


def test_everything_else_has_its_default() -> None:
    made = load_config(REQUIRED)
    assert {name: getattr(made, name) for name in DEFAULTS} == DEFAULTS
    assert set(variables()) - set(DEFAULTS) == {"flask_secret", "redis_url", "bucket", "public_url"}


def test_every_fault_is_reported_at_once_and_by_its_variable() -> None:
    faults = faults_of(WRONG | {"IMAGEHOST_TYPO": "1", "AWS_ACCESS_KEY_ID": "half"})
    named = [fault.split(": ")[0] for fault in faults]
    expected = {*WRONG, "IMAGEHOST_TYPO", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"}
    assert set(named) == expected
    assert len(named) == len(expected)


def test_a_wrong_value_beside_a_missing_one_is_reported_too() -> None:
    assert len(faults_of({"PORT": "x"})) == 5


@pytest.mark.parametrize("name", ["IMAGEHOST_MAX_BYTE", "IMAGEHOST_", "IMAGEHOST_SECRET"])
def test_an_unknown_name_of_ours_is_a_fault_without_its_value(name: str) -> None:
    (fault,) = faults_of(REQUIRED | {name: HIDDEN})
    assert name in fault
    assert HIDDEN not in fault


def test_a_fault_point_is_armed_in_development_mode_only() -> None:
    armed = {"IMAGEHOST_FAULT": "after_put:kill"}
    assert faults_of(REQUIRED | armed) == ["IMAGEHOST_FAULT: refused unless IMAGEHOST_DEV=1"]
    assert load_config(REQUIRED | armed | {"IMAGEHOST_DEV": "1"}).fault == ("after_put", "kill")
    assert "after_reserve" in faults_of(REQUIRED | {"IMAGEHOST_FAULT": "nowhere:kill"})[0]


@pytest.mark.parametrize("name", ["IMAGEHOST_URL", "IMAGEHOST_TOKEN", "PATH", "imagehost_typo"])
def test_the_clients_names_and_those_of_others_are_ignored(name: str) -> None:
    assert load_config(REQUIRED | {name: "x"}) == load_config(REQUIRED)


@pytest.mark.parametrize(
    "wrong",
    [
        {"FLASK_SECRET": HIDDEN},
        {"FLASK_SECRET": f"{SECRET},{HIDDEN}"},
        {"REDIS_URL": f"http://:{HIDDEN}@127.0.0.1"},
        {"REDIS_URL": f"redis://:{HIDDEN}@["},
        {"REDIS_URL": f"redis://:{HIDDEN}℀@127.0.0.1"},
        {"AWS_SECRET_ACCESS_KEY": HIDDEN},
        {"AWS_SECRET_ACCESS_KEY": HIDDEN, "PORT": "x"},
        {"AWS_SESSION_TOKEN": HIDDEN, "PORT": "x"},
    ],
)
def test_a_secrets_value_is_never_in_the_report(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(REQUIRED | wrong)
    assert HIDDEN not in str(caught.value)


def test_a_secrets_value_is_never_in_the_repr() -> None:
    secrets = {
        "FLASK_SECRET": f"{HIDDEN}-0123456789-0123456789",
        "REDIS_URL": f"redis://:{HIDDEN}@127.0.0.1",
        "AWS_SECRET_ACCESS_KEY": HIDDEN,
        "AWS_SESSION_TOKEN": HIDDEN,
    }
    made = config(**secrets)
    assert HIDDEN not in repr(made)
    assert HIDDEN not in str(made)


@pytest.mark.parametrize("name", sorted(CREDENTIALS | SIGNER))
def test_one_half_of_a_pair_of_credentials_is_a_fault(name: str) -> None:
    value = (CREDENTIALS | SIGNER)[name]
    (fault,) = faults_of(REQUIRED | {name: value})
    assert "both or neither" in fault
    assert value not in fault


def test_secrets_are_read_newest_first() -> None:
    made = config(FLASK_SECRET=f"{SECRET}-new, {SECRET}-old")
    assert [secret.get_secret_value() for secret in made.flask_secret] == [f"{SECRET}-new", f"{SECRET}-old"]


def test_the_buckets_other_name_is_understood() -> None:
    environ = {name: value for name, value in REQUIRED.items() if name != "AWS_S3_BUCKET_NAME"}
    assert load_config(environ | {"S3_BUCKET_NAME": "photos"}).bucket == "photos"
    assert variables()["bucket"] == ("AWS_S3_BUCKET_NAME", "S3_BUCKET_NAME")


@pytest.mark.parametrize(
    "url",
    [
        "redis://h",
        "rediss://h:6380/1",
        "unix:///run/redis.sock",
        "redis+cluster://:p@one:7000,two",
        "redis+sentinel://one,two/mymaster",
    ],
)
def test_these_addresses_of_redis_are_accepted(url: str) -> None:
    assert config(REDIS_URL=url).redis_url.get_secret_value() == url


@pytest.mark.parametrize(
    "url", ["redis://h:port", "redis://h:99999", "rediss://:secret@h:x/0", "redis+cluster://h:x", "redis+sentinel://h"]
)
def test_an_address_of_redis_without_a_sensible_port_is_a_fault(url: str) -> None:
    (fault,) = faults_of(REQUIRED | {"REDIS_URL": url})
    assert fault.startswith("REDIS_URL: ")


@pytest.mark.parametrize("name", ["IMAGEHOST_PUBLIC_URL", "S3_ENDPOINT_URL", "S3_PUBLIC_ENDPOINT_URL"])
@pytest.mark.parametrize("url", NO_ORIGINS)
def test_an_address_is_an_origin_and_no_more(name: str, url: str) -> None:
    (fault,) = faults_of(REQUIRED | {name: url})
    assert fault.startswith(f"{name}: ")


def test_a_slash_behind_an_origin_does_no_harm() -> None:
    made = config(IMAGEHOST_PUBLIC_URL="https://images.example.org:8443/")
    assert made.public_url == "https://images.example.org:8443"


@pytest.mark.parametrize("statuses", ["new,used", "deleted,new", "new,new,deleted", ","])
def test_the_statuses_are_different_and_trash_is_among_them_but_not_first(statuses: str) -> None:
    (fault,) = faults_of(REQUIRED | {"IMAGEHOST_STATUSES": statuses})
    assert "deleted" in fault


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Config.__setattr__(config(), "port", 1)


def test_the_process_goes_before_the_file_and_empty_counts_as_unset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("PORT=1\nIMAGEHOST_BIND=127.0.0.2\nIMAGEHOST_DEV=\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", {"PORT": "2", "AWS_REGION": ""})
    assert read_environment() == {"PORT": "2", "IMAGEHOST_BIND": "127.0.0.2"}


@given(st.dictionaries(st.sampled_from(sorted(WRONG)), st.text(max_size=30)))
def test_no_value_makes_anything_but_a_configuration_or_a_report(environ: dict[str, str]) -> None:
    faults: list[str] = []
    try:
        load_config(REQUIRED | environ)
    except ConfigError as exc:
        faults = exc.faults
    assert all(": " in fault for fault in faults)
