"""A shard that Redis has lost, and a Redis that does not answer: who looks is answered from the records, who changes
something has to wait; and what may be asked of the bucket meanwhile is bounded."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from imagehost import ids
from imagehost.errors import (
    ImageDeleted,
    ImageNotFound,
    IndexRebuilding,
    TokenInvalid,
    Unavailable,
)
from imagehost.models import Details
from imagehost.services.facade import Services
from imagehost.services.freshness import ABSENT_S, LOOKS_AT_ONCE, LOOKS_PER_S, Freshness
from tests.contract.services.conftest import Bench, faulty

PNG = Details(filename="a.png", mime="image/png")


class Wiped:
    """A user with a published, a private, a deleted and a pending image, whose shard Redis has lost."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.services = bench, bench.services
        self.public, self.private, self.dead = bench.publish(title="a"), bench.publish(private=True), bench.publish()
        self.services.changes.delete(bench.uid, self.dead)
        self.issued = self.services.accounts.issue_key(bench.uid, "works")
        revoked = self.services.accounts.issue_key(bench.uid, "revoked")
        self.services.accounts.revoke_key(bench.uid, revoked.api_key.kid)
        self.revoked = revoked.token
        bench.raw.wipe(bench.uid[:2])


@pytest.fixture
def wiped(bench: Bench) -> Iterator[Wiped]:
    yield Wiped(bench)
    bench.services.rebuild.run()
    bench.services.sweeper.sweep()


def test_who_looks_is_answered_from_the_records(wiped: Wiped) -> None:
    uid = wiped.bench.uid
    published = wiped.services.library.get_for_viewer(wiped.public, None)
    assert published.image.title == "a"
    wiped.services.library.count_view(published)
    wiped.services.library.flush_views()
    assert wiped.bench.raw.image(wiped.public) == {}, "a view leaves nothing in a shard that is to be rebuilt"
    assert wiped.services.library.get_for_viewer(wiped.private, uid).image.private
    with pytest.raises(ImageNotFound):
        wiped.services.library.get_for_viewer(wiped.private, None)
    with pytest.raises(ImageDeleted):
        wiped.services.library.get_for_viewer(wiped.dead, uid)
    with pytest.raises(ImageNotFound):
        wiped.services.library.get_for_viewer(ids.new_iid(uid), None)


def test_api_keys_work_and_revoked_ones_do_not(wiped: Wiped) -> None:
    assert wiped.services.accounts.authenticate(wiped.issued.token).uid == wiped.bench.uid
    with pytest.raises(TokenInvalid):
        wiped.services.accounts.authenticate(wiped.revoked)


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w.services.library.list_images(w.bench.uid, 10),
        lambda w: w.services.changes.edit(w.bench.uid, w.public, {"title": "b"}),
        lambda w: w.services.changes.delete(w.bench.uid, w.public),
        lambda w: w.services.completion.complete(w.bench.uid, w.public),
        lambda w: w.services.uploads.sign_again(w.bench.uid, w.public),
        lambda w: w.services.uploads.request(w.bench.uid, PNG, size_bytes=1, sha256=None),
        lambda w: w.services.accounts.issue_key(w.bench.uid, "another"),
    ],
)  # fmt: skip
def test_who_lists_or_changes_has_to_wait(wiped: Wiped, change: Callable[[Wiped], Any]) -> None:
    with pytest.raises(IndexRebuilding):
        change(wiped)
    assert wiped.bench.raw.user(wiped.bench.uid) == {}, "nothing was written"


def test_after_a_rebuild_all_is_as_before(wiped: Wiped) -> None:
    wiped.services.rebuild.run()
    listed = wiped.services.library.list_images(wiped.bench.uid, 10)
    assert {p.image.iid for p in listed.items} == {wiped.public, wiped.private}
    assert wiped.services.changes.edit(wiped.bench.uid, wiped.public, {"title": "b"}).image.title == "b"
    with pytest.raises(ImageDeleted):
        wiped.services.changes.delete(wiped.bench.uid, wiped.dead)


def test_a_redis_that_does_not_answer_keeps_nobody_from_looking(bench: Bench) -> None:
    iid = bench.publish()
    token = bench.services.accounts.issue_key(bench.uid, "works").token
    bench.images.plan["find"] = ["fail"] * 3
    accounts = faulty(bench.parts.accounts)
    accounts.plan["find_key"] = ["fail"]
    services = Services.of(replace(bench.faulty.parts, accounts=accounts))
    assert services.accounts.authenticate(token).uid == bench.uid
    assert services.library.get_for_viewer(iid, None).image.iid == iid
    with pytest.raises(Unavailable):
        services.changes.edit(bench.uid, iid, {"title": "b"})
    with pytest.raises(Unavailable):
        services.completion.complete(bench.uid, iid)


def test_made_up_ids_are_looked_for_only_so_often(wiped: Wiped, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, looks = 0.0, 0

    def no_record(_iid: str) -> None:
        nonlocal looks
        looks += 1

    monkeypatch.setattr(wiped.bench.parts.records, "find_image", no_record)
    fresh = Freshness(wiped.bench.parts, clock=lambda: now_s)
    same = ids.new_iid(wiped.bench.uid)
    for _ in range(3):
        assert fresh.find_for_viewer(same).entry is None
    assert looks == 1, "what was not there a moment ago is not looked for again"
    for _ in range(int(LOOKS_AT_ONCE) - 1):
        fresh.find_for_viewer(ids.new_iid(wiped.bench.uid))
    with pytest.raises(IndexRebuilding):
        fresh.find_for_viewer(ids.new_iid(wiped.bench.uid))
    assert looks == LOOKS_AT_ONCE
    now_s = ABSENT_S
    for _ in range(int(ABSENT_S * LOOKS_PER_S)):
        fresh.find_for_viewer(ids.new_iid(wiped.bench.uid))
    with pytest.raises(IndexRebuilding):
        fresh.find_for_viewer(same)
