"""The lease on the check of one shard: of several processes that would repair it at once, one does."""

import time

from imagehost.errors import Unavailable
from imagehost.services.parts import Parts


class LeaseLost(Exception):
    """Somebody else checks the shard now, or it has another epoch."""


class Lease:
    """The lease on checking one shard; `keep` is called again and again while one works, and renews it in time."""

    def __init__(self, parts: Parts, shard: str, op: str) -> None:
        self._parts = parts
        self._shard = shard
        self._op = op
        self.epoch: str | None = None
        self._taken_at_s = 0.0

    def take(self) -> str | None:
        """The epoch to check under; None when somebody else has the lease, or the shard is wiped."""
        self._taken_at_s = time.monotonic()
        self.epoch = self._parts.shards.take_check(self._shard, self._op, self._parts.lease_ms)
        return self.epoch

    def keep(self) -> None:
        """Raises LeaseLost."""
        if time.monotonic() - self._taken_at_s < self._parts.config.lease_s / 3:
            return
        epoch = self.epoch
        if self.take() != epoch:
            raise LeaseLost

    def finish(self) -> bool:
        """The shard is settled for its epoch; False when it is not, because it has another by now."""
        return self.epoch is not None and self._parts.shards.finish_check(self._shard, self._op, self.epoch)

    def give_back(self) -> None:
        """By taking it for no time at all; somebody else's is not touched."""
        try:
            self._parts.shards.take_check(self._shard, self._op, 0)
        except Unavailable:
            return  # it lapses by itself
