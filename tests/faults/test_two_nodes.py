"""Two nodes, each with a web server and a sweeper, on one Redis and one bucket: whichever is asked, and whoever sweeps,
the answer is the same and everything happens once."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle

import pytest
import requests

from imagehost.build import build_services
from imagehost.config import load_config
from imagehost.services.facade import Services
from tests.contract.raw import Raw
from tests.e2e.client import API, Client, assert_problem, put
from tests.e2e.server import eventually
from tests.faults.household import MIME, SMALL, Household
from tests.faults.load import acting, all_stands, wait_for_progress
from tests.faults.nodes import Node, Visitor
from tests.stack import embedded_stack

QUOTA_IMAGES, MAX_PENDING = 40, 100
USERS = 4
WITHIN_S = 30.0
SHORT = {
    "IMAGEHOST_LEASE_S": "2",
    "IMAGEHOST_SWEEP_S": "1",
    "IMAGEHOST_GATES": "4",
    "IMAGEHOST_URL_WINDOW_S": "86400",
    "IMAGEHOST_QUOTA_IMAGES": str(QUOTA_IMAGES),
    "IMAGEHOST_MAX_PENDING": str(MAX_PENDING),
}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The settings of a Redis and an S3 server that no imagehost has seen yet."""
    with embedded_stack(tmp_path_factory.mktemp("stores") / "data", **SHORT) as environ:
        yield environ


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory, stores: Mapping[str, str]) -> Iterator[tuple[Node, Node]]:
    """Two nodes whose first start is at the same moment."""
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda name: Node(tmp_path_factory.mktemp(name), stores, **SHORT), ["one", "other"])
    yield one, other
    for node in (one, other):
        node.end()


@pytest.fixture(autouse=True)
def all_is_well(nodes: tuple[Node, Node]) -> Iterator[None]:
    """After each test bucket and index agree, and no node has complained."""
    yield
    nodes[0].assert_consistent()
    for node in nodes:
        assert node.events("warning", "error", "critical") == []


@pytest.fixture
def both(nodes: tuple[Node, Node]) -> tuple[Client, Client]:
    """One account, at either node."""
    account = nodes[0].new_account()
    return account, nodes[1].client_of(account)


def at_once(*work: Callable[[], requests.Response]) -> list[requests.Response]:
    """The answers of all, sent at the same moment."""
    start = threading.Barrier(len(work))

    def run(send: Callable[[], requests.Response]) -> requests.Response:
        start.wait(WITHIN_S)
        return send()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))


def statuses(answers: list[requests.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def test_nodes_that_are_first_started_at_once_have_one_owner_and_a_token_each(nodes: tuple[Node, Node]) -> None:
    tokens = [node.running.token for node in nodes]
    assert len(set(tokens)) == 2
    swapped = zip(nodes, tokens[::-1], strict=True)
    profiles = [Client(node.url, token).get(f"{API}/me").json() for node, token in swapped]
    assert profiles[0]["uid"] == profiles[1]["uid"]
    assert {profile["username"] for profile in profiles} == {"owner"}


def test_an_upload_requested_at_one_node_is_completed_at_the_other(both: tuple[Client, Client]) -> None:
    one, other = both
    completed = other.complete(one.send_bytes(SMALL, MIME))
    assert completed.status_code == 201
    image = completed.json()
    assert one.meta(image["id"]).json() == other.meta(image["id"]).json() == image
    again = one.complete(image["id"])
    assert (again.status_code, again.json()) == (200, image)


def test_of_completes_at_both_nodes_at_once_one_publishes_and_all_show_one_image(both: tuple[Client, Client]) -> None:
    one, _ = both
    for _ in range(4):
        iid = one.send_bytes(SMALL, MIME)
        answers = at_once(*[partial(at.complete, iid) for at in both * 2])
        assert statuses(answers)[201] == 1
        assert set(statuses(answers)) <= {200, 201, 409}
        for answer in answers:
            if answer.status_code == 409:
                assert_problem(answer, 409, "upload-busy")
        shown = [a.json() for a in answers if a.ok] + [at.complete(iid).json() for at in both]
        assert all(image == shown[0] for image in shown)
    assert one.usage() == {"bytes": 4 * len(SMALL), "images": 4, "reserved_bytes": 0, "pending": 0}


def test_of_edits_of_one_revision_at_both_nodes_one_is_kept(both: tuple[Client, Client]) -> None:
    iid = both[0].upload(SMALL, MIME)["id"]

    def edit(at: Client, rev: int) -> requests.Response:
        return at.patch(iid, {"title": f"{rev} at {at.url}"}, headers={"If-Match": f'"{rev}"'})

    for rev in range(1, 9):
        answers = at_once(*[partial(edit, at, rev) for at in both])
        assert statuses(answers) == {200: 1, 412: 1}
        (kept,) = (answer.json() for answer in answers if answer.ok)
        assert [at.meta(iid).json() for at in both] == [kept] * 2
        assert kept["rev"] == rev + 1


def test_edits_of_different_fields_at_both_nodes_are_both_kept(both: tuple[Client, Client]) -> None:
    one, other = both
    iid = one.upload(SMALL, MIME)["id"]
    for number in range(4):
        title, tags = f"title {number}", [f"tag {number}"]
        answers = at_once(partial(one.patch, iid, {"title": title}), partial(other.patch, iid, {"tags": tags}))
        assert statuses(answers) == {200: 2}
        for image in (at.meta(iid).json() for at in both):
            assert (image["title"], image["tags"]) == (title, tags)


def test_what_is_deleted_or_made_private_at_one_node_is_so_at_the_other_at_once(
    nodes: tuple[Node, Node], both: tuple[Client, Client]
) -> None:
    strangers = cycle([Client(nodes[1].url), Client(nodes[0].url)])
    for here, there in (both, both[::-1]):
        stranger = next(strangers)
        hidden, deleted = (here.upload(SMALL, MIME)["id"] for _ in range(2))
        assert stranger.get(f"/i/{hidden}").status_code == stranger.get(f"/i/{deleted}").status_code == 302
        assert here.patch(hidden, {"private": True}).status_code == 200
        assert stranger.get(f"/i/{hidden}").status_code == 404
        assert here.delete(deleted).status_code == 204
        assert stranger.get(f"/i/{deleted}").status_code == 404
        assert_problem(there.meta(deleted), 410, "image-deleted")
        assert_problem(there.complete(deleted), 410, "image-deleted")
        assert_problem(there.delete(deleted), 410, "image-deleted")
        assert deleted not in there.list_all()


def test_of_deletes_at_both_nodes_at_once_one_deletes(both: tuple[Client, Client]) -> None:
    for _ in range(4):
        iid = both[0].upload(SMALL, MIME)["id"]
        found = statuses(at_once(*[partial(at.delete, iid) for at in both]))
        assert found[202] + found[204] == 1
        assert found[410] == 1
    assert both[0].usage() == {"bytes": 0, "images": 0, "reserved_bytes": 0, "pending": 0}


def test_an_api_key_works_at_the_other_node_at_once_and_once_revoked_no_more(both: tuple[Client, Client]) -> None:
    for here, there in (both, both[::-1]):
        issued = here.post(f"{API}/me/keys", {"name": "for the other node"}).json()
        holder = Client(there.url, issued["token"])
        assert holder.get(f"{API}/me").status_code == 200
        assert here.send("DELETE", f"{API}/me/keys/{issued['kid']}").status_code == 204
        assert_problem(holder.get(f"{API}/me"), 401, "token-invalid")


def test_views_at_both_nodes_add_up(both: tuple[Client, Client]) -> None:
    iid = both[0].upload(SMALL, MIME)["id"]
    answers = at_once(*[partial(at.get, f"/i/{iid}") for at in both * 12])
    assert statuses(answers) == {302: 24}
    assert len({answer.headers["Location"] for answer in answers}) == 1, "one address, for one cache"
    for at in both:
        at.wait_for_views(iid, 24)
    both[1].assert_views(iid, 24)


def test_the_last_places_of_a_quota_are_given_once(both: tuple[Client, Client]) -> None:
    """Uploads to both nodes at the limit, each from its request to its complete."""
    places, size = 6, len(SMALL)
    filling = [{"filename": "a", "mime": MIME, "size": size}] * (QUOTA_IMAGES - places)
    assert both[0].post(f"{API}/upload/request", {"files": filling}).status_code == 200

    def upload(at: Client, finish: Client) -> requests.Response:
        asked = at.ask(filename="a", mime=MIME, size=size)
        if asked.status_code != 201:
            return asked
        assert put(asked.json(), SMALL).status_code == 200
        return finish.complete(asked.json()["id"])

    answers = at_once(*[partial(upload, *at) for at in (both, both[::-1]) * places])
    assert statuses(answers) == {201: places, 413: places}
    for answer in answers:
        if not answer.ok:
            assert_problem(answer, 413, "quota-exceeded")
    left = len(filling)
    assert both[1].usage() == {"bytes": places * size, "images": places, "reserved_bytes": left * size, "pending": left}
    iids = [answer.json()["id"] for answer in answers if answer.ok]
    deletes = [partial(at.delete, iid) for iid, at in zip(iids, cycle(both), strict=False)]
    assert statuses(at_once(*deletes)) == {204: places}
    assert both[0].usage()["images"] == 0


@pytest.fixture
def services(nodes: tuple[Node, Node], stores: Mapping[str, str]) -> Iterator[Services]:
    """Those of a process beside the nodes."""
    made = build_services(load_config(stores))
    yield made
    made.parts.close()


def test_two_sweepers_finish_everything_once(
    nodes: tuple[Node, Node], services: Services, stores: Mapping[str, str]
) -> None:
    raw = Raw(stores["REDIS_URL"])
    households = [Household(services, nodes[number % 2].new_account(), raw) for number in range(3)]
    for household in households:
        household.let_time_pass()
    eventually(lambda: all(household.is_done() for household in households), WITHIN_S, "nothing is due any more")
    for household in households:
        household.assert_settled()
    raw.client.close()
    swept = [sum(event["event"] == "swept" for event in node.events("info")) for node in nodes]
    assert all(swept), f"both have swept: {swept}"


def test_a_node_that_is_killed_under_load_takes_nothing_along_and_comes_back(
    nodes: tuple[Node, Node], services: Services, stores: Mapping[str, str]
) -> None:
    one, other = nodes
    asked = [one, other]
    users = [Visitor(asked, number) for number in range(USERS)]
    with acting(users):
        wait_for_progress(users, 6)
        one.kill()
        asked.remove(one)  # as a proxy does that finds nobody there
        wait_for_progress(users, 1)
        failures = [len(user.failures) for user in users]
        wait_for_progress(users, 12)
        assert [len(user.failures) for user in users] == failures, "the other answers everything"
        one.start()
        asked.append(one)
        wait_for_progress(users, 12)
    assert [user.wrong for user in users] == [[]] * USERS
    for user in users:
        for iid in user.titles:
            for node in nodes:
                user.view_at(node, iid)
    all_stands(services, users, stores)
    report = services.fsck.check(deep=True, min_age_s=0)
    assert report.clean, report.findings
