"""All services of one process: what build.py builds, and what web, sweeper and command line use."""

from dataclasses import dataclass

from imagehost.config import Config
from imagehost.services.accounts import Accounts
from imagehost.services.bootstrap import Bootstrap
from imagehost.services.changes import Changes
from imagehost.services.complete import Completion
from imagehost.services.delivery import Delivery
from imagehost.services.due_work import DueWork
from imagehost.services.dump import Dump
from imagehost.services.freshness import Freshness
from imagehost.services.fsck import Fsck
from imagehost.services.health import Health
from imagehost.services.library import Library
from imagehost.services.palettes import Palettes
from imagehost.services.parts import Parts
from imagehost.services.publish import Publisher
from imagehost.services.rebuild import Rebuild
from imagehost.services.streaming import Streaming
from imagehost.services.sweeper import Sweeper
from imagehost.services.upkeep import Upkeep
from imagehost.services.uploads import Uploads
from imagehost.tokens import Cursors


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Shared by all threads of the process. `parts` are the adapters beneath: to close them, and for tests; web,
    sweeper and command line use the services."""

    parts: Parts
    config: Config
    cursors: Cursors
    accounts: Accounts
    bootstrap: Bootstrap
    uploads: Uploads
    completion: Completion
    changes: Changes
    library: Library
    palettes: Palettes
    delivery: Delivery
    streaming: Streaming
    health: Health
    sweeper: Sweeper
    rebuild: Rebuild
    dump: Dump
    fsck: Fsck
    upkeep: Upkeep

    @classmethod
    def of(cls, parts: Parts) -> "Services":
        """Put the services together."""
        freshness = Freshness(parts)
        accounts = Accounts(parts, freshness)
        uploads, completion = Uploads(parts, freshness), Completion(parts, freshness, Publisher(parts))
        rebuild, fsck = Rebuild(parts), Fsck(parts)
        return cls(
            parts=parts,
            config=parts.config,
            cursors=parts.cursors,
            accounts=accounts,
            bootstrap=Bootstrap(parts, accounts),
            uploads=uploads,
            completion=completion,
            changes=Changes(parts, freshness),
            library=Library(parts, freshness),
            palettes=Palettes(parts, uploads, completion),
            delivery=Delivery(parts),
            streaming=Streaming(parts),
            health=Health(parts),
            sweeper=Sweeper(parts, DueWork(parts)),
            rebuild=rebuild,
            dump=Dump(parts),
            fsck=fsck,
            upkeep=Upkeep(parts, fsck, rebuild),
        )
