"""The configuration: one frozen, typed object, read from the environment once, with every fault reported together.

It owns the names, types and defaults of all variables (deploy.md lists them; a test holds the list complete) and reads
nothing else: no file but `.env`, no default secret. A secret's value never appears in a fault or a repr.
"""

import ipaddress
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)

from imagehost.faults import parse
from imagehost.redisurl import parse_redis_url

_ORIGIN = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?")
UNSERVABLE = 3  # a web server's exit code; at any other one gunicorn starts a worker anew, for ever
# The client's: known, so that they are no typos, and otherwise ignored.
IGNORED = frozenset({"IMAGEHOST_URL", "IMAGEHOST_TOKEN"})
# What belongs together, and what is done without it.
_PAIRS = {
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"): "boto3's own chain",
    ("IMAGEHOST_SIGNER_ACCESS_KEY_ID", "IMAGEHOST_SIGNER_SECRET_ACCESS_KEY"): "URLs are signed as all else is",
}


class ConfigError(Exception):
    """The configuration is not usable. `faults`: one sentence each, naming the variable and never a secret's value."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def refuse(error: ConfigError) -> NoReturn:
    """End a process of a web server, having said why on standard error."""
    print("imagehost cannot start:", *error.faults, sep="\n  ", file=sys.stderr)
    sys.exit(UNSERVABLE)


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _parse_fault(value: Any) -> Any:
    return parse(value) if isinstance(value, str) else value


Count = Annotated[int, Field(ge=1, le=10**15)]
Seconds = Annotated[int, Field(ge=1, le=604_800)]
Names = Annotated[tuple[str, ...], BeforeValidator(_split)]
Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_split)]


class Config(BaseModel):
    """Every setting in force. Field names are ours; the alias of each is the variable that sets it."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    flask_secret: Secrets = Field(validation_alias="FLASK_SECRET", description="secrets, newest first")
    redis_url: SecretStr = Field(validation_alias="REDIS_URL")
    redis_server: Path | None = Field(None, validation_alias="IMAGEHOST_REDIS_SERVER")

    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] = Field(
        validation_alias=AliasChoices("AWS_S3_BUCKET_NAME", "S3_BUCKET_NAME")
    )
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")] = Field("us-east-1", validation_alias="AWS_REGION")
    access_key_id: str | None = Field(None, validation_alias="AWS_ACCESS_KEY_ID")
    secret_access_key: SecretStr | None = Field(None, validation_alias="AWS_SECRET_ACCESS_KEY")
    session_token: SecretStr | None = Field(None, validation_alias="AWS_SESSION_TOKEN")
    signer_access_key_id: str | None = Field(None, validation_alias="IMAGEHOST_SIGNER_ACCESS_KEY_ID")
    signer_secret_access_key: SecretStr | None = Field(None, validation_alias="IMAGEHOST_SIGNER_SECRET_ACCESS_KEY")
    s3_endpoint_url: str | None = Field(None, validation_alias="S3_ENDPOINT_URL")
    s3_public_endpoint_url: str | None = Field(None, validation_alias="S3_PUBLIC_ENDPOINT_URL")
    s3_addressing: Literal["auto", "path", "virtual"] = Field("auto", validation_alias="S3_ADDRESSING")
    s3_server: Path | None = Field(None, validation_alias="IMAGEHOST_S3_SERVER")

    port: Annotated[int, Field(ge=1, le=65535)] = Field(8000, validation_alias="PORT")
    bind: str = Field("127.0.0.1", validation_alias="IMAGEHOST_BIND")
    public_url: str = Field(validation_alias="IMAGEHOST_PUBLIC_URL")
    server: Literal["gunicorn", "granian"] = Field("gunicorn", validation_alias="IMAGEHOST_SERVER")
    trusted_proxies: Annotated[int, Field(ge=0, le=10)] = Field(0, validation_alias="IMAGEHOST_TRUSTED_PROXIES")
    debug: bool = Field(False, validation_alias="FLASK_DEBUG")
    dev: bool = Field(False, validation_alias="IMAGEHOST_DEV")
    data_dir: Path = Field(Path("data"), validation_alias="IMAGEHOST_DATA_DIR")

    max_bytes: Count = Field(25 * 2**20, validation_alias="IMAGEHOST_MAX_BYTES")
    quota_bytes: Count = Field(10 * 2**30, validation_alias="IMAGEHOST_QUOTA_BYTES")
    quota_images: Count = Field(100_000, validation_alias="IMAGEHOST_QUOTA_IMAGES")
    max_pending: Count = Field(1_000, validation_alias="IMAGEHOST_MAX_PENDING")

    upload_url_s: Seconds = Field(900, validation_alias="IMAGEHOST_UPLOAD_URL_S")
    upload_grace_s: Seconds = Field(3_900, validation_alias="IMAGEHOST_UPLOAD_GRACE_S")
    lease_s: Seconds = Field(120, validation_alias="IMAGEHOST_LEASE_S")
    sweep_s: Seconds = Field(15, validation_alias="IMAGEHOST_SWEEP_S")
    url_window_s: Annotated[int, Field(ge=1, le=302_400)] = Field(900, validation_alias="IMAGEHOST_URL_WINDOW_S")

    delivery: Literal["redirect", "proxy"] = Field("redirect", validation_alias="IMAGEHOST_DELIVERY")

    gates: Annotated[int, Field(ge=1, le=256)] = Field(
        default_factory=lambda: os.cpu_count() or 1, validation_alias="IMAGEHOST_GATES"
    )
    eager: Names = Field(("thumb",), validation_alias="IMAGEHOST_EAGER")
    statuses: Names = Field(("generated", "printed", "ordered", "deleted"), validation_alias="IMAGEHOST_STATUSES")

    fault: Annotated[tuple[str, str] | None, BeforeValidator(_parse_fault)] = Field(
        None, validation_alias="IMAGEHOST_FAULT"
    )

    @field_validator("flask_secret")
    @classmethod
    def _long_secrets(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not secrets or any(len(s.get_secret_value()) < 32 for s in secrets):
            raise ValueError("at least one secret, each of 32 characters or more")
        return secrets

    @field_validator("redis_url")
    @classmethod
    def _redis_form(cls, url: SecretStr) -> SecretStr:
        parse_redis_url(url.get_secret_value())
        return url

    @field_validator("public_url", "s3_endpoint_url", "s3_public_endpoint_url")
    @classmethod
    def _origin(cls, url: str | None) -> str | None:
        if url is None:
            return None
        if _ORIGIN.fullmatch(url) is None or not 0 < (urlsplit(url).port or 80) < 65_536:
            raise ValueError("http:// or https:// with a host and no path")
        return url.rstrip("/")

    @field_validator("bind")
    @classmethod
    def _address(cls, address: str) -> str:
        return str(ipaddress.ip_address(address))

    @field_validator("eager")
    @classmethod
    def _eager_are_named(cls, eager: tuple[str, ...]) -> tuple[str, ...]:
        if eager not in (("thumb",), ("thumb", "preview")):
            raise ValueError("thumb, or thumb,preview")
        return eager

    @field_validator("statuses")
    @classmethod
    def _statuses_include_trash(cls, statuses: tuple[str, ...]) -> tuple[str, ...]:
        if "deleted" not in statuses or statuses[0] == "deleted" or len(set(statuses)) != len(statuses):
            raise ValueError("different words with 'deleted' among them, but not first")
        return statuses


def is_loopback(host: str) -> bool:
    """Whether a host name or address, without a port, can only be this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def variables() -> dict[str, tuple[str, ...]]:
    """Field name → the names of the variables that set it."""
    names: dict[str, tuple[str, ...]] = {}
    for name, field in Config.model_fields.items():
        alias = field.validation_alias
        names[name] = tuple(map(str, alias.choices)) if isinstance(alias, AliasChoices) else (str(alias),)
    return names


def read_environment() -> dict[str, str]:
    """The process's environment over `.env` in the working directory; empty values count as unset."""
    merged: dict[str, str | None] = {**dotenv_values(".env"), **os.environ}
    return {name: value for name, value in merged.items() if value}


def load_config(environ: Mapping[str, str]) -> Config:
    """Parse and validate; raises ConfigError with all faults together."""
    known = {v for names in variables().values() for v in names} | IGNORED
    faults = [
        f"{n}: no such setting (a typo?)" for n in sorted(environ) if n.startswith("IMAGEHOST_") and n not in known
    ]
    try:
        config = Config.model_validate(dict(environ))
    except ValidationError as exc:
        for error in exc.errors(include_input=False, include_url=False):
            message = "required, and not set" if error["type"] == "missing" else error["msg"]
            faults.append(f"{error['loc'][0]}: {message.removeprefix('Value error, ')}")
    for (first, second), otherwise in _PAIRS.items():
        if (first in environ) != (second in environ):
            faults.append(f"{first} and {second}: both or neither (without them {otherwise})")
    if not faults and config.fault and not config.dev:
        faults.append("IMAGEHOST_FAULT: refused unless IMAGEHOST_DEV=1")
    if faults:
        raise ConfigError(faults)
    return config
