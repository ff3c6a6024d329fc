"""The data directory: who may use it, what is in it, and the secrets made once.

lock              held by the stack that runs on this directory (flock); names its process and its address
embedded.json     mode 0600: secrets and the S3 server's first port; no paths, so the directory can be moved
redis/, s3/       the two servers' data; redis/ENGINE names what wrote it
log/              one file for each child
run/              sockets, made anew at each start
metrics/          what web process and sweeper have counted, made anew at each start
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import secrets
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

from imagehost.embedded.failure import StackError
from imagehost.files import replace_private

# sockaddr_un holds 108 bytes on Linux and 104 on macOS, the terminating zero included; see unix(7).
SOCKET_PATH_MAX_BYTES = 103
SOCKET = "redis.sock"
METRICS = "metrics"
# One image of the default size, its derivatives, and what the servers write beside it.
ROOM_BYTES = 64 * 2**20
# Where Redis and S3 are elsewhere: the first lines of logs, and what four processes count.
ROOM_WITHOUT_SERVERS_BYTES = 4 * 2**20


@dataclass(slots=True)
class Secrets:
    """What the embedded stack makes once. Losing `flask_secret` would end every session; the others may be replaced."""

    flask_secret: str = field(default_factory=lambda: secrets.token_hex(32))
    access_key_id: str = field(default_factory=lambda: "imagehost" + secrets.token_hex(8))
    secret_access_key: str = field(default_factory=lambda: secrets.token_hex(32))
    jwt_signing: str = field(default_factory=lambda: secrets.token_hex(32))
    jwt_signing_read: str = field(default_factory=lambda: secrets.token_hex(32))
    jwt_filer_signing: str = field(default_factory=lambda: secrets.token_hex(32))
    jwt_filer_signing_read: str = field(default_factory=lambda: secrets.token_hex(32))
    s3_port: int = 0


class DataDirectory:
    """The paths below one data directory, and the files that the stack itself keeps there."""

    def __init__(self, path: str) -> None:
        self.path = Path(path).absolute()
        self.redis, self.s3, self.log = self.path / "redis", self.path / "s3", self.path / "log"
        self._secrets_file = self.path / "embedded.json"
        self._lock_fd: int | None = None

    @property
    def run(self) -> Path:
        """Where sockets go: `run/`, or a short directory of this user's below /tmp where that path is too long.

        Another terminal must come to the same answer, so neither TMPDIR nor chance plays a part.
        """
        run = self.path / "run"
        if len(os.fsencode(run / SOCKET)) <= SOCKET_PATH_MAX_BYTES:
            return run
        digest = hashlib.sha256(os.fsencode(self.path.resolve())).hexdigest()[:16]
        return Path("/tmp", f"imagehost-{os.geteuid()}-{digest}")

    @property
    def redis_socket(self) -> Path:
        return self.run / SOCKET

    def lock(self, *, stores: bool = True) -> None:
        """Make the directory, private to this user, and hold it until `unlock` or the end of the process.

        Raises StackError when another stack holds it, which is named, when it cannot be made, or when its disk is full
        for what is going to be written: a server's data, where it `stores` any.
        """
        self._refuse_foreign()
        try:
            for directory in (self.path, self.redis, self.s3, self.log):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
            fd = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise self._unusable(exc) from exc
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            holder = os.pread(fd, 300, 0).decode(errors="replace").strip()
            os.close(fd)
            if not isinstance(exc, BlockingIOError):  # a file system without locks
                raise self._unusable(exc) from exc
            raise StackError(
                f"The data directory {self.path} is in use by another imagehost{holder and f' ({holder})'}: "
                "stop that one, or set IMAGEHOST_DATA_DIR to another directory."
            ) from exc
        self._lock_fd = fd
        try:
            self._make_run()
            self._check_room(ROOM_BYTES if stores else ROOM_WITHOUT_SERVERS_BYTES)
            self._empty_metrics()
        except BaseException:
            self.unlock()
            raise
        self.note_holder()

    def note_holder(self, url: str | None = None) -> None:
        """Leave word, for whoever finds the directory in use, which process holds it and where that answers. Only
        for the holder; a disk that is full meanwhile costs nothing but this word."""
        if self._lock_fd is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._lock_fd, 0)
                os.pwrite(self._lock_fd, ", ".join(filter(None, [f"process {os.getpid()}", url])).encode(), 0)

    def unlock(self) -> None:
        """Let another stack use the directory. Repeating it does nothing."""
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def read_secrets(self) -> Secrets | None:
        """The secrets, or None when no stack was made here yet. Raises StackError when they cannot be read."""
        try:
            made = Secrets(**json.loads(self._secrets_file.read_text(encoding="utf-8")))
            sound = asdict(Secrets())
            if any(type(v) is not type(sound[name]) or "\0" in str(v) for name, v in asdict(made).items()):
                raise ValueError("a value of another type, or one that no program takes")
            return made
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as exc:
            raise StackError(
                f"{self._secrets_file} cannot be read: it holds this stack's secrets, so restore it from a copy (or "
                "remove it: images stay, and every API token has to be issued anew)."
            ) from exc

    def write_secrets(self, made: Secrets) -> None:
        """Replace the secrets file, durably and at once: a crash leaves the old one or the new one."""
        replace_private(self._secrets_file, json.dumps(asdict(made), indent=1))

    def _refuse_foreign(self) -> None:
        """A directory that is full of something else was named by mistake; taking it over would make it private."""
        try:
            taken = (
                self.path.exists()
                and not (self.path / "lock").exists()
                and not self._secrets_file.exists()
                and any(self.path.iterdir())
            )
        except OSError as exc:
            raise self._unusable(exc) from exc
        if taken:
            raise StackError(f"{self.path} holds other files: name an empty or a new directory by IMAGEHOST_DATA_DIR.")

    def _unusable(self, exc: OSError) -> StackError:
        what = f" ({exc.filename})" if exc.filename and Path(exc.filename) != self.path else ""
        return StackError(f"The data directory {self.path} cannot be used: {exc.strerror}{what}.")

    def _check_room(self, least_bytes: int) -> None:
        """The servers would start on a full disk, and fail at the first write in words of their own."""
        if (free_bytes := shutil.disk_usage(self.path).free) < least_bytes:
            raise StackError(
                f"The disk of the data directory {self.path} is full: {free_bytes >> 20} MiB are free, and "
                f"{least_bytes >> 20} MiB are needed; make room, or set IMAGEHOST_DATA_DIR to a directory elsewhere."
            )

    def _empty_metrics(self) -> None:
        """What is there was counted by processes that are gone."""
        try:
            shutil.rmtree(self.path / METRICS, ignore_errors=True)
            (self.path / METRICS).mkdir(mode=0o700, exist_ok=True)
        except OSError as exc:
            raise self._unusable(exc) from exc

    def _make_run(self) -> None:
        """Raises StackError when the socket directory belongs to somebody else, who could then pose as our server."""
        run = self.run
        try:
            run.mkdir(mode=0o700, exist_ok=True)
            status = run.lstat()
            if run.is_symlink() or status.st_uid != os.geteuid():
                raise OSError(errno.EPERM, os.strerror(errno.EPERM))
            run.chmod(0o700)
        except OSError as exc:
            raise StackError(f"The directory {run} for sockets cannot be used: {exc.strerror}.") from exc
