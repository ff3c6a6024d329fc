"""All image scripts at random, each call sometimes replayed as after a lost reply, over a few images of one user: the
counters, the list and the due entries hold at every moment."""

import random

import pytest

from imagehost import ids
from imagehost.errors import QuotaExceeded, TooManyPending
from imagehost.services.parts import Parts
from tests.contract.builders import dead, ready, reserve
from tests.contract.raw import Raw

STEPS = 700


@pytest.mark.parametrize("seed", range(3))
def test_random_histories_with_replays_keep_every_invariant(parts: Parts, raw: Raw, uid: str, epoch: str, seed: int) -> None:
    rnd = random.Random(seed)
    iids = [ids.new_iid(uid) for _ in range(8)]
    answers: set[tuple[str, str]] = set()

    def reserve_upload(iid: str) -> str:
        try:
            reserve(parts, uid, iid, op=f"op{iid}", size_bytes=sizes[iid], hold_ms=rnd.choice((0, 60_000)))
        except (QuotaExceeded, TooManyPending) as exc:
            return exc.code
        except RuntimeError:
            return "exists"
        return "ok"

    sizes = {iid: rnd.randrange(50, 400) for iid in iids}
    for step in range(STEPS):
        iid = rnd.choice(iids)
        name, call = rnd.choice(
            [
                ("reserve", lambda iid=iid: reserve_upload(iid)),
                ("begin", lambda iid=iid: parts.images.begin_complete(iid, uid, f"v{rnd.randrange(2)}", 1).answer),
                ("release", lambda iid=iid: str(parts.images.release_lease(iid, f"v{rnd.randrange(2)}"))),
                ("ready", lambda iid=iid, r=ready(uid, iid, rev=rnd.randrange(1, 4), size=9): parts.images.apply(r, epoch)),
                ("dead", lambda iid=iid, r=dead(uid, iid, rev=rnd.randrange(1, 6)): parts.images.apply(r, epoch)),
                ("purged", lambda iid=iid: str(parts.images.purge_done(dead(uid, iid)))),
                ("drop", lambda iid=iid: parts.images.drop_reservation(iid, uid)),
            ]
        )
        for _ in range(1 + (rnd.random() < 0.3)):
            answers.add((name, call()))
        if step % 25 == 0:
            raw.check_counters(uid)
        if rnd.random() < 0.4:  # a tombstone expires, or an image is wiped
            h = raw.image(iid)
            if h.get("state") == "dead" and "purge" not in h:
                raw.client.delete(f"img:{{{iid[:2]}}}{iid[2:]}")
    for iid in iids:
        h, due = raw.image(iid), set(raw.due(iid))
        pending = {f"upload:{h['op']}"} if h.get("state") == "pending" else set()
        purge = {h["purge"].rsplit(":", 1)[0]} if "purge" in h else set()
        assert due == pending | purge
    assert {("reserve", "ok"), ("begin", "ok"), ("ready", "ok"), ("ready", "old"), ("dead", "ok"), ("drop", "ok")} <= answers
