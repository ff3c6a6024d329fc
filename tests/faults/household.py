"""A user whose work was left undone in every way there is, by a process that has died; and what is to become of it."""

from collections.abc import Callable
from functools import partial

import pytest

from imagehost import faults
from imagehost.services.facade import Services
from tests.contract.raw import Raw
from tests.contract.services.conftest import Crash
from tests.e2e.client import Client, assert_problem
from tests.images import corner, encode

SMALL = encode(corner(), "image/png")
MIME = "image/png"
COMPLETE = ("after_begin", "after_gate", "after_put", "after_record", "after_apply")  # the last two have a record
DELETE = ("after_dead", "after_dead_apply", "after_objects")


class Household:
    """See the module. `services` are those of the process that dies, `account` is asked for everything else."""

    def __init__(self, services: Services, account: Client, raw: Raw) -> None:
        self._account, self._raw = account, raw
        changes, uid = services.changes, account.uid
        self.staged = [account.reserve(SMALL, MIME)["id"] for _ in range(4)]
        self.staged += [account.send_bytes(SMALL, MIME) for _ in range(4)]
        sent = [account.send_bytes(SMALL, MIME) for _ in range(5)]
        for iid, point in zip(sent, COMPLETE, strict=True):
            _die(point, partial(services.completion.complete, uid, iid))
        self.begun, self.published = sent[:3], sent[3:]
        self.edited, *self.dead = (account.upload(SMALL, MIME)["id"] for _ in range(4))
        _die("after_edit", lambda: changes.edit(uid, self.edited, {"title": "new"}))
        for iid, point in zip(self.dead, DELETE, strict=True):
            _die(point, partial(changes.delete, uid, iid))
        self.ending = [account.upload(SMALL, MIME)["id"] for _ in range(4)]

    def let_time_pass(self) -> None:
        """All deadlines and leases are over, and some images end by their owner's timer within a second."""
        for iid in self.ending:
            assert self._account.patch(iid, {"image_expires_in_s": 1}).status_code == 200
        self._raw.pass_time(self._account.uid[:2])

    def is_done(self) -> bool:
        """Whether nothing is due any more, now or later."""
        return not self._raw.client.zcard(f"due:{{{self._account.uid[:2]}}}")

    def assert_settled(self) -> None:
        """What had a record stands, all else is gone, and what stands is all that is counted."""
        account, kept = self._account, {*self.published, self.edited}
        assert set(account.list_all()) == kept
        assert account.meta(self.edited).json()["title"] == "new"
        for iid in self.dead + self.ending:
            assert_problem(account.meta(iid), 410, "image-deleted")
        for iid in self.staged + self.begun:
            assert not account.complete(iid).ok
        used = {"bytes": len(kept) * len(SMALL), "images": len(kept)}
        assert account.usage() == used | {"reserved_bytes": 0, "pending": 0}
        for iid in kept:
            assert account.delete(iid).status_code == 204


def _die(point: str, work: Callable[[], object]) -> None:
    """The process dies at this point of its work."""
    faults.arm(point, _crash)
    with pytest.raises(Crash):
        work()
    faults.disarm()


def _crash() -> None:
    raise Crash
