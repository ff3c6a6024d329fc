"""API keys that are looked up together with something else, on a real server: with an image, with a page of a list, and
by the script that reserves."""

from dataclasses import replace

import pytest

from imagehost import ids
from imagehost.index.images import KeyCheck
from imagehost.services.parts import Parts
from tests.contract.builders import SHA256, account, ready, reserve, try_to_reserve
from tests.contract.raw import Raw

CHECK = KeyCheck("k1", SHA256, "upload", now_ms=999)


def test_a_key_is_found_beside_an_image_and_beside_a_list(parts: Parts, uid: str, epoch: str) -> None:
    iid = ids.new_iid(uid)
    parts.images.apply(ready(uid, iid), epoch)
    parts.accounts.apply(account(uid, 1, "k1"), epoch)
    for kid in ("k1", "k2"):
        alone = parts.accounts.find_key(uid, kid)
        assert alone.fresh
        assert (alone.api_key is None) == (kid == "k2")
        found, page = parts.images.find(iid, (uid, kid)), parts.images.list_page(uid, 10, kid=kid)
        assert found.api_key == page.api_key == alone
        assert replace(found, api_key=None) == parts.images.find(iid)
        assert [published.image.iid for published in page.items] == [iid]


def test_a_key_of_an_epoch_before_is_not_fresh(parts: Parts, uid: str) -> None:
    parts.accounts.apply(account(uid, 1, "k1"), "before")
    assert not parts.accounts.find_key(uid, "k1").fresh
    for found in (parts.images.find(ids.new_iid(uid), (uid, "k1")), parts.images.list_page(uid, 10, kid="k1")):
        assert found.api_key is not None
        assert not found.api_key.fresh


def test_a_reservation_by_a_good_key_tells_the_key(parts: Parts, uid: str, epoch: str) -> None:
    parts.accounts.apply(account(uid, 1, "k1", expires_at_ms=1_000), epoch)
    iid = ids.new_iid(uid)
    reserved = try_to_reserve(parts, uid, iid, api_key=CHECK)
    assert reserved is not None
    assert reserved.api_key == parts.accounts.find_key(uid, "k1")
    replayed = try_to_reserve(parts, uid, iid, api_key=CHECK)
    assert replayed == replace(reserved, api_key=None)


@pytest.mark.parametrize(
    "check",
    [
        replace(CHECK, kid="k2"),
        replace(CHECK, secret_sha256="cd" * 32),
        replace(CHECK, scope="write"),
        replace(CHECK, scope="up"),
        replace(CHECK, now_ms=1_000),
    ],
)
def test_a_key_that_is_not_good_reserves_nothing(parts: Parts, raw: Raw, uid: str, epoch: str, check: KeyCheck) -> None:
    parts.accounts.apply(account(uid, 1, "k1", expires_at_ms=1_000), epoch)
    iid = ids.new_iid(uid)
    assert try_to_reserve(parts, uid, iid, api_key=check) is None
    assert (raw.image(iid), raw.due(iid), raw.counters(uid)) == ({}, {}, (0, 0, 0, 0))


def test_a_key_of_an_epoch_before_reserves_nothing(parts: Parts, raw: Raw, uid: str) -> None:
    parts.accounts.apply(account(uid, 1, "k1"), "before")
    iid = ids.new_iid(uid)
    assert try_to_reserve(parts, uid, iid, api_key=CHECK) is None
    assert raw.image(iid) == {}
    assert reserve(parts, uid, iid).api_key is None
