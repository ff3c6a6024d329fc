"""The command lines of the two embedded servers: closed down to this machine and this user.

Every flag is given each time: SeaweedFS writes the ones it was started with into its data directory and would fill any
omitted one from there.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imagehost.embedded.directory import DataDirectory, Secrets
from imagehost.embedded.ports import ADMIN, ADMIN_GRPC
from imagehost.embedded.process import Command


@dataclass(frozen=True, slots=True)
class Damage:
    """By which words a server tells that its own data cannot be read, and what helps; `{}` is the data directory."""

    words: re.Pattern[str]
    cure: str


DAMAGE = {
    "redis": Damage(
        re.compile(r"append.only|\bAOF\b|\bRDB\b", re.IGNORECASE),
        "Its data is damaged, and an index only: move {}/redis away, and the next start makes it anew from the bucket.",
    ),
    "s3": Damage(
        re.compile(r"corrupt|not a valid folder|missing files", re.IGNORECASE),
        "Its data is damaged: restore {}/s3 from a copy.",
    ),
}


def redis_command(program: str, directory: DataDirectory) -> Command:
    """No TCP port, one socket for this user only; nothing that was acknowledged is older than a second on disk."""
    options = {
        "port": "0",
        "unixsocket": str(directory.redis_socket),
        "unixsocketperm": "600",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        # A value over 64 bytes (a title) would otherwise triple the memory of an image's hash.
        "hash-max-listpack-value": "512",
        "dir": str(directory.redis),
    }
    argv = [program, *(word for name, value in options.items() for word in (f"--{name}", value))]
    return Command("redis", argv, _bare_environment(directory.run), cwd=directory.redis)


def s3_command(program: str, directory: DataDirectory, secrets: Secrets, origins: Sequence[str]) -> Command:
    """SeaweedFS with all its parts in one process; only S3 itself answers, and only to signed requests.

    It is closed twice: `-disableHttp` shuts the filer's own HTTP interface, and with the JWT keys neither filer nor
    volume server serves anybody but each other. Without the AWS_* pair it would let everybody in.
    """
    port = secrets.s3_port
    flags = {
        "dir": ".",  # relative to cwd: a comma in a path would be read as a list
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",  # else it listens on every interface
        "disableHttp": "true",
        "idleTimeout": "3",  # else idle connections delay the end by half a minute
        "webdav": "false",
        "admin.ui": "false",
        "master.telemetry": "false",
        "s3.port.iceberg": "0",
        "s3.port.lance": "0",
        "s3.autoCreateBucket": "false",
        "s3.allowDeleteBucketNotEmpty": "false",
        "s3.allowedOrigins": ",".join(origins),
        "s3.port": str(port),
        "s3.port.grpc": str(port + 1),
        "master.port": str(port + 2),
        "master.port.grpc": str(port + 3),
        "volume.port": str(port + 4),
        "volume.port.grpc": str(port + 5),
        "filer.port": str(port + 6),
        "filer.port.grpc": str(port + 7),
        "admin.port": str(port + ADMIN),
        "filer.localSocket": str(directory.run / "f.sock"),
        "s3.localSocket": str(directory.run / "s.sock"),
    }
    environment = _bare_environment(directory.run) | {
        "AWS_ACCESS_KEY_ID": secrets.access_key_id,
        "AWS_SECRET_ACCESS_KEY": secrets.secret_access_key,
        "WEED_JWT_SIGNING_KEY": secrets.jwt_signing,
        "WEED_JWT_SIGNING_READ_KEY": secrets.jwt_signing_read,
        "WEED_JWT_FILER_SIGNING_KEY": secrets.jwt_filer_signing,
        "WEED_JWT_FILER_SIGNING_READ_KEY": secrets.jwt_filer_signing_read,
        # It holds 250 MiB at work, most of it buffers that are never touched but count: with a limit of 256 its garbage
        # collector went round and round, a fifth of a core at rest.
        "GOMEMLIMIT": "512MiB",
    }
    # Its own log files would pile up, one a start; what little it says goes where the other children's words go.
    argv = [
        program,
        "-logtostderr=true",
        f"-logdir={directory.log}",
        "mini",
        *(f"-{name}={value}" for name, value in flags.items()),
    ]
    return Command("s3", argv, environment, cwd=directory.s3)


def remove_leftover_sockets(secrets: Secrets) -> None:
    """SeaweedFS makes sockets named by port in /tmp, whatever TMPDIR says, and leaves them there."""
    for offset, part in ((1, "s3"), (3, "master"), (5, "volume"), (7, "filer"), (ADMIN_GRPC, "admin")):
        path = Path("/tmp", f"seaweedfs-{part}-grpc-{secrets.s3_port + offset}.sock")
        if path.is_socket() and path.lstat().st_uid == os.geteuid():
            path.unlink(missing_ok=True)


def _bare_environment(home: Path) -> dict[str, str]:
    """Nothing of the user's: SeaweedFS reads settings from the home directory, and both read the environment."""
    return {"PATH": os.defpath, "HOME": str(home), "LANG": "C.UTF-8", "TZ": "UTC"}
