"""From the user's environment to the one that imagehost's processes get when parts of it are embedded.

Where S3 is embedded, nothing of the user's own AWS set-up may reach them: a profile, a session token or an endpoint
meant for another store would be sent to this one, or this one's secrets to another.
"""

import contextlib
import os
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from imagehost.config import ConfigError, is_loopback
from imagehost.embedded.directory import DataDirectory, Secrets
from imagehost.embedded.failure import StackError

BUCKET = "imagehost"
S3_NAMES = ("AWS_S3_BUCKET_NAME", "S3_BUCKET_NAME", "S3_ENDPOINT_URL")
# boto3 reads these by itself; empty files instead of the user's, and no question to a cloud's metadata address.
NO_OTHER_AWS = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    # Empty, not absent: the children read `.env` again, where one may stand.
    "AWS_SESSION_TOKEN": "",
}

NOT_REACHABLE = (
    "IMAGEHOST_BIND: the embedded S3 server answers this machine only, so browsers elsewhere could not upload; "
    "set S3_PUBLIC_ENDPOINT_URL to where a proxy of yours passes it on (with the Host header as it is), or "
    "AWS_S3_BUCKET_NAME and S3_ENDPOINT_URL to another store"
)
SIGNER = ("IMAGEHOST_SIGNER_ACCESS_KEY_ID", "IMAGEHOST_SIGNER_SECRET_ACCESS_KEY")
NO_SIGNER = f"{' and '.join(SIGNER)}: only with a store of your own; the embedded S3 server knows one identity"


def needs(environ: Mapping[str, str]) -> frozenset[str]:
    """The parts that the environment leaves to embed: a subset of {"redis", "s3"}."""
    parts = set()
    if not environ.get("REDIS_URL"):
        parts.add("redis")
    if not any(environ.get(name) for name in S3_NAMES):
        parts.add("s3")
    return frozenset(parts)


def data_directory(environ: Mapping[str, str]) -> DataDirectory:
    return DataDirectory(environ.get("IMAGEHOST_DATA_DIR") or "data")


def settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of the stack already made in the data directory, for a command in another terminal.

    It is `environ` itself, unchanged, where nothing is embedded or nothing was made yet. Like `Stack.prepare` it takes
    foreign AWS_* out of this process's own environment. Raises StackError when the secrets are there but unreadable.
    """
    directory = data_directory(environ)
    if not needs(environ) or (made := directory.read_secrets()) is None:
        return dict(environ)
    merged = merge(environ, directory, made)
    isolate(merged)
    return merged


def merge(environ: Mapping[str, str], directory: DataDirectory, made: Secrets) -> dict[str, str]:
    """The whole environment: the user's, and what the embedded parts add. What the user set stays, AWS_* apart.

    Raises ConfigError when the page is to be reachable from outside and the embedded S3 server would not be, or when it
    is given an identity of another store.
    """
    embedded = needs(environ)
    bind = environ.get("IMAGEHOST_BIND") or "127.0.0.1"
    if "s3" in embedded and _is_elsewhere(bind) and not environ.get("S3_PUBLIC_ENDPOINT_URL"):
        raise ConfigError([NOT_REACHABLE])
    if "s3" in embedded and any(environ.get(name) for name in SIGNER):
        raise ConfigError([NO_SIGNER])
    merged = dict(environ)
    merged["IMAGEHOST_DATA_DIR"] = str(directory.path)
    if "redis" in embedded:
        merged["REDIS_URL"] = "unix://" + quote(str(directory.redis_socket))
    if "s3" in embedded:
        merged = {name: value for name, value in merged.items() if not name.startswith("AWS_")}
        public = merged.get("S3_PUBLIC_ENDPOINT_URL")
        merged |= _s3(made) | NO_OTHER_AWS | ({"S3_PUBLIC_ENDPOINT_URL": public} if public else {})
    if embedded:
        merged.setdefault("FLASK_SECRET", made.flask_secret)
    if embedded and is_loopback(bind):
        merged.setdefault("IMAGEHOST_PUBLIC_URL", local_url(merged))
    if len(embedded) == 2 and _is_local_url(merged.get("IMAGEHOST_PUBLIC_URL", "")):
        merged.setdefault("IMAGEHOST_DEV", "1")
    return merged | _past_proxies(merged)


def local_url(environ: Mapping[str, str]) -> str:
    """Where this machine reaches the web server."""
    host, port = environ.get("IMAGEHOST_BIND") or "127.0.0.1", environ.get("PORT") or "8000"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def page_origins(public_url: str, port: int) -> list[str]:
    """The origins from which the page may upload: its public one, and both names of this machine."""
    return list(dict.fromkeys([public_url, f"http://127.0.0.1:{port}", f"http://localhost:{port}"]))


def isolate(merged: Mapping[str, str]) -> None:
    """Take AWS_* that `merged` does not have out of the process's environment, and put in those that it has."""
    for name in [name for name in os.environ if name.startswith("AWS_") and name not in merged]:
        del os.environ[name]
    kept = {name: value for name, value in merged.items() if name.startswith("AWS_") or name.lower() == "no_proxy"}
    os.environ.update(kept)


def _s3(made: Secrets) -> dict[str, str]:
    if not made.s3_port:
        raise StackError("The embedded S3 server has no port yet: run `make run` once.")
    return {
        "AWS_S3_BUCKET_NAME": BUCKET,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": made.access_key_id,
        "AWS_SECRET_ACCESS_KEY": made.secret_access_key,
        "S3_ENDPOINT_URL": f"http://127.0.0.1:{made.s3_port}",
        # Another host than the page's: cookies ignore ports, and hosts keep them apart.
        "S3_PUBLIC_ENDPOINT_URL": f"http://localhost:{made.s3_port}",
        "S3_ADDRESSING": "path",
    }


def _past_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """boto3 would send requests for this machine to the user's HTTP proxy."""
    if not any(environ.get(name) for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")):
        return {}
    listed = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    value = ",".join(filter(None, [listed, "127.0.0.1", "localhost"]))
    return {"no_proxy": value, "NO_PROXY": value}


def _is_elsewhere(host: str) -> bool:
    """Whether `host` is an address of more than this machine; a mistake is not, the configuration's check names it."""
    with contextlib.suppress(ValueError):
        return not ip_address(host).is_loopback
    return False


def _is_local_url(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return is_loopback(host)
