"""The first start: declares the index of an empty bucket whole, and makes the account `owner` with its API token."""

from pathlib import Path

from imagehost.errors import BucketLost, NameTaken, TooManyKeys, Unauthorized
from imagehost.files import replace_private
from imagehost.services.accounts import Accounts
from imagehost.services.parts import Parts

OWNER = "owner"
TOKEN_FILE = "owner.token"


class Bootstrap:
    """See the module."""

    def __init__(self, parts: Parts, accounts: Accounts) -> None:
        self._parts = parts
        self._accounts = accounts

    def begin_shards(self) -> bool:
        """Write the epoch of every shard that has none, when the bucket is empty; nothing when none is missing.

        False when shards are wiped though the bucket holds something: only a rebuild may declare those whole. Raises
        BucketLost when the index knows of accounts and the bucket of nothing."""
        wiped = self._parts.shards.list_wiped()
        if not wiped:
            if self._parts.objects.is_empty() and self._parts.accounts.any_known():
                raise BucketLost("The bucket is empty, and the index is not.")
            return True
        if not self._parts.objects.is_empty():
            return False
        self._parts.shards.begin(wiped)
        return True

    def has_token(self, data_dir: Path) -> bool:
        """Whether the data directory holds a token of `owner` that works; it need not have an index for that."""
        uid = self._accounts.find_uid(OWNER)
        return uid is not None and self._opens(data_dir / TOKEN_FILE, uid)

    def ensure_owner(self, data_dir: Path) -> str | None:
        """The token of `owner` when it was made just now, and stands in the data directory (0600); else None.

        The account is made when there is none, a further API key when its file holds no token that works (and
        there is room for one). Any number of nodes may do this at once, each for a directory of its own. Raises
        IndexRebuilding when something is to be made in a wiped shard, NameTaken when the bucket has lost the account,
        and OSError when that file cannot be written."""
        path = data_dir / TOKEN_FILE
        uid = self._accounts.find_uid(OWNER)
        if uid is not None and self._opens(path, uid):
            return None
        replace_private(path, "")  # before a key is made that nobody could be told
        uid = uid or self._create_owner()
        try:
            token = self._accounts.issue_key(uid, "first start").token
        except TooManyKeys:  # which one to revoke is the owner's choice, and possible once this runs
            path.unlink()
            return None
        replace_private(path, token + "\n")
        return token

    def _create_owner(self) -> str:
        try:
            return self._accounts.create(OWNER).uid
        except NameTaken:  # by another node's first start, a moment ago
            if (uid := self._accounts.find_uid(OWNER)) is None:
                raise
            return uid

    def _opens(self, path: Path, uid: str) -> bool:
        """Whether the file holds a token of the account that works: not damaged, not revoked, of our secrets."""
        try:
            return self._accounts.authenticate(path.read_text("utf-8").strip()).uid == uid
        except (OSError, UnicodeError, Unauthorized):
            return False
