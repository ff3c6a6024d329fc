"""Services on real servers, with faults put between: answers that are lost, writes that never arrive or arrive late,
processes that die. Each test has its own user and must leave bucket and index consistent."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import requests

from imagehost.errors import ImagehostError, OutcomeUnknown, Unavailable
from imagehost.models import Details
from imagehost.services.facade import Services
from imagehost.services.parts import Parts
from imagehost.services.uploads import Ticket
from tests.consistency import assert_consistent
from tests.contract.raw import Raw

PHOTO = (Path(__file__).parents[2] / "photos" / "rocket.jpg").read_bytes()


class Crash(BaseException):
    """The process dies here: nothing after it runs, no clean-up either."""


@dataclass
class Faulty:
    """An adapter whose methods misbehave as told, call by call:

    ok; drop (the request never arrives); apply (it does, the answer is lost); late (it arrives when `land` is called);
    fail (a plain refusal to work); break (a bug);
    before and after (the process dies there); do (something else happens first)."""

    adapter: Any
    plan: dict[str, list[str]] = field(default_factory=dict)
    pending: list[Callable[[], Any]] = field(default_factory=list)
    first: Callable[[], Any] = lambda: None

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.adapter, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            steps = self.plan.get(name, [])
            return self._act(steps.pop(0) if steps else "ok", lambda: method(*args, **kwargs))

        return call if callable(method) else method

    def _act(self, step: str, work: Callable[[], Any]) -> Any:
        if step == "before":
            raise Crash
        if step == "break":
            raise TypeError("a fault of ours")
        if step == "fail":
            raise Unavailable("It does not answer.")
        if step == "late":
            self.pending.append(work)
        if step in ("drop", "late"):
            raise OutcomeUnknown("The storage did not say whether it has written.")
        if step == "do":
            self.first()
        result = work()
        if step == "apply":
            raise OutcomeUnknown("The storage did not say whether it has written.")
        if step == "after":
            raise Crash
        return result

    def land(self) -> None:
        """The late writes reach the store now; what they answer nobody hears."""
        for work in self.pending:
            with contextlib.suppress(ImagehostError):
                work()
        self.pending.clear()


def faulty(adapter: Any) -> Any:
    """A Faulty that passes for the adapter."""
    return Faulty(adapter)


class Bench:
    """One user, the services, and the same services with faults."""

    def __init__(self, parts: Parts, uid: str, raw: Raw) -> None:
        self.parts, self.uid, self.raw = parts, uid, raw
        self.services = Services.of(parts)
        self.records = faulty(parts.records)
        self.images = faulty(parts.images)
        self.objects = faulty(parts.objects)
        self.sandbox = faulty(parts.sandbox)
        self.due = faulty(parts.due)
        self.faulty = Services.of(
            replace(
                parts,
                records=self.records,
                images=self.images,
                objects=self.objects,
                sandbox=self.sandbox,
                due=self.due,
            )
        )

    def request(
        self,
        data: bytes = PHOTO,
        *,
        image_expires_in_s: int | None = None,
        keep_metadata: bool = False,
        **details: Any,
    ) -> Ticket:
        """Request an upload, and send its bytes."""
        what = Details(filename="photo.jpg", mime="image/jpeg", **details)
        ticket = self.services.uploads.request(
            self.uid,
            what,
            size_bytes=len(data),
            sha256=None,
            image_expires_in_s=image_expires_in_s,
            keep_metadata=keep_metadata,
        )
        answer = requests.put(ticket.put.url, data=data, headers=dict(ticket.put.headers), timeout=20)
        assert answer.status_code == 200, answer.text
        return ticket

    def publish(self, **details: Any) -> str:
        """A published image's iid."""
        iid = self.request(**details).iid
        assert self.services.completion.complete(self.uid, iid).created
        return iid

    def objects_of(self, iid: str) -> set[str]:
        """The versions of which anything is stored."""
        found = set()
        for prefix in (f"uploads/{self.uid}/{iid}/", f"variants/{self.uid}/{iid}/"):
            for batch in self.parts.objects._batches(prefix):
                found |= {entry["Key"].split("/")[3] for entry in batch}
        return found

    def remove_version(self, iid: str, version: str) -> None:
        """Remove what an attempt that died left behind, as the daily check will."""
        self.parts.objects.remove_all(f"uploads/{self.uid}/{iid}/{version}/", f"variants/{self.uid}/{iid}/{version}/")

    def sweep_now(self, iid: str) -> None:
        """Make everything about an image due, and sweep once."""
        due = f"due:{{{iid[:2]}}}"
        for member in self.raw.client.zrange(due, 0, -1):
            if member.endswith(iid):
                self.raw.client.zadd(due, {member: 0})
        self.services.sweeper.sweep()

    def pass_deadline(self, iid: str) -> None:
        """Let an upload's deadline, and any lease on it, lie in the past."""
        self.raw.client.hset(f"img:{{{iid[:2]}}}{iid[2:]}", "deadline", 1)
        self.expire_lease(iid)

    def expire_lease(self, iid: str) -> None:
        """Let the lease on an upload have run out."""
        if "lease_until" in self.raw.image(iid):
            self.raw.client.hset(f"img:{{{iid[:2]}}}{iid[2:]}", "lease_until", 1)


@pytest.fixture
def bench(parts: Parts, environment: Mapping[str, str]) -> Iterator[Bench]:
    """See Bench."""
    raw = Raw(environment["REDIS_URL"])
    account = Services.of(parts).accounts.create()
    yield Bench(parts, account.uid, raw)
    assert_consistent(environment, account.uid[:2])
    raw.client.close()
