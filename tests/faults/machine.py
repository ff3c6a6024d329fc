"""Histories of one user on the real stack, with everything that can go wrong in between, as a Hypothesis state machine.

Time is not waited for: `time_passes` moves every deadline and every due entry of the user's shard into the past, which
is all that time would do. A crash is an exception that nothing handles, thrown at a fault point: no step after it runs.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

import pytest
import requests
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule

from imagehost import faults
from imagehost.errors import ImageDeleted, ImageNotFound, Refused, Unavailable, UploadBusy, UploadNotReceived
from imagehost.models import Details, Published
from imagehost.services.facade import Services
from imagehost.services.findings import Report
from imagehost.services.fsck import Fsck
from imagehost.services.parts import Parts
from tests import images
from tests.contract.raw import Raw
from tests.contract.services.conftest import Crash, faulty
from tests.faults.history import Upload, sha256

GOOD = tuple(images.encode(images.corner(8, 8).rotate(turn), "image/png", compress_level=0) for turn in (0, 90, 180))
HOSTILE = b"<script>alert(1)</script>".ljust(len(GOOD[0]), b" ")
TITLES = st.sampled_from(["one", "two", "three"])
Fault = tuple[Literal["crash", "bucket"], str] | None
DISASTERS = 2  # in one history: they cost more than all else in it
DROPS = ("drop", "apply", "late", "apply apply", "drop drop drop")


def _faults(*points: str) -> st.SearchStrategy[Fault]:
    """Nothing, half of the time; else a crash at one of the points, or answers of the bucket that are lost."""
    crashes = st.tuples(st.just("crash"), st.sampled_from(points))
    drops = st.tuples(st.just("bucket"), st.sampled_from(DROPS))
    return st.one_of(st.none(), st.none(), crashes, drops)


COMPLETE = _faults(
    "after_begin",
    "after_gate",
    "after_put",
    "after_record",
    "after_apply",
    "after_refuse",
    "after_dead_apply",
    "after_objects",
)
EDIT = _faults("after_intent", "after_edit")
DEAD = ("after_dead_apply", "after_objects")
DELETE = _faults("after_intent", "after_dead", *DEAD, "after_purge")
SWEEP = _faults(*DEAD)


class World:
    """The stack that all histories share, and the services on it with faults between."""

    def __init__(
        self, environment: Mapping[str, str], parts: Parts, restart_redis: Callable[[], None] = lambda: None
    ) -> None:
        self.restart_redis = restart_redis
        self.records = faulty(parts.records)
        self.parts = parts
        self.services = Services.of(replace(parts, records=self.records))
        self.raw = Raw(environment["REDIS_URL"])
        self.patch = pytest.MonkeyPatch()

    def check(self, shard: str, *, repair: bool = False) -> Report:
        """fsck, which believes what it sees at once: nothing else is at work."""
        parts = replace(self.parts, records=self.records)
        return Fsck(parts, patience_s=0).check([shard], repair=repair, min_age_s=0)

    def read(self, object_key: str) -> bytes:
        """The bytes of an object, from the bucket itself."""
        s3: Any = self.parts.objects._s3
        data: bytes = s3.get_object(Bucket=self.parts.config.bucket, Key=object_key)["Body"].read()
        return data


class Histories(RuleBasedStateMachine):
    """See the module. `world` is set by whoever runs it."""

    world: World
    uploads: Bundle[Upload] = Bundle("uploads")

    @initialize()
    def a_user(self) -> None:
        self.services = self.world.services
        self.uid = self.services.accounts.create().uid
        self.shard = self.uid[:2]
        self.disasters = 0
        self.world.patch.setattr("imagehost.index.due.SHARDS", (self.shard,))  # others' users are not this one's
        self.known: list[Upload] = []

    # ------------------------------------------------------------------ what clients do

    @rule(
        target=uploads, data=st.none() | st.sampled_from([*GOOD, HOSTILE]), fault=st.none() | _faults("after_reserve")
    )
    def request(self, data: bytes | None, fault: Fault) -> Any:
        with self._failing(fault):
            upload = self._request()
            if data is not None:
                self.put(upload, data)
            return upload
        return multiple()

    @rule(target=uploads, data=st.sampled_from(GOOD), fault=COMPLETE)
    def publish(self, data: bytes, fault: Fault) -> Any:
        upload = self._request()
        self.put(upload, data)
        self.complete(upload, fault)
        return upload

    @rule(upload=uploads, data=st.sampled_from([*GOOD, HOSTILE]))
    def put(self, upload: Upload, data: bytes) -> None:
        answer = requests.put(upload.put_url, data=data, headers=upload.put_headers, timeout=20)
        assert answer.status_code == 200, answer.text
        if data is HOSTILE:
            upload.hostile = True
        else:
            upload.sent.add(sha256(data))

    @rule(upload=uploads, fault=COMPLETE)
    def complete(self, upload: Upload, fault: Fault) -> None:
        with self._failing(fault):
            try:
                done = self.services.completion.complete(self.uid, upload.iid)
            except (UploadNotReceived, UploadBusy):
                assert not upload.must_stand
            except Refused:
                assert upload.hostile
                assert upload.published is None, "refused after it was published"
            except (ImageDeleted, ImageNotFound):
                assert upload.may_be_gone or (upload.perhaps_undone and upload.published is None)
            else:
                upload.is_published(done.published.image.version)
                self._is_as_it_should(upload, done.published)

    @rule(upload=uploads, title=TITLES, fault=EDIT)
    def edit(self, upload: Upload, title: str, fault: Fault) -> None:
        before = upload.titles
        upload.may_be_titled(title)
        with self._failing(fault):
            try:
                edited = self.services.changes.edit(self.uid, upload.iid, {"title": title})
            except (ImageNotFound, ImageDeleted, Refused):
                assert not upload.must_stand
                upload.titles = before
            else:
                assert edited.image.title == title
                upload.is_titled(title)

    @rule(upload=uploads, fault=DELETE)
    def delete(self, upload: Upload, fault: Fault) -> None:
        with self._failing(fault, lambda: self._perhaps_deleted(upload)):
            try:
                self.services.changes.delete(self.uid, upload.iid)
            except (ImageNotFound, ImageDeleted, Refused):
                assert not upload.must_stand
            else:
                upload.deleted = True

    @rule(upload=uploads)
    def view(self, upload: Upload) -> None:
        try:
            published = self.services.library.get_for_viewer(upload.iid, None)
        except ImageNotFound:
            assert not upload.must_stand, "an acknowledged image is not found"
        else:
            upload.is_published(published.image.version)
            self._is_as_it_should(upload, published)

    # ------------------------------------------------------------------ what goes wrong

    @rule()
    def late_writes_land(self) -> None:
        self.world.records.land()

    @precondition(lambda self: self.disasters < DISASTERS)
    @rule()
    def restart_redis(self) -> None:
        """A kill: what Redis had not yet written to its file, because the disk was slow to sync, is forgotten."""
        self.disasters += 1
        self._reservations_may_be_lost()
        self.world.restart_redis()

    @precondition(lambda self: self.disasters < DISASTERS)
    @rule()
    def wipe_redis_and_rebuild(self) -> None:
        self.disasters += 1
        self.world.raw.wipe(self.shard)
        self._reservations_may_be_lost()
        assert self.services.parts.shards.find_epoch(self.shard) is None
        self.services.rebuild.run()

    @rule()
    def time_passes(self) -> None:
        self.world.raw.pass_time(self.shard)
        self._reservations_may_be_lost()

    @rule(fault=SWEEP)
    def sweep(self, fault: Fault) -> None:
        with self._failing(fault):
            Services.of(replace(self.world.parts, records=self.world.records)).sweeper.sweep()

    @rule(fault=SWEEP)
    def check(self, fault: Fault) -> None:
        with self._failing(fault):
            self.world.check(self.shard, repair=True)

    # ------------------------------------------------------------------ what must hold

    @invariant()
    def nothing_impossible_is_counted(self) -> None:
        if hasattr(self, "uid"):
            assert all(count >= 0 for count in self.world.raw.counters(self.uid))

    def teardown(self) -> None:
        if not hasattr(self, "uid"):
            return
        self.world.records.land()
        services = Services.of(self.world.parts)
        self.world.raw.pass_time(self.shard)
        services.sweeper.sweep()
        self.world.check(self.shard, repair=True)
        self.world.raw.pass_time(self.shard)
        services.sweeper.sweep()
        report = self.world.check(self.shard)
        assert report.clean, report.findings
        for upload in self.known:
            self.view(upload)
        self._quota_is_exact(services)

    def _quota_is_exact(self, services: Services) -> None:
        listed = services.library.list_images(self.uid, 100)
        assert {published.image.iid for published in listed.items} >= {u.iid for u in self.known if u.must_stand}
        assert not {published.image.iid for published in listed.items} & {u.iid for u in self.known if u.deleted}
        sizes = [published.image.size for published in listed.items]
        assert self.world.raw.counters(self.uid) == (sum(sizes), len(sizes), 0, 0)

    def _is_as_it_should(self, upload: Upload, published: Published) -> None:
        assert published.image.title in upload.titles
        assert published.image.source_sha256 in upload.sent
        assert sha256(self.world.read(published.image.key)) == published.image.sha256, (
            "what is served is not what passed the gate"
        )

    def _reservations_may_be_lost(self) -> None:
        """They live in Redis alone, and end."""
        for upload in self.known:
            upload.perhaps_undone = True

    def _request(self) -> Upload:
        details = Details(filename="a.png", mime="image/png")
        ticket = self.services.uploads.request(self.uid, details, size_bytes=len(GOOD[0]), sha256=None)
        self.known.append(Upload(ticket.iid, ticket.put.url, dict(ticket.put.headers)))
        return self.known[-1]

    @contextlib.contextmanager
    def _failing(self, fault: Fault, unanswered: Callable[[], None] = lambda: None) -> Iterator[None]:
        """An operation that may not be answered: because the process dies, or because nobody can say."""
        match fault:
            case ("crash", point):
                faults.arm(point, self._crash)
            case ("bucket", drops):
                self.world.records.plan["write_image"] = drops.split()
        try:
            yield
        except (Crash, Unavailable):
            if fault is None:
                raise  # nothing was in the way
            unanswered()
        finally:
            faults.disarm()
            self.world.records.plan.clear()

    @staticmethod
    def _crash() -> None:
        faults.disarm()
        raise Crash

    @staticmethod
    def _perhaps_deleted(upload: Upload) -> None:
        upload.perhaps_deleted = True
