"""The client keeps its upload URL and goes on writing to it while the upload is completed: whatever it puts there, and
between whichever two steps, what is served is what was gated."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest
import requests

from tests.e2e.client import Client, assert_problem, fetch, put, sha256
from tests.faults.proxy import FaultProxy
from tests.faults.server import FaultedServer, assert_served, target_of
from tests.images import corner, encode, one_bit_png, png_chunk

MIME = "image/png"
# Pixels that are not compressed have the same length whatever they show.
ANNOUNCED = encode(corner(160, 120), MIME, compress_level=0)
OTHER = encode(corner(160, 120).rotate(180), MIME, compress_level=0)
LENGTH = len(ANNOUNCED)


def truncated() -> bytes:
    """The start of a larger image."""
    return encode(corner(200, 160), MIME, compress_level=0)[:LENGTH]


def bomb() -> bytes:
    """A good image of too many pixels, filled up by a chunk that readers leave out."""
    data = one_bit_png()
    filling = LENGTH - len(data) - len(png_chunk(b"fiLl", b""))
    return data[:-12] + png_chunk(b"fiLl", bytes(filling)) + data[-12:]


HOSTILE = {
    "html": b"<!doctype html><script>alert(1)</script>".ljust(LENGTH),
    "truncated": truncated(),
    "bomb": bomb(),
}
REFUSALS = {"html": "unsupported-image", "truncated": "unreadable-image", "bomb": "image-dimensions"}


@dataclass(frozen=True)
class Step:
    """A request of complete to S3, before which the bytes are replaced; `reads`: those bytes are what it works on.
    `answered`: they are replaced when the store has answered."""

    method: str
    target: Callable[[str, str], str]
    reads: bool = False
    answered: bool = False


def below(kind: str) -> Callable[[str, str], str]:
    return lambda uid, iid: target_of(uid, iid, kind)


STEPS = {
    "HEAD incoming": Step("HEAD", below("incoming"), reads=True),
    "GET incoming": Step("GET", below("incoming"), reads=True),
    "GET incoming, answered": Step("GET", below("incoming"), answered=True),
    "PUT uploads": Step("PUT", below("uploads")),
    "PUT variants": Step("PUT", below("variants")),
    "PUT records": Step("PUT", below("records")),
    "DELETE incoming": Step("POST", lambda uid, iid: "/imagehost?delete"),
}


class Swap:
    """An upload of ANNOUNCED whose owner puts other bytes before some steps of its complete."""

    def __init__(self, account: Client, proxy: FaultProxy) -> None:
        self.account, self._proxy = account, proxy
        self._ticket = account.reserve(ANNOUNCED, MIME)
        self.iid = str(self._ticket["id"])
        self.put(ANNOUNCED)

    def complete(self, *swaps: tuple[str, bytes]) -> requests.Response:
        """Complete it, with these bytes put before these steps; `hits` then says how often."""
        rules = []
        for name, data in swaps:
            step = STEPS[name]
            when = self._proxy.after if step.answered else self._proxy.before
            target = step.target(self.account.uid, self.iid)
            rules.append(self._proxy.plan(step.method, target, when(partial(self.put, data))))
        answer = self.account.complete(self.iid)
        self._proxy.forget(*rules)
        self.hits = [rule.hits for rule in rules]
        return answer

    def put(self, data: bytes) -> None:
        """By the same URL, as long as it is good."""
        assert len(data) == LENGTH
        assert put(self._ticket, data).status_code == 200


@pytest.mark.parametrize("step", STEPS)
def test_what_is_served_was_gated_though_the_staging_object_is_replaced(
    step: str, server: FaultedServer, account: Client, proxy: FaultProxy
) -> None:
    swap = Swap(account, proxy)
    answer = swap.complete((step, OTHER))
    assert (answer.status_code, swap.hits) == (201, [1]), answer.text
    assert_is(answer.json(), OTHER if STEPS[step].reads else ANNOUNCED)
    for name, data in HOSTILE.items():
        swap = Swap(account, proxy)
        answer = swap.complete((step, data))
        assert swap.hits == [1]
        if STEPS[step].reads:
            assert_problem(answer, 422, REFUSALS[name])
            assert_problem(account.complete(swap.iid), 422, REFUSALS[name])
            assert account.get(f"/i/{swap.iid}").status_code == 410
        else:
            assert answer.status_code == 201, answer.text
            assert_is(answer.json(), ANNOUNCED)
    assert account.usage()["pending"] == 0


def test_bytes_that_change_before_every_step_are_read_once(
    server: FaultedServer, account: Client, proxy: FaultProxy
) -> None:
    swap = Swap(account, proxy)
    html, cut, large = HOSTILE.values()
    answer = swap.complete(*zip(STEPS, (html, OTHER, large, ANNOUNCED, cut, html, large), strict=True))
    assert (answer.status_code, swap.hits) == (201, [1] * len(STEPS)), answer.text
    assert_is(answer.json(), OTHER)
    again = account.complete(swap.iid)
    assert (again.status_code, again.json()["src"]) == (200, answer.json()["src"])


def test_bytes_that_change_between_two_attempts_are_gated_again_unless_the_first_one_lands(
    server: FaultedServer, account: Client, proxy: FaultProxy
) -> None:
    """The first attempt stores the announced bytes and does not hear whether its record was written."""
    html = HOSTILE["html"]
    for data, lands, status in ((OTHER, False, 201), (html, False, 422), (OTHER, True, 200), (html, True, 200)):
        swap = Swap(account, proxy)
        unheard = proxy.plan("PUT", target_of(account.uid, swap.iid, "records"), proxy.deliver_later, times=None)
        assert account.complete(swap.iid).status_code == 503
        proxy.forget(unheard)
        swap.put(data)
        landed = proxy.land() if lands else []
        answer = account.complete(swap.iid)
        assert answer.status_code == status, answer.text
        assert {*landed, *proxy.land()} == ({200, 412} if lands else {412})
        if status == 422:
            assert_problem(account.complete(swap.iid), 422, REFUSALS["html"])
        else:
            assert_is(account.meta(swap.iid).json(), ANNOUNCED if lands else OTHER)
            assert account.delete(swap.iid).status_code == 204
    server.assert_nothing_left(account)


def assert_is(image: dict, data: bytes) -> None:
    """The image is these bytes, and says so; they have nothing that would be taken out."""
    assert_served(image)
    assert (image["sha256"], image["mime"]) == (sha256(data), MIME)
    assert fetch("GET", image["thumb"]).status_code == 200
