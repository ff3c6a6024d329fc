"""How a route of the API is declared: one decorator names its address, who may ask, what it takes and what it answers.

The OpenAPI document is made from that by spectree. It validates nothing: requests are parsed by body.py, which refuses
what spectree's own parsing lets through.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Literal

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel
from spectree import Response as Answers
from spectree import SecurityScheme, SpecTree
from spectree.models import InType, SecureType, SecuritySchemeData

from imagehost import __version__
from imagehost.web.answers import Problem
from imagehost.web.auth import find_caller, get_caller
from imagehost.web.body import parse_json, parse_query

PREFIX = "/api/v1"
Access = Literal["scope", "any-key", "optional", "none"]
View = Callable[..., ResponseReturnValue]

api = Blueprint("api", __name__)
spec = SpecTree(
    "flask",
    title="imagehost",
    version=__version__,
    mode="strict",
    annotations=False,
    page_templates={},
    naming_strategy=lambda model: model.__name__,
    nested_naming_strategy=lambda _parent, child: child,
    validation_error_model=Problem,
    security_schemes=[
        SecurityScheme(name="bearer", data=SecuritySchemeData(type=SecureType.HTTP, scheme="bearer")),
        SecurityScheme(
            name="apiKey",
            data=SecuritySchemeData(type=SecureType.API_KEY, name="X-API-Key", field_in=InType.HEADER),
        ),
    ],
)


def endpoint(
    method: str,
    path: str,
    *,
    answers: Mapping[int, type[BaseModel] | None],
    problems: tuple[int, ...] = (),
    access: Access = "scope",
    scope: str | None = None,
    json: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    headers: type[BaseModel] | None = None,
    confirms: bool = False,
    tag: str,
) -> Callable[[View], View]:
    """Declare a route. The view gets, by name: `caller` (unless access is `none`; None for nobody where `optional`),
    `body` where there is `json`, `query` where there is `query`, and the path's parameters. `headers` are only
    declared. A view that `confirms` (as all do whose access is `optional`) has the caller's API key looked up together
    with what it asks for, and changes nothing before; whatever it answers, a caller who is not good hears that instead.
    """
    keyed = access in ("scope", "any-key")
    failing = {*problems, 503} | ({401, 403} if access != "none" else set())
    failing |= ({400, 413, 415, 422} if json else set()) | ({422} if query else set())
    models: dict[str, Any] = {f"HTTP_{status}": Problem for status in sorted(failing)}
    models |= {f"HTTP_{status}": model for status, model in answers.items()}
    tokens: list[dict[str, list[str]]] = [{"bearer": []}, {"apiKey": []}]
    security: Any = tokens if keyed else [{}, *tokens] if access == "optional" else [{}]

    def decorate(view: View) -> View:
        def handle(**kwargs: Any) -> ResponseReturnValue:
            if access == "none":
                return answer(kwargs)
            caller = kwargs["caller"] = get_caller(request, scope) if keyed else find_caller(request)
            if caller is None:
                return answer(kwargs)
            if keyed and not confirms:
                caller.confirm()
            try:
                return answer(kwargs)
            finally:
                caller.confirm()

        def answer(kwargs: dict[str, Any]) -> ResponseReturnValue:
            if query is not None:
                kwargs["query"] = parse_query(request, query)
            if json is not None:
                kwargs["body"] = parse_json(request, json)
            return view(**kwargs)

        declared = spec.validate(
            json=json,
            query=query,
            headers=headers,
            resp=Answers(**models),
            validation_error_status=503,  # spectree adds one; 422 is declared where it can be
            tags=[tag],
            security=security,
            skip_validation=True,
            operation_id=view.__name__,
        )(view)
        # spectree finds its declaration behind this, and takes no part in requests: it would read every body whole,
        # and walk through every answer.
        api.add_url_rule(path, view.__name__, functools.wraps(declared)(handle), methods=[method])
        return view

    return decorate
