import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers
from werkzeug.exceptions import PreconditionFailed, RequestedRangeNotSatisfiable

from imagehost.web.conditions import asks_part, find_part, is_known

SIZES = st.integers(1, 2**40)


@pytest.mark.parametrize(
    "wanted, part",
    [
        ("bytes=0-", range(10)),
        ("bytes=0-0", range(1)),
        ("bytes=9-9", range(9, 10)),
        ("bytes=9-100", range(9, 10)),
        ("bytes=-1", range(9, 10)),
        ("bytes=-10", range(10)),
        ("bytes=-11", range(10)),
        ("BYTES=2-3", range(2, 4)),
    ],
)
def test_one_range_is_cut_to_what_there_is(wanted: str, part: range) -> None:
    assert find_part(wanted, 10) == part


@pytest.mark.parametrize("wanted", ["bytes=10-", "bytes=10-10", "bytes=99-"])
def test_a_range_behind_the_end_is_not_satisfiable_and_says_the_size(wanted: str) -> None:
    with pytest.raises(RequestedRangeNotSatisfiable) as caught:
        find_part(wanted, 10)
    assert dict(caught.value.get_headers())["Content-Range"] == "bytes */10"


@pytest.mark.parametrize(
    "wanted",
    ["", "bytes", "bytes=", "bytes=-", "bytes=1", "bytes=2-1", "bytes=0-1,3-4", "bytes=0-1,-1", "x=0-1", "bytes=é-"],
)
def test_what_is_no_single_range_is_ignored(wanted: str) -> None:
    assert find_part(wanted, 10) is None


@given(size_bytes=SIZES, start=st.integers(0, 2**41), length=st.none() | st.integers(1, 2**41))
def test_a_range_is_what_lies_in_both(size_bytes: int, start: int, length: int | None) -> None:
    wanted = f"bytes={start}-" + ("" if length is None else str(start + length - 1))
    try:
        part = find_part(wanted, size_bytes)
    except RequestedRangeNotSatisfiable:
        assert start >= size_bytes
        return
    assert part == range(start, size_bytes if length is None else min(start + length, size_bytes))
    assert len(part) > 0


@given(text=st.text(), size_bytes=SIZES)
def test_no_text_is_more_than_a_part(text: str, size_bytes: int) -> None:
    for wanted in (text, "bytes=" + text):
        try:
            part = find_part(wanted, size_bytes)
        except RequestedRangeNotSatisfiable:
            continue
        assert part is None or (0 <= part.start < part.stop <= size_bytes)


def test_a_range_counts_unless_if_range_names_other_bytes() -> None:
    assert not asks_part(Headers(), "a")
    assert not asks_part(Headers({"If-Range": '"a"'}), "a")
    assert asks_part(Headers({"Range": "x"}), "a")
    assert asks_part(Headers({"Range": "x", "If-Range": ' "a" '}), "a")
    for other in ('W/"a"', '"b"', "a", "", '"a", "b"', "Fri, 01 Jan 2100 00:00:00 GMT"):
        assert not asks_part(Headers({"Range": "x", "If-Range": other}), "a")


def test_who_names_the_bytes_knows_them_by_a_weak_tag_too() -> None:
    for known in ('"a"', 'W/"a"', '"x", "a"', "*"):
        assert is_known(Headers({"If-None-Match": known}), "a")
    for other in ('"b"', 'W/"b"', '"a.thumb.webp"', ""):
        assert not is_known(Headers({"If-None-Match": other}), "a")
    assert not is_known(Headers(), "a")


def test_who_wants_these_bytes_or_none_gets_none_of_others() -> None:
    for wanted in ('"a"', '"b", "a"', "*"):
        assert not is_known(Headers({"If-Match": wanted}), "a")
    for other in ('"b"', 'W/"a"', "", "7"):
        with pytest.raises(PreconditionFailed):
            is_known(Headers({"If-Match": other}), "a")
