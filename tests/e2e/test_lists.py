"""Lists of a user's images, page by page and by cursor."""

from typing import Any

import pytest
import requests

from tests.e2e.client import API, Client, pointers
from tests.images import corner, encode

SMALL = encode(corner(), "image/png")
LIST = f"{API}/me/images"


@pytest.fixture
def uploaded(account: Client) -> list[str]:
    """The ids of eight images, newest first; all are completed in one request, and in another order."""
    ids = [account.send_bytes(SMALL, "image/png") for _ in range(8)]
    done = account.post(f"{API}/upload/complete", {"ids": ids[::-1]}).json()["results"]
    assert [result["status"] for result in done] == [201] * 8
    return ids[::-1]


def ids_of(answer: requests.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [image["id"] for image in answer.json()["images"]]


def follow(account: Client, answer: requests.Response) -> list[list[str]]:
    """The ids of every page from `answer` on, as its Link header leads."""
    pages = [ids_of(answer)]
    while "next" in answer.links:
        answer = account.get(answer.links["next"]["url"])
        pages.append(ids_of(answer))
        assert len(pages) < 20
    return pages


def test_an_empty_list_has_no_pages(account: Client) -> None:
    answer = account.get(LIST)
    assert answer.json() == {"images": [], "limit": 50, "page": 1, "total": 0, "pages": 0, "next_cursor": None}
    assert "Link" not in answer.headers


def test_the_newest_image_comes_first(account: Client, uploaded: list[str]) -> None:
    answer = account.get(LIST)
    assert ids_of(answer) == uploaded
    times = [image["created_at"] for image in answer.json()["images"]]
    assert times == sorted(times, reverse=True)
    assert answer.json()["images"][0] == account.meta(uploaded[0]).json()
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_link_header_leads_through_all_pages_and_names_each_image_once(
    account: Client, uploaded: list[str]
) -> None:
    first = account.get(LIST, params={"limit": 3})
    assert {name: first.json()[name] for name in ("limit", "page", "total", "pages")} == {
        "limit": 3,
        "page": 1,
        "total": 8,
        "pages": 3,
    }
    assert follow(account, first) == [uploaded[:3], uploaded[3:6], uploaded[6:]]
    assert ids_of(account.get(LIST, params={"limit": 3, "page": 4})) == []


def test_cursors_lead_through_all_pages_and_name_each_image_once(account: Client, uploaded: list[str]) -> None:
    first = account.get(LIST, params={"limit": 3})
    second = account.get(LIST, params={"limit": 3, "cursor": first.json()["next_cursor"]})
    assert second.json()["page"] is None
    assert follow(account, second) == [uploaded[3:6], uploaded[6:]]


def test_a_cursor_holds_its_place_while_the_list_changes(account: Client, uploaded: list[str]) -> None:
    first = account.get(LIST, params={"limit": 3})
    account.upload(SMALL, "image/png")
    account.delete(uploaded[2])
    account.delete(uploaded[3])
    rest = account.get(LIST, params={"limit": 100, "cursor": first.json()["next_cursor"]})
    assert ids_of(rest) == uploaded[4:]


def test_a_full_last_page_has_no_next(account: Client, uploaded: list[str]) -> None:
    answer = account.get(LIST, params={"limit": 4, "page": 2})
    assert ids_of(answer) == uploaded[4:]
    assert answer.json()["next_cursor"] is None
    assert "Link" not in answer.headers


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"limit": 0}, "limit"),
    ({"limit": 101}, "limit"),
    ({"limit": "many"}, "limit"),
    ({"limit": [1, 2]}, "limit"),
    ({"page": 0}, "page"),
    ({"page": -1}, "page"),
    ({"page": 10**30}, "page"),
    ({"page": 1, "cursor": "x"}, ""),
    ({"cursor": "x"}, "cursor"),
    ({"cursor": ""}, "cursor"),
    ({"cursor": "x" * 3_000}, "cursor"),
    ({"sort": "size"}, "sort"),
    ({"status": "printed"}, "status"),
]


def test_a_wrong_query_is_refused(account: Client) -> None:
    assert [(query, *pointers(account.get(LIST, params=query))) for query, _ in WRONG] == WRONG


def test_a_cursor_that_was_changed_or_is_somebody_elses_is_refused(
    account: Client, stranger: Client, uploaded: list[str]
) -> None:
    cursor = account.get(LIST, params={"limit": 3}).json()["next_cursor"]
    middle = len(cursor) // 3
    changed = cursor[:middle] + ("A" if cursor[middle] != "A" else "B") + cursor[middle + 1 :]
    assert pointers(account.get(LIST, params={"cursor": changed})) == ["cursor"]
    assert pointers(account.get(LIST, params={"cursor": cursor[:-5]})) == ["cursor"]
    assert pointers(stranger.get(LIST, params={"cursor": cursor})) == ["cursor"]
