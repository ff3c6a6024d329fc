"""The OpenAPI document against the routes, and the answers against their shapes."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given

from imagehost.models import Image, Published
from imagehost.services.uploads import Ticket
from imagehost.storage.presign import SignedUrl
from imagehost.web import answers, present
from imagehost.web.api.route import PREFIX
from tests.unit.strategies import IMAGES, SMALLEST
from tests.unit.web.conftest import Caller

METHODS = {"get", "put", "post", "delete", "patch"}


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    found: dict[str, Any] = app.test_client().get(f"{PREFIX}/openapi.json").get_json()
    return found


def routes(app: Flask) -> set[tuple[str, str]]:
    """Path (as OpenAPI writes it) and method of everything but the pages and their files."""
    return {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static" and not rule.endpoint.startswith("pages.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for child in value.values():
            yield from references(child)
    elif isinstance(value, list):
        for child in value:
            yield from references(child)


def test_every_route_is_in_the_document_and_every_operation_has_a_route(app: Flask, document: dict[str, Any]) -> None:
    documented = {(path, method) for path, item in document["paths"].items() for method in item if method in METHODS}
    assert documented == routes(app)


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == "imagehost"
    assert set(document["components"]["securitySchemes"]) == {"bearer", "apiKey"}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = set(references(document))
    assert found
    for reference in found:
        assert reference.startswith("#/")
        target = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        assert target


def test_every_operation_says_who_may_ask_what_it_answers_and_how_it_fails(document: dict[str, Any]) -> None:
    ids = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method not in METHODS:
                continue
            ids.append(operation["operationId"])
            assert operation["summary"], (path, method)
            assert operation["security"], (path, method)
            statuses = set(operation["responses"])
            assert any(status.startswith(("2", "3")) for status in statuses), (path, method)
            if {} not in operation["security"]:
                assert {"401", "403"} <= statuses, (path, method)
            if "requestBody" in operation:
                assert {"400", "415", "422"} <= statuses, (path, method)
            for status, answer in operation["responses"].items():
                if status >= "400":
                    assert answer["content"], (path, method, status)
    assert len(set(ids)) == len(ids)


def test_every_parameter_of_a_path_is_declared(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for method in METHODS & set(item):
            declared = {p["name"] for p in item[method].get("parameters", ()) if p["in"] == "path"}
            assert declared == set(re.findall(r"{(\w+)}", path)), (path, method)


@given(image=IMAGES)
def test_an_image_is_shown_in_the_documented_shape(app: Flask, image: Image) -> None:
    published = Published(image=image, views=3, checked="e")
    with app.app_context():
        whole, public = present.to_image(published), present.to_image(published, public=True)
    assert answers.Image.model_validate(whole, strict=True).model_dump() == whole
    assert answers.PublicImage.model_validate(public, strict=True).model_dump() == public
    assert set(whole) - set(public) == {"sha256", "metadata", "status", "tags", "rev"}


def test_a_ticket_is_shown_in_the_documented_shape(app: Flask) -> None:
    with app.app_context():
        shown = present.to_ticket(Ticket(SMALLEST.iid, SignedUrl("https://s3/x", {"content-type": "image/png"}, 1)))
    assert answers.Ticket.model_validate(shown, strict=True).model_dump() == shown
    assert shown["upload"]["expires_at"] == "1970-01-01T00:00:01.000Z"
    assert shown["complete_url"] == "http://127.0.0.1:8000/api/v1/upload/complete"


@pytest.mark.parametrize(
    "path, shape",
    [
        ("/api/v1/me", answers.Me),
        ("/api/v1/me/keys", answers.ApiKeyList),
        ("/api/v1/me/images", answers.ImageList),
        ("/health", answers.Alive),
        ("/health/ready", answers.Ready),
    ],
)
def test_an_answer_has_its_documented_shape(
    client: FlaskClient, caller: Caller, path: str, shape: type[answers.Answer]
) -> None:
    answer = client.get(path, headers=caller.headers)
    assert answer.status_code == 200
    assert isinstance(shape.model_validate(answer.get_json(), strict=True), shape)


def test_a_new_api_key_has_its_documented_shape(client: FlaskClient, caller: Caller) -> None:
    answer = client.post("/api/v1/me/keys", json={"name": "n", "scopes": ["read"]}, headers=caller.headers)
    assert answer.status_code == 201
    assert answers.IssuedApiKey.model_validate(answer.get_json(), strict=True).scopes == ["read"]


@pytest.mark.parametrize(
    "ms, text",
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_700_000_000_007, "2023-11-14T22:13:20.007Z"),
        (1_999, "1970-01-01T00:00:01.999Z"),
    ],
)
def test_a_time_is_rfc_3339_in_utc_with_milliseconds(ms: int, text: str) -> None:
    assert present.to_time(ms) == text


def test_links_are_built_from_the_configured_address_and_never_from_the_host(client: FlaskClient, app: Flask) -> None:
    with app.test_request_context("/", headers={"Host": "evil.example"}):
        shown = present.to_image(Published(image=replace(SMALLEST.image, mime="image/jpeg"), views=0, checked="e"))
    assert shown["url"] == f"http://127.0.0.1:8000/i/{SMALLEST.iid}.jpg"
