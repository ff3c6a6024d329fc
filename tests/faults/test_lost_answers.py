"""Single requests to S3 that fail, whose answers are lost, or that arrive twice or late: whoever asked hears success,
or a 503 after which the same request, sent again, does what it promises; nothing is done twice.

The driver tries each request twice, so one fault is to pass unnoticed and a lasting one is not.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product

import pytest

from tests.e2e.client import Client, assert_problem
from tests.e2e.server import eventually
from tests.faults import actions
from tests.faults.exchange import Action
from tests.faults.proxy import FaultProxy
from tests.faults.server import FaultedServer, assert_served, assert_unavailable, target_of, version_in
from tests.images import corner, encode

SMALL = encode(corner(), "image/png")
FAULTS: dict[str, Action] = {
    "lost answer": actions.lose_answer,
    "503": actions.refuse,
    "twice": actions.deliver_twice,
}
ONCE, LASTING = 1, None
Times = int | None


class Bench:
    """One account, and the faults that meet it."""

    def __init__(self, server: FaultedServer, account: Client, proxy: FaultProxy) -> None:
        self.server, self.account, self.proxy = server, account, proxy

    def upload(self) -> str:
        return str(self.account.upload(SMALL, "image/png")["id"])

    def complete(self, kind: str, fault: str, times: Times) -> None:
        """The published image is one, whatever became of the PUTs of this kind."""
        iid = self.account.send_bytes(SMALL, "image/png")
        rule = self.proxy.plan("PUT", target_of(self.account.uid, iid, kind), FAULTS[fault], times=times)
        first = self.account.complete(iid)
        self.proxy.forget(rule)
        assert rule.hits >= (2 if times is LASTING and fault != "twice" else 1)
        is_seen = times is LASTING and (fault == "503" or (fault == "lost answer" and kind != "records"))
        tried = self._versions_sent(iid)
        if is_seen:
            assert_unavailable(first)
            assert self.account.usage()["pending"] >= 1
        else:
            assert first.status_code == 201, first.text
        second = self.account.complete(iid)
        assert second.status_code == (201 if is_seen else 200), second.text
        image = second.json()
        assert_served(image)
        # What an attempt that answered 503 has stored may stay until a check finds it.
        left = self.server.versions_of(self.account.uid, iid) - {version_in(image["src"])}
        assert left <= (tried if is_seen else set())
        self._end(iid)

    def edit(self, fault: str, times: Times) -> None:
        """The edit is made once."""
        iid = self.upload()
        rule = self.proxy.plan("PUT", target_of(self.account.uid, iid, "records"), FAULTS[fault], times=times)
        first = self.account.patch(iid, {"title": "new"}, headers={"If-Match": '"1"'})
        self.proxy.forget(rule)
        assert rule.hits >= 1
        if times is LASTING and fault == "503":
            assert_unavailable(first)
            assert self.account.meta(iid).json()["title"] is None
        else:
            assert first.status_code == 200, first.text
        second = self.account.patch(iid, {"title": "new"})
        assert (second.status_code, second.json()["title"], second.json()["rev"]) == (200, "new", 2)
        self._end(iid)

    def delete(self, fault: str, times: Times) -> None:
        """The image is dead once this was said, and not before."""
        iid = self.upload()
        rule = self.proxy.plan("PUT", target_of(self.account.uid, iid, "records"), FAULTS[fault], times=times)
        first = self.account.delete(iid)
        self.proxy.forget(rule)
        assert rule.hits >= 1
        if times is LASTING and fault == "503":
            assert_unavailable(first)
            assert_served(self.account.meta(iid).json())
            assert self.account.delete(iid).status_code == 204
        else:
            assert first.status_code == 204, first.text
        self._assert_gone(iid)

    def remove_bytes(self, fault: str, times: Times) -> None:
        """The image is dead at once, and its bytes are gone then or a little later. For one image at a time."""
        iid = self.upload()
        rule = self.proxy.plan("POST", "/imagehost?delete", FAULTS[fault], times=times)
        first = self.account.delete(iid)
        assert rule.hits >= 1
        assert first.status_code == (202 if times is LASTING and fault != "twice" else 204), first.text
        assert_problem(self.account.get(f"/i/{iid}"), 410, "image-deleted")
        self.proxy.forget(rule)
        eventually(lambda: not self.server.versions_of(self.account.uid, iid), 20, "the bytes are removed")
        self._assert_gone(iid)

    def _versions_sent(self, iid: str) -> set[str]:
        seen = self.proxy.seen("PUT", target_of(self.account.uid, iid, "uploads"))
        return {version_in(put.target) for put in seen}

    def _end(self, iid: str) -> None:
        """The owner's delete takes what attempts that died have left, too."""
        assert self.account.delete(iid).status_code == 204
        self._assert_gone(iid)

    def _assert_gone(self, iid: str) -> None:
        assert_problem(self.account.delete(iid), 410, "image-deleted")
        assert_problem(self.account.get(f"/i/{iid}"), 410, "image-deleted")
        assert self.server.versions_of(self.account.uid, iid) == set()


@pytest.fixture
def bench(server: FaultedServer, account: Client, proxy: FaultProxy) -> Bench:
    return Bench(server, account, proxy)


def all_at_once(cases: Iterable[tuple], act: Callable[..., None]) -> None:
    """Four of them at a time; fails with every case that failed."""
    with ThreadPoolExecutor(4) as pool:
        running = {case: pool.submit(act, *case) for case in cases}
    failures = [f"{case}: {error}" for case, asked in running.items() if (error := asked.exception())]
    assert not failures, "\n".join(failures)


def test_a_complete_publishes_one_image_whatever_happens_to_its_writes(bench: Bench) -> None:
    all_at_once(product(("uploads", "variants", "records"), FAULTS, (ONCE, LASTING)), bench.complete)
    bench.server.assert_nothing_left(bench.account)


def test_an_edit_is_made_once_whatever_happens_to_its_write(bench: Bench) -> None:
    all_at_once(product(FAULTS, (ONCE, LASTING)), bench.edit)
    bench.server.assert_nothing_left(bench.account)


def test_a_delete_is_final_whatever_happens_to_its_write(bench: Bench) -> None:
    all_at_once(product(FAULTS, (ONCE, LASTING)), bench.delete)
    bench.server.assert_nothing_left(bench.account)


def test_a_delete_is_finished_whatever_happens_to_the_removal_of_bytes(bench: Bench) -> None:
    for fault, times in product(FAULTS, (ONCE, LASTING)):
        bench.remove_bytes(fault, times)
    bench.server.assert_nothing_left(bench.account)


@pytest.mark.parametrize("lands", ["before the next attempt", "after it"])
def test_of_two_attempts_to_publish_one_wins_though_the_first_record_lands_late(lands: str, bench: Bench) -> None:
    account, proxy = bench.account, bench.proxy
    iid = account.send_bytes(SMALL, "image/png")
    rule = proxy.plan("PUT", target_of(account.uid, iid, "records"), proxy.deliver_later, times=None)
    assert_unavailable(account.complete(iid))
    proxy.forget(rule)
    (first_version,) = bench.server.versions_of(account.uid, iid)
    if lands == "before the next attempt":
        assert proxy.land() == [200] + [412] * (rule.hits - 1)
        answer = account.complete(iid)
        assert (answer.status_code, version_in(answer.json()["src"])) == (200, first_version)
        assert bench.server.versions_of(account.uid, iid) == {first_version}
    else:
        answer = account.complete(iid)
        assert answer.status_code == 201, answer.text
        assert set(proxy.land()) == {412}
        assert version_in(answer.json()["src"]) != first_version
        assert account.complete(iid).json()["src"] == answer.json()["src"]
    assert_served(account.meta(iid).json())
    assert account.delete(iid).status_code == 204
    bench.server.assert_nothing_left(account)


def test_an_edit_that_lands_late_is_seen_or_overtaken_and_never_undoes_another(bench: Bench) -> None:
    account, proxy = bench.account, bench.proxy
    for lands_first in (True, False):
        iid = bench.upload()
        rule = proxy.plan("PUT", target_of(account.uid, iid, "records"), proxy.deliver_later, times=None)
        assert_unavailable(account.patch(iid, {"title": "late"}))
        proxy.forget(rule)
        if lands_first:
            assert proxy.land() == [200] + [412] * (rule.hits - 1)
            eventually(partial(has_title, account, iid, "late"), 20, "the sweeper finds the edit")
        else:
            assert account.patch(iid, {"title": "newer"}).status_code == 200
            assert set(proxy.land()) == {412}
            assert has_title(account, iid, "newer")
        assert account.meta(iid).json()["rev"] == 2


def has_title(account: Client, iid: str, title: str) -> bool:
    return bool(account.meta(iid).json()["title"] == title)


def test_a_delete_that_lands_late_is_a_delete(bench: Bench) -> None:
    account, proxy = bench.account, bench.proxy
    iid = bench.upload()
    rule = proxy.plan("PUT", target_of(account.uid, iid, "records"), proxy.deliver_later, times=None)
    assert_unavailable(account.delete(iid))
    proxy.forget(rule)
    assert_served(account.meta(iid).json())
    assert proxy.land()[0] == 200
    eventually(lambda: account.meta(iid).status_code == 410, 20, "the sweeper finds the dead record")
    eventually(lambda: account.usage()["images"] == 0, 20, "the sweeper removes the bytes")
    bench.server.assert_nothing_left(account)


def test_a_late_duplicate_of_a_record_revives_nothing(bench: Bench) -> None:
    account, proxy = bench.account, bench.proxy
    iid = account.send_bytes(SMALL, "image/png")
    proxy.plan("PUT", target_of(account.uid, iid, "records"), proxy.deliver_again_later, times=2)
    assert account.complete(iid).status_code == 201
    assert account.patch(iid, {"title": "a"}).status_code == 200
    assert account.patch(iid, {"title": "b"}).status_code == 200
    assert proxy.land() == [412, 412]
    assert account.meta(iid).json()["title"] == "b"
    proxy.plan("PUT", target_of(account.uid, iid, "records"), proxy.deliver_again_later)
    assert account.delete(iid).status_code == 204
    assert proxy.land() == [412]
    assert_problem(account.complete(iid), 410, "image-deleted")
    bench.server.assert_nothing_left(account)
