"""All services of one process: what app.py builds, and what web, sweeper and command line use."""

from dataclasses import dataclass

from imagehost.config import Config
from imagehost.services.accounts import Accounts
from imagehost.services.bootstrap import Bootstrap
from imagehost.services.changes import Changes
from imagehost.services.complete import Completion
from imagehost.services.delivery import Delivery
from imagehost.services.health import Health
from imagehost.services.library import Library
from imagehost.services.parts import Parts
from imagehost.services.publish import Publisher
from imagehost.services.sweeper import Sweeper
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
    delivery: Delivery
    health: Health
    sweeper: Sweeper

    @classmethod
    def of(cls, parts: Parts) -> "Services":
        """Put the services together."""
        accounts = Accounts(parts)
        return cls(
            parts=parts,
            config=parts.config,
            cursors=parts.cursors,
            accounts=accounts,
            bootstrap=Bootstrap(parts, accounts),
            uploads=Uploads(parts),
            completion=Completion(parts, Publisher(parts)),
            changes=Changes(parts),
            library=Library(parts),
            delivery=Delivery(parts),
            health=Health(parts),
            sweeper=Sweeper(parts),
        )
