"""S3 as a whole fails, in the middle of a complete: everyone hears a 503 in time, views go on, and when S3 is back all
works again by itself. In time is what the client's time-out of 30 s says: a later answer is an exception here.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import requests

from tests.e2e.client import API, TIMEOUT_S, Client
from tests.e2e.server import eventually
from tests.faults import actions
from tests.faults.proxy import FaultProxy
from tests.faults.server import FaultedServer, assert_served, assert_unavailable, target_of
from tests.images import corner, encode

SMALL = encode(corner(), "image/png")
# As many as the web processes have threads.
CROWD = 16
Outage = Callable[[FaultProxy], None]


def go_down(proxy: FaultProxy) -> None:
    proxy.state = "down"


def fall_silent(proxy: FaultProxy) -> None:
    proxy.state = "black_hole"


def reset_every_answer(proxy: FaultProxy) -> None:
    proxy.plan("*", "/", actions.reset_answer(20), times=None)


def answer_503(proxy: FaultProxy) -> None:
    proxy.plan("*", "/", actions.refuse, times=None)


def end(proxy: FaultProxy) -> None:
    proxy.forget()
    proxy.state = "up"


class Household:
    """What one account has when the outage comes, and all that its owner may ask for."""

    def __init__(self, account: Client) -> None:
        self.account = account
        self.kept, self.edited, self.deleted = (account.upload(SMALL, "image/png") for _ in range(3))
        self.begun, self.unbegun = (account.send_bytes(SMALL, "image/png") for _ in range(2))
        self.cancelled = str(account.reserve(SMALL, "image/png")["id"])
        self.kid = str(account.post(f"{API}/me/keys", {"name": "to be revoked"}).json()["kid"])

    def ask(self, pool: ThreadPoolExecutor) -> dict[str, Future[requests.Response]]:
        """Everything that needs the bucket, at once; each may be repeated."""
        account = self.account
        requests_of: dict[str, Callable[[], requests.Response]] = {
            "complete": lambda: account.complete(self.unbegun),
            "edit": lambda: account.patch(self.edited["id"], {"title": "new"}),
            "delete": lambda: account.delete(self.deleted["id"]),
            "cancel": lambda: account.delete(self.cancelled),
            "revoke": lambda: account.send("DELETE", f"{API}/me/keys/{self.kid}"),
            "issue": lambda: account.post(f"{API}/me/keys", {"name": "another"}),
        }
        return {name: pool.submit(send) for name, send in requests_of.items()}

    def is_ready(self) -> bool:
        """Whether the node says that it can serve; it keeps its answer for two seconds."""
        return self.account.get("/health/ready").status_code == 200

    def assert_index_serves(self) -> None:
        """Views, lists and reservations need no bucket."""
        view = self.account.get(f"/i/{self.kept['id']}")
        assert (view.status_code, view.headers["Location"]) == (302, self.kept["src"])
        assert self.account.get(f"/i/{self.kept['id']}?variant=thumb").status_code == 302
        assert self.account.meta(self.edited["id"]).json()["rev"] == 1
        assert self.kept["id"] in self.account.list_all()

    def assert_all_done(self) -> None:
        """What was asked for is true."""
        account = self.account
        for iid in (self.begun, self.unbegun):
            assert_served(account.meta(iid).json())
        assert account.meta(self.edited["id"]).json()["title"] == "new"
        assert set(account.list_all()) == {self.kept["id"], self.edited["id"], self.begun, self.unbegun}
        names = [key["name"] for key in account.get(f"{API}/me/keys").json()["api_keys"]]
        assert "to be revoked" not in names
        assert "another" in names
        usage = account.usage()
        assert (usage["images"], usage["pending"]) == (4, 0)

    def leave(self) -> None:
        """The owner's deletes take what attempts that died have left, too."""
        assert [self.account.delete(iid).status_code for iid in self.account.list_all()] == [204] * 4


@pytest.mark.parametrize("outage", [go_down, fall_silent, reset_every_answer, answer_503])
def test_an_outage_is_a_503_for_all_and_ends_by_itself(
    outage: Outage, server: FaultedServer, account: Client, proxy: FaultProxy
) -> None:
    household = Household(account)
    crowd = [account.reserve(SMALL, "image/png")["id"] for _ in range(CROWD - 1)]
    at_commit = proxy.before(lambda: outage(proxy))
    begins = proxy.plan("PUT", target_of(account.uid, household.begun, "records"), at_commit)
    with ThreadPoolExecutor(CROWD) as pool:
        caught = pool.submit(account.complete, household.begun)
        eventually(lambda: begins.hits == 1, TIMEOUT_S, "a complete comes to its commit")
        asked = household.ask(pool)
        household.assert_index_serves()
        crowd.append(account.reserve(SMALL, "image/png")["id"])
        eventually(lambda: not household.is_ready(), TIMEOUT_S, "the node says that it cannot serve")
        for answer in asked.values():
            assert_unavailable(answer.result())
        assert_unavailable(caught.result())
        household.assert_index_serves()

        end(proxy)
        cancelled = [pool.submit(account.delete, iid) for iid in crowd]
        assert [answer.result().status_code for answer in cancelled] == [204] * CROWD
        again = {name: answer.result().status_code for name, answer in household.ask(pool).items()}
    # Reset and in time-outs, writes may have been carried out that nobody was told of.
    assert again.pop("delete") in (204, 410)
    assert again.pop("complete") == 201
    assert again == {"edit": 200, "cancel": 204, "revoke": 204, "issue": 201}
    eventually(household.is_ready, TIMEOUT_S, "the node is ready again")
    assert account.complete(household.begun).status_code in (200, 201)
    household.assert_all_done()
    household.leave()
    server.assert_nothing_left(account)


def test_a_slow_store_slows_what_needs_it_and_nothing_else(
    server: FaultedServer, account: Client, proxy: FaultProxy
) -> None:
    household = Household(account)
    proxy.plan("*", "/", proxy.delay(2), times=None)
    with ThreadPoolExecutor(CROWD) as pool:
        asked = household.ask(pool)
        caught = pool.submit(account.complete, household.begun)
        household.assert_index_serves()
        assert not caught.done(), "the views were answered while it was at it"
        answered = {name: answer.result().status_code for name, answer in asked.items()}
        assert answered.pop("delete") in (202, 204)
        assert answered == {
            "complete": 201,
            "edit": 200,
            "cancel": 204,
            "revoke": 204,
            "issue": 201,
        }
        assert caught.result().status_code == 201
    end(proxy)
    household.assert_all_done()
    household.leave()
    server.assert_nothing_left(account)
