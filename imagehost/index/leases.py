"""Leases on making derivatives: of all who want one at once, one makes it. Nothing that is true depends on them: two
who make the same derivative write the same object.
"""

from typing import cast

from imagehost.index import keyspace
from imagehost.index.client import translated
from imagehost.index.scripts import Scripts


class Leases:
    """Each method is one atomic round trip. All raise Unavailable when Redis does not answer."""

    def __init__(self, scripts: Scripts) -> None:
        self._redis = scripts.client
        self._scripts = scripts

    @translated
    def take(self, iid: str, variant: str, holder: str, lease_ms: int) -> int:
        """Take the lease for `holder` (random, of this attempt): 0, or the ms that somebody else's still lasts."""
        return cast(int, self._scripts("take_lease", [keyspace.lease(iid, variant)], holder, lease_ms))

    @translated
    def give_back(self, iid: str, variant: str, holder: str) -> bool:
        """Give the lease back; False when `holder` does not have it (any more)."""
        return bool(self._scripts("give_back_lease", [keyspace.lease(iid, variant)], holder) == "ok")
