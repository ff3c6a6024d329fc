"""What imagehost keeps, as plain frozen data: the shapes that bucket, index and services share.

A *record* is the truth about an image or account and lives in the bucket; everything else here is either part of one or
what the index adds to it. Times are whole milliseconds since the epoch (`_ms`), sizes bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Scope = Literal["read", "upload", "write", "delete"]
SCOPES: tuple[Scope, ...] = ("read", "upload", "write", "delete")
KEPT_OPS = 4  # a record names this many of the operations that last wrote it
USERNAME_PATTERN = r"^[a-z0-9](?:[a-z0-9_-]{0,30}[a-z0-9])?$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What the owner says of an image, from the request for its upload on."""

    filename: str
    mime: str
    private: bool = False
    title: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    kind: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation(Details):
    """A pending upload; it lives in the index alone. `sha256` is the client's claim, `size` what was reserved; the
    image is to end `image_expires_in_s` after it is published, and EXIF and XMP stay in it if `keep_metadata`."""

    iid: str
    uid: str
    op: str
    size: int
    sha256: str | None = None
    image_expires_in_s: int | None = None
    keep_metadata: bool = False
    begun: bool = False
    created_at_ms: int
    deadline_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Image(Details):
    """A published image. `size` and `sha256` are of the stored original at `key`, `source_*` of what was sent;
    `variants` are the object names of the derivatives stored with it (`thumb.webp`), `placeholder` is a ThumbHash in
    base64. At `expires_at_ms` the image dies: a timer that its owner has set."""

    iid: str
    uid: str
    version: str
    rev: int
    key: str
    size: int
    sha256: str
    source_size: int
    source_sha256: str
    width: int
    height: int
    frames: int
    variants: tuple[str, ...] = ()
    placeholder: str | None = None
    status: str
    created_at_ms: int
    expires_at_ms: int | None = None

    def is_over(self, now_s: float) -> bool:
        """Whether its timer has run out: it is treated as deleted then, though the sweeper may not have come yet."""
        return self.expires_at_ms is not None and self.expires_at_ms <= now_s * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyRecord:
    """The commit point of a published image. `op` wrote it; `ops` are the last few that did, newest last."""

    op: str
    ops: tuple[str, ...]
    image: Image

    @property
    def iid(self) -> str:
        return self.image.iid

    @property
    def uid(self) -> str:
        return self.image.uid

    @property
    def rev(self) -> int:
        return self.image.rev


Reason = Literal["deleted", "cancelled", "refused", "fenced", "expired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadRecord:
    """The end of an image, for ever. `code` and `detail` are the gate's verdict when the reason is `refused`."""

    op: str
    ops: tuple[str, ...]
    iid: str
    uid: str
    rev: int
    reason: Reason
    code: str | None = None
    detail: str | None = None


ImageRecord = ReadyRecord | DeadRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A ready image as the index knows it. `checked` is the epoch in which its record was last read or written; empty
    for one that was read from its record alone."""

    image: Image
    views: int
    checked: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """A dead image as the index knows it. `purged`: nothing of it is left to remove or to release."""

    iid: str
    uid: str
    rev: int
    reason: Reason
    code: str | None = None
    detail: str | None = None
    purged: bool


Entry = Reservation | Published | Tombstone


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An API key as its account's record holds it; the secret itself is only in the token that was shown once."""

    kid: str
    name: str
    secret_sha256: str
    scopes: tuple[str, ...]
    created_at_ms: int
    expires_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class KeyLookup:
    """What the index knows of one API key: None for a missing one, and no `epoch` while the shard is wiped. `fresh`:
    the account's record was read or written in this epoch."""

    api_key: ApiKey | None
    epoch: str | None
    fresh: bool


@dataclass(frozen=True, slots=True)
class Lookup:
    """What the index knows of an id. `epoch` is None while the shard is wiped: then `entry` None means nothing. Until
    the shard is `settled`, a missing or pending entry may be older than what was acknowledged. `api_key`: of the one
    that was looked up at the same time, if one was."""

    entry: Entry | None
    epoch: str | None
    settled: bool
    api_key: KeyLookup | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord:
    """The truth about an account: its API keys are part of it, so revoking one is an edit of this record."""

    op: str
    ops: tuple[str, ...]
    uid: str
    rev: int
    username: str | None = None
    created_at_ms: int
    api_keys: tuple[ApiKey, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A user name, claimed for an account that exists or is about to."""

    op: str
    name: str
    uid: str
    created_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """A user's counters: used = Σ counted of published and unpurged images, reserved = Σ pending uploads."""

    used_bytes: int
    used_count: int
    reserved_bytes: int
    reserved_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """An account as the index knows it; its API keys oldest first."""

    username: str | None
    created_at_ms: int
    usage: Usage
    api_keys: tuple[ApiKey, ...]


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a list sorted newest first: just behind the image with this time and id."""

    created_at_ms: int
    iid: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: `total` counts the whole list, `next` is where the following page begins, if there is one;
    `epoch` is the shard's when it was read, and `api_key` of the one that was looked up at the same time."""

    items: tuple[Published, ...]
    total: int
    next: Position | None
    epoch: str
    api_key: KeyLookup


def append_op(ops: tuple[str, ...], op: str) -> tuple[str, ...]:
    """The `ops` of a record after `op` wrote it."""
    return (*ops, op)[-KEPT_OPS:]
