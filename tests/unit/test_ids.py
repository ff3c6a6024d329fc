import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagehost import ids


def test_there_are_1024_different_shards_of_two_characters() -> None:
    assert len(set(ids.SHARDS)) == len(ids.SHARDS) == 1024
    assert all(re.fullmatch("[0-9a-hjkmnp-tv-z]{2}", shard) for shard in ids.SHARDS)


def test_a_users_images_share_the_users_shard() -> None:
    for _ in range(200):
        uid = ids.new_uid()
        iid = ids.new_iid(uid)
        assert ids.shard_of(iid) == ids.shard_of(uid)
        assert ids.shard_of(uid) in ids.SHARDS
        assert iid != uid


def test_every_new_id_has_the_form_of_an_id() -> None:
    for _ in range(200):
        uid = ids.new_uid()
        for made in (uid, ids.new_iid(uid)):
            assert ids.is_id(made)
            assert re.fullmatch("[0-9A-Za-z]{24}", made)


def test_users_are_spread_over_the_shards() -> None:
    assert len({ids.shard_of(ids.new_uid()) for _ in range(2000)}) > 700


@pytest.mark.parametrize("make", [ids.new_version, ids.new_op])
def test_versions_and_operations_are_128_random_bits(make: Callable[[], str]) -> None:
    made = {make() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in made)


def test_the_id_of_an_api_key_is_twelve_characters() -> None:
    assert re.fullmatch("[0-9A-Za-z]{12}", ids.new_kid())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4k",
        "4k" + "a" * 21,
        "4k" + "a" * 23,
        "4K" + "a" * 22,
        "ul" + "a" * 22,
        "4k" + "a" * 21 + "-",
        "4k" + "a" * 22 + "\n",
        " 4k" + "a" * 21,
        "4k" + "é" * 22,
        "4k" + "٣" * 22,
    ],
)
def test_what_has_not_the_form_is_no_id(text: str) -> None:
    assert not ids.is_id(text)


@given(st.text())
def test_nothing_with_other_characters_is_an_id(text: str) -> None:
    assert not ids.is_id(text) or (text.isascii() and text.isalnum() and len(text) == 24)
