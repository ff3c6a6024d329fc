"""What services work with: the adapters, put together once by build.py."""

from dataclasses import dataclass
from typing import Protocol

from imagehost.config import Config
from imagehost.imaging.sandbox import Sandbox
from imagehost.index.accounts import AccountIndex
from imagehost.index.backlog import BacklogReader
from imagehost.index.contents import Contents
from imagehost.index.due import DueQueue
from imagehost.index.images import ImageIndex
from imagehost.index.leases import Leases
from imagehost.index.mend import Mender
from imagehost.index.shards import ShardIndex
from imagehost.index.survey import Survey
from imagehost.storage.inventory import Inventory
from imagehost.storage.objects import Objects
from imagehost.storage.presign import Presigner
from imagehost.storage.records import Records
from imagehost.storage.roots import Roots
from imagehost.tokens import ApiTokens, Cursors, Views


class Closeable(Protocol):
    """A driver's client."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """One of each adapter; all are safe to share between threads."""

    config: Config
    images: ImageIndex
    accounts: AccountIndex
    due: DueQueue
    backlog: BacklogReader
    leases: Leases
    shards: ShardIndex
    survey: Survey
    mender: Mender
    contents: Contents
    objects: Objects
    inventory: Inventory
    records: Records
    roots: Roots
    presigner: Presigner
    sandbox: Sandbox
    tokens: ApiTokens
    cursors: Cursors
    views: Views
    connections: tuple[Closeable, ...] = ()

    @property
    def lease_ms(self) -> int:
        return self.config.lease_s * 1000

    def close(self) -> None:
        """End the sandbox's children and close all connections. Nothing may be used afterwards."""
        self.sandbox.close()
        for connection in self.connections:
            connection.close()
