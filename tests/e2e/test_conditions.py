"""`If-Match`: a change is made on the revision that it names, or not at all."""

from tests.e2e.client import API, Client, assert_problem
from tests.images import corner, encode

SMALL = encode(corner(), "image/png")


def test_a_delete_of_another_revision_is_not_made(account: Client) -> None:
    iid = account.upload(SMALL, "image/png")["id"]
    for named in ('"2"', 'W/"1"', "1", '"a"'):
        answer = account.send("DELETE", f"{API}/image/{iid}", headers={"If-Match": named})
        assert assert_problem(answer, 412, "rev-mismatch")["rev"] == 1
    assert account.send("DELETE", f"{API}/image/{iid}", headers={"If-Match": '"1"'}).status_code == 204
