"""All image scripts at random, each call sometimes replayed as after a lost reply, over a few images of one user: the
counters, the list and the due entries hold at every moment."""

import random
from collections.abc import Callable
from functools import partial

import pytest

from imagehost import ids
from imagehost.errors import QuotaExceeded, TooManyPending
from imagehost.services.parts import Parts
from tests.contract.builders import dead, ready, reserve
from tests.contract.raw import Raw

STEPS = 700


@pytest.mark.parametrize("seed", range(3))
def test_random_histories_with_replays_keep_every_invariant(
    parts: Parts, raw: Raw, uid: str, epoch: str, seed: int
) -> None:
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
        iid, rev = rnd.choice(iids), rnd.randrange(1, 4)
        version = f"v{rnd.randrange(2)}"
        calls: dict[str, Callable[[], object]] = {
            "reserve": partial(reserve_upload, iid),
            "begin": partial(parts.images.begin_complete, iid, uid, version, 1),
            "release": partial(parts.images.release_lease, iid, version),
            "ready": partial(parts.images.apply, ready(uid, iid, rev=rev, size=9), epoch),
            "dead": partial(parts.images.apply, dead(uid, iid, rev=rev + 1), epoch),
            "purged": partial(parts.images.purge_done, iid, uid),
            "drop": partial(parts.images.drop_reservation, iid, uid),
        }
        (name,) = rnd.choices(list(calls), weights=(4, 2, 1, 1, 1, 3, 2))
        for _ in range(1 + (rnd.random() < 0.3)):
            answers.add((name, str(calls[name]())))
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
    seen = {("reserve", "ok"), ("ready", "ok"), ("ready", "old"), ("dead", "ok"), ("purged", "True"), ("drop", "ok")}
    assert seen <= answers
