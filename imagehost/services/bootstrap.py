"""The first start: declares the index of an empty bucket whole, and makes the account `owner` with its API token."""

import os
from pathlib import Path

from imagehost.errors import IndexRebuilding
from imagehost.services.accounts import Accounts
from imagehost.services.parts import Parts

OWNER = "owner"
TOKEN_FILE = "owner.token"


class Bootstrap:
    """See the module."""

    def __init__(self, parts: Parts, accounts: Accounts) -> None:
        self._parts = parts
        self._accounts = accounts

    def begin_shards(self) -> None:
        """Write the epoch of every shard that has none, when the bucket is empty; nothing when none is missing.

        Raises IndexRebuilding when shards are wiped though the bucket holds something: only a rebuild may declare
        those."""
        wiped = self._parts.shards.list_wiped()
        if not wiped:
            return
        if not self._parts.objects.is_empty():
            raise IndexRebuilding("Redis has lost its index, and the bucket is not empty.")
        self._parts.shards.begin(wiped)

    def ensure_owner(self, data_dir: Path) -> str | None:
        """The token of `owner` when it was made just now, and stands in the data directory (0600); else None.

        The account is made when there is none, a further API key when its token's file has gone."""
        path = data_dir / TOKEN_FILE
        uid = self._accounts.find_uid(OWNER)
        if uid is not None and path.exists():
            return None
        uid = uid or self._accounts.create(OWNER).uid
        token = self._accounts.issue_key(uid, "first start").token
        _write_private(path, token + "\n")
        return token


def _write_private(path: Path, text: str) -> None:
    """Replace a file by one that only its owner can read, never leaving half of it."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
