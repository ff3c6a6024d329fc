"""What one history of a user has been told, and what must be true because of it.

It knows nothing of the protocol: only what was asked, what was answered, and what may have happened when none came.
"""

import hashlib
from dataclasses import dataclass, field


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Upload:
    """One upload, from the request for it on.

    `sent`: the hashes of all bytes that were PUT and may pass the gate. `titles`: those that the image may have now:
    the last acknowledged one, and every later one whose edit was not answered."""

    iid: str
    put_url: str
    put_headers: dict[str, str]
    sent: set[str] = field(default_factory=set)
    hostile: bool = False
    published: str | None = None
    titles: set[str | None] = field(default_factory=lambda: {None})
    deleted: bool = False
    perhaps_deleted: bool = False
    perhaps_undone: bool = False

    def is_published(self, version: str) -> None:
        """Somebody was told that this version is published."""
        assert self.published in (None, version), "another version than before"
        assert not self.deleted, "published after it was deleted"
        self.published = version

    def is_titled(self, title: str) -> None:
        """An edit was acknowledged."""
        self.titles = {title}

    def may_be_titled(self, title: str) -> None:
        """An edit was not answered."""
        self.titles = self.titles | {title}

    @property
    def may_be_gone(self) -> bool:
        """Whether it need not exist any more, or not as an image."""
        return self.deleted or self.perhaps_deleted

    @property
    def must_stand(self) -> bool:
        """Whether its publishing was acknowledged, and nobody has asked to delete it."""
        return self.published is not None and not self.may_be_gone
