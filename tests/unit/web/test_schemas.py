"""Every limit of a request, from both sides."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from imagehost.models import SCOPES, Details
from imagehost.web.schemas import (
    ApiKeyRequest,
    CompleteMany,
    CompleteRequest,
    ImageEdit,
    ListQuery,
    PaletteRequest,
    UploadBatch,
    UploadItem,
)
from imagehost.web.view_schemas import PresignRequest, ViewQuery

ID = "4k" + "a" * 22
ITEM = {"filename": "a.png", "mime": "image/png", "size": 5}
KEY = {"name": "laptop"}
BASES: dict[type[BaseModel], dict[str, Any]] = {
    UploadItem: ITEM,
    ApiKeyRequest: KEY,
    PaletteRequest: {"colors": ["#ff5733"]},
}


def nested(size_bytes: int) -> dict[str, str]:
    """Metadata of exactly so many bytes as compact JSON."""
    return {"a": "x" * (size_bytes - len('{"a":""}'))}


GOOD: list[tuple[type[BaseModel], dict[str, Any]]] = [
    (UploadItem, {}),
    (UploadItem, {"filename": "x" * 255}),
    (UploadItem, {"filename": "写" * 255}),
    (UploadItem, {"mime": "a" * 64 + "/" + "b" * 64}),
    (UploadItem, {"mime": "image/svg+xml"}),
    (UploadItem, {"size": 1}),
    (UploadItem, {"size": 10**15}),
    (UploadItem, {"sha256": "0123456789abcdef" * 4}),
    (UploadItem, {"sha256": None}),
    (UploadItem, {"private": True}),
    (UploadItem, {"title": "x" * 200}),
    (UploadItem, {"title": None}),
    (UploadItem, {"tags": [str(n) for n in range(50)]}),
    (UploadItem, {"tags": ["x" * 50]}),
    (UploadItem, {"metadata": nested(8192)}),
    (UploadItem, {"metadata": {"a": [1, None, {"b": 1.5}]}}),
    (UploadItem, {"kind": "x" * 32}),
    (UploadItem, {"kind": "0-_"}),
    (UploadItem, {"kind": None}),
    (UploadBatch, {"files": [{}] * 100}),
    (CompleteMany, {"ids": [ID] * 100}),
    (ImageEdit, {"title": None}),
    (ImageEdit, {"kind": None}),
    (ImageEdit, {"tags": []}),
    (ImageEdit, {"metadata": {}}),
    (ImageEdit, {"private": False}),
    (PresignRequest, {}),
    (PresignRequest, {"purpose": "download", "url_expires_in_s": 1}),
    (PresignRequest, {"url_expires_in_s": 604_800}),
    (PaletteRequest, {"colors": ["#00ff7f"]}),
    (PaletteRequest, {"colors": ["#00FF7F"] * 16, "mode": "luminance"}),
    (ApiKeyRequest, {"name": "x" * 100}),
    (ApiKeyRequest, {"scopes": ["read"]}),
    (ApiKeyRequest, {"expires_in_s": 1}),
    (ApiKeyRequest, {"expires_in_s": 10 * 366 * 86_400}),
    (ListQuery, {"limit": "1", "page": "1"}),
    (ListQuery, {"limit": "100", "page": "10000000"}),
    (ListQuery, {"cursor": "x" * 2_000}),
    (ViewQuery, {"variant": "THUMB"}),
]
# Each model and member with the values that are just beyond what it accepts.
BEYOND: dict[type[BaseModel], dict[str, list[Any]]] = {
    UploadItem: {
        "filename": ["", " ", "x" * 256, "a\nb", "a\tb", "a\u2028b", 5, None],
        "mime": ["", "image", "image/", "/png", "image/png; q=1", "image/png\n", "é/x", "a" * 65 + "/b", 5],
        "size": [0, -1, 1.0, "5", True, None],
        "sha256": ["", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 64 + "\n", 5],
        "private": ["true", 1, 0, None],
        "title": ["", "  ", "x" * 201, "a\nb", 5],
        "tags": [[str(n) for n in range(51)], ["x" * 51], [""], ["a\nb"], [5], None, "ab"],
        "metadata": [nested(8193), {"a": "é" * 4093}, [], None, "x"],
        "kind": ["", "x" * 33, "-a", "_a", "A", "é", "a b", "a\n", 5],
        "image_expires_in_s": [0, 10 * 366 * 86_400 + 1, "60", 1.5],
        "keep_metadata": ["true", 1, 0, None],
        "status": ["generated"],
        "id": [ID],
    },
    UploadBatch: {"files": [[], [{}] * 101, {}, None]},
    CompleteMany: {"ids": [[], [ID] * 101, ["x"], ID]},
    ImageEdit: {
        "status": ["deleted"],
        "filename": ["b.png"],
        "tags": [None],
        "private": [None],
        "metadata": [None],
        "title": [""],
    },
    PresignRequest: {"url_expires_in_s": [0, 604_801, "60", 60.0, None], "purpose": ["steal", None]},
    PaletteRequest: {
        "colors": [[], ["#00ff7f"] * 17, ["#0f7"], ["00ff7f"], ["#00ff7g"], ["#00ff7f "], [65407], "#00ff7f", None],
        "mode": ["darkest", None],
    },
    ApiKeyRequest: {
        "scopes": [[], ["admin"], ["read", "x"], "read", None],
        "expires_in_s": [0, -1, 10 * 366 * 86_400 + 1, 1.5],
        "name": ["", " ", "x" * 101, "a\nb"],
    },
    ListQuery: {
        "limit": ["0", "101", "x", "1.5", ""],
        "page": ["0", "-1", "10000001"],
        "cursor": ["x" * 2_001],
        "offset": ["1"],
    },
    ViewQuery: {"variant": ["huge", ""], "sig": ["x" * 201], "w": ["5"]},
}
BAD = [
    (model, {member: value})
    for model, members in BEYOND.items()
    for member, values in members.items()
    for value in values
]


@pytest.mark.parametrize("model, value", GOOD, ids=lambda part: ascii(part)[:60])
def test_what_is_just_within_a_limit_is_accepted(model: type[BaseModel], value: dict[str, Any]) -> None:
    assert isinstance(model.model_validate(BASES.get(model, {}) | value), model)


@pytest.mark.parametrize("model, value", BAD, ids=lambda part: ascii(part)[:60])
def test_what_is_just_beyond_a_limit_is_refused(model: type[BaseModel], value: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(BASES.get(model, {}) | value)


@pytest.mark.parametrize("value", [{}, None, [], {"title": "a", "unknown": 1}])
def test_an_edit_that_names_nothing_or_too_much_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        ImageEdit.model_validate(value)


def test_a_page_and_a_cursor_at_once_are_refused() -> None:
    with pytest.raises(ValidationError, match="not both"):
        ListQuery.model_validate({"page": "1", "cursor": "x"})


def test_text_loses_the_blanks_around_it_and_a_type_its_capitals() -> None:
    item = UploadItem.model_validate(ITEM | {"filename": " a.png ", "title": " t ", "mime": "Image/PNG"})
    assert (item.filename, item.title, item.mime) == ("a.png", "t", "image/png")


def test_a_tag_given_twice_counts_once_and_the_order_stays() -> None:
    assert UploadItem.model_validate(ITEM | {"tags": ["b", "a", " b ", "B"]}).tags == ("b", "a", "B")


def test_scopes_come_in_their_own_order_and_all_when_none_is_named() -> None:
    assert ApiKeyRequest.model_validate(KEY | {"scopes": ["delete", "read", "delete"]}).scopes == ("read", "delete")
    assert ApiKeyRequest.model_validate(KEY).scopes == SCOPES


def test_an_edit_changes_what_it_names_and_nothing_else() -> None:
    assert ImageEdit.model_validate({"title": None, "tags": ["a"]}).to_change() == {"title": None, "tags": ("a",)}


def test_an_announced_image_becomes_details() -> None:
    item = UploadItem.model_validate(ITEM | {"private": True, "kind": "room", "metadata": {"a": 1}})
    assert item.to_details() == Details(
        filename="a.png", mime="image/png", private=True, kind="room", metadata={"a": 1}
    )


def test_one_id_or_many_are_told_apart() -> None:
    assert isinstance(CompleteRequest.model_validate({"ids": [ID]}).root, CompleteMany)
    with pytest.raises(ValidationError):
        CompleteRequest.model_validate({"ids": [ID], "id": ID})
