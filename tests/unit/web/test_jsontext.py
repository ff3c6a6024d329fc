import json
import math
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from imagehost.web.jsontext import JSONProvider, to_json

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(VALUES)
def test_what_is_written_is_read_back_the_same(value: Any) -> None:
    assert json.loads(to_json(value)) == value


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, {"a": [10**400]}, "\ud800", {"\udfff": 1}])
def test_what_few_libraries_write_is_written_all_the_same(value: Any) -> None:
    assert json.loads(to_json(value)) == value


def test_it_is_compact_and_keeps_order_and_unicode() -> None:
    assert to_json({"b": "é🙂", "a": [1, None]}) == '{"b":"é🙂","a":[1,null]}'.encode()


def test_what_has_no_form_in_json_is_the_default_s_business_or_an_error() -> None:
    assert to_json({"a": {1, 2}.__class__}, str) == b'{"a":"<class \'set\'>"}'
    assert json.loads(to_json([2**70, Decimal("1.5")], str)) == [2**70, "1.5"]
    with pytest.raises(TypeError):
        to_json(object())


def test_an_answer_is_utf_8_of_its_type_and_ends_with_a_line() -> None:
    app = Flask("t")
    app.json = JSONProvider(app)
    with app.app_context():
        answer = app.json.response({"title": "é"})
        assert (answer.get_data(), answer.mimetype) == ('{"title":"é"}\n'.encode(), "application/json")
        assert app.json.dumps({"a": math.pi}) == '{"a":3.141592653589793}'
