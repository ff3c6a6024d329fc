import json
from typing import Any

import pytest
from flask import Flask, Request
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import BaseModel, RootModel

from imagehost.errors import BadRequest, InvalidRequest, MalformedJSON, UnsupportedContentType
from imagehost.web.body import MAX_DEPTH, MAX_FAULTS, parse_json, parse_query
from imagehost.web.schemas import CompleteRequest, ImageEdit, ListQuery, UploadItem, UploadRequest
from tests.unit.strategies import JSON

FLASK = Flask(__name__)
ITEM = {"filename": "a.png", "mime": "image/png", "size": 5}


class Anything(RootModel[Any]):
    """Accepts every value."""


def request_with(data: bytes, content_type: str | None = "application/json") -> Request:
    with FLASK.test_request_context("/", method="POST", data=data, content_type=content_type) as context:
        return context.request


def parse(text: str | bytes) -> Any:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return parse_json(request_with(data), Anything).root


def faults_of(value: Any, model: type[Any]) -> list[dict[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        parse_json(request_with(json.dumps(value).encode()), model)
    errors: list[dict[str, str]] = caught.value.extensions["errors"]
    assert all(set(error) == {"detail", "pointer"} for error in errors)
    return errors


def resolve(document: Any, pointer: str) -> Any:
    """What a JSON Pointer names, as RFC 6901 section 4 says."""
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        document = document[int(name)] if isinstance(document, list) else document[name]
    return document


@given(JSON)
def test_json_is_parsed_as_json(value: Any) -> None:
    assert parse(json.dumps(value)) == value
    assert parse(json.dumps(value, ensure_ascii=False)) == value


@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_nesting_is_allowed_to_its_limit_and_no_deeper(brackets: str) -> None:
    def nested(depth: int) -> str:
        opening = "[" if brackets == "[]" else '{"a":'
        return opening * (depth - 1) + brackets + brackets[1] * (depth - 1)

    assert parse(nested(MAX_DEPTH))
    with pytest.raises(MalformedJSON, match="deep"):
        parse(nested(MAX_DEPTH + 1))


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "[" * 5_000 + "]" * 5_000])
def test_nesting_without_bounds_is_malformed_and_nothing_worse(text: str) -> None:
    with pytest.raises(MalformedJSON):
        parse(text)


@pytest.mark.parametrize(
    "text",
    ['{"a":1,"a":2}', '{"a":1,"a":1}', '[{"b":{"a":1,"c":2,"a":3}}]', '{"a":1,"\\u0061":2}', '{"":1,"":2}'],
)
def test_a_name_given_twice_is_malformed(text: str) -> None:
    with pytest.raises(MalformedJSON):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "NaN", "Infinity", "-Infinity", "[NaN]", "1e999", "-1e999", '{"a":1e400}', "9" * 5_000, "-" + "9" * 5_000,
        "", " ", "{", "}", "01", "+1", ".5", "1.", "0x10", "'a'", "{a:1}", "[1,]", '{"a":1,}', "// c\n1", "1 2", "True",
        '"\n"', '"\t"', "\ufeff{}", "nul",
    ],
    ids=lambda text: ascii(text[:12]),
)  # fmt: skip
def test_what_json_parsers_do_not_agree_on_is_malformed(text: str) -> None:
    with pytest.raises(MalformedJSON):
        parse(text)


@pytest.mark.parametrize(
    "data", [b'"\xff"', b'"\xc3"', b'"\xed\xa0\x80"', b'"\xc0\x80"', '"é"'.encode("latin-1"), "{}".encode("utf-16")]
)
def test_bytes_that_are_not_utf_8_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedJSON):
        parse(data)


def test_large_numbers_that_are_finite_are_numbers() -> None:
    assert parse("1e308") == 1e308
    assert parse(str(2**64)) == 2**64


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/problem+json",
        "text/json",
    ],
)
def test_another_content_type_is_unsupported_before_the_body_is_looked_at(content_type: str | None) -> None:
    with pytest.raises(UnsupportedContentType):
        parse_json(request_with(b"{", content_type), Anything)


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_may_be_announced_with_a_parameter_and_in_capitals(content_type: str) -> None:
    assert parse_json(request_with(b"[1]", content_type), Anything).root == [1]


@pytest.mark.parametrize("character", ["\\u0000", "\\u0008", "\\u001b", "\\u007f", "\\ud800", "\\udfff", "\x7f"])
@pytest.mark.parametrize(
    "document, pointer",
    [
        ('"a{}b"', ""),
        ('{{"title":"{}"}}', "/title"),
        ('{{"files":[{{}},{{"filename":"{}"}}]}}', "/files/1/filename"),
        ('{{"metadata":{{"a/b~c":["{}"]}}}}', "/metadata/a~1b~0c/0"),
        ('{{"metadata":{{"x{}":1}}}}', "/metadata"),
        ('{{"§files":"{}"}}', "/§files"),
    ],
)
def test_a_control_character_or_lone_surrogate_is_pointed_at(character: str, document: str, pointer: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(document.format(character))
    assert [error["pointer"] for error in caught.value.extensions["errors"]] == [pointer]


@pytest.mark.parametrize("text", ['"\\ud83d\\ude42"', '"🙂"', '"\\n\\t\\r"', '"\\ufeff"'])
def test_characters_that_harm_nobody_pass(text: str) -> None:
    assert parse(text) == json.loads(text)


@given(st.dictionaries(st.text(max_size=5), JSON, min_size=1, max_size=4))
@example({"~": 1, "/": 2, "~1": 3, "": 4})
@example({"§": 1})
@example({"§file": 1, "§ids": 2})
@example({"0": 1})
def test_an_unknown_member_is_pointed_at_by_a_pointer_that_leads_to_it(value: dict[str, Any]) -> None:
    unknown = {name: v for name, v in value.items() if name.isprintable() and name not in ImageEdit.model_fields}
    assume(unknown)
    pointers = [error["pointer"] for error in faults_of(unknown, ImageEdit)]
    assert len(set(pointers)) == len(unknown)
    assert all(pointer.count("/") == 1 for pointer in pointers)
    for pointer in pointers:
        resolve(unknown, pointer)


@pytest.mark.parametrize(
    "model, value, pointers",
    [
        (UploadRequest, {**ITEM, "size": 0}, ["/size"]),
        (UploadRequest, {**ITEM, "unknown": 1}, ["/unknown"]),
        (UploadRequest, {}, ["/filename", "/mime", "/size"]),
        (UploadRequest, {"id": "nope"}, ["/id"]),
        (UploadRequest, {"id": "4k" + "a" * 22, "size": 1}, ["/size"]),
        (UploadRequest, {"files": []}, ["/files"]),
        (UploadRequest, {"files": [], "filename": "a"}, ["/files", "/filename"]),
        (UploadRequest, {"files": 5}, ["/files"]),
        (UploadRequest, [], [""]),
        (UploadRequest, None, [""]),
        (UploadRequest, "text", [""]),
        (CompleteRequest, {"ids": ["4k" + "a" * 22, "nope"]}, ["/ids/1"]),
        (CompleteRequest, {"id": 5}, ["/id"]),
        (CompleteRequest, {}, ["/id"]),
        (UploadItem, {**ITEM, "tags": ["ok", ""]}, ["/tags/1"]),
        (UploadItem, {**ITEM, "tags": "abc"}, ["/tags"]),
    ],
)
def test_the_tags_of_a_union_never_show_in_a_pointer(model: type[Any], value: Any, pointers: list[str]) -> None:
    errors = faults_of(value, model)
    assert sorted(error["pointer"] for error in errors) == sorted(pointers)
    assert "§" not in json.dumps(errors, ensure_ascii=False)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_is_anything_but_accepted_or_a_bad_request(data: bytes) -> None:
    for model in (Anything, UploadRequest, CompleteRequest, ImageEdit):
        status = 200
        try:
            parse_json(request_with(data), model)
        except BadRequest as exc:
            status = exc.status
        assert status in {200, 400, 422}


def query_of(query: str) -> ListQuery:
    with FLASK.test_request_context("/?" + query) as context:
        return parse_query(context.request, ListQuery)


def test_a_query_is_parsed_with_its_defaults() -> None:
    assert query_of("") == ListQuery(limit=50, page=None, cursor=None)
    assert query_of("limit=7&page=3") == ListQuery(limit=7, page=3)


@pytest.mark.parametrize(
    "query, pointer",
    [
        ("limit=1&limit=2", "limit"),
        ("page=x", "/page"),
        ("unknown=1", "/unknown"),
        ("limit=", "/limit"),
        ("page=1&cursor=x", ""),
    ],
)
def test_a_fault_of_the_query_names_its_parameter(query: str, pointer: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        query_of(query)
    assert [error["pointer"].removeprefix("/") for error in caught.value.extensions["errors"]] == [
        pointer.removeprefix("/")
    ]


@pytest.mark.parametrize(
    "document",
    ["[" + ",".join("1" * 6_000) + "]", "{" + ",".join(f'"{n}":1' for n in range(6_000)) + "}"],
)
def test_an_object_or_array_has_a_bounded_number_of_members(document: str) -> None:
    with pytest.raises(MalformedJSON):
        parse(document)


@pytest.mark.parametrize(
    "document, model",
    [({"tags": ["\u0001"] * 4_000}, Anything), ({f"x{n}": 1 for n in range(4_000)}, UploadItem)],
    ids=["characters", "fields"],
)
def test_of_many_faults_the_first_few_are_reported(document: object, model: type[BaseModel]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_json(request_with(json.dumps(document).encode()), model)
    assert len(caught.value.extensions["errors"]) == MAX_FAULTS
