"""Reading what a request says, before any library sees it: JSON that is JSON, in bounds, and then one pydantic model.

Refused are other content types, bytes that are not UTF-8, nesting over 64 deep, names given twice, numbers that no JSON
parser agrees on (NaN, Infinity, 1e999), and text with control characters or lone surrogates, which Redis, S3 or a
terminal would choke on later.
"""

import json
import math
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeVar

from flask import Request
from pydantic import BaseModel, RootModel, ValidationError
from werkzeug.exceptions import HTTPException

from imagehost.errors import ImagehostError, InvalidRequest, MalformedJSON, UnsupportedContentType

MAX_DEPTH = 64
MAX_MEMBERS = 5_000  # of one object or array; metadata of 8 KiB cannot have as many
MAX_FAULTS = 20  # reported of one value: an answer must not be a multiple of its request
# Newlines and tabs are text; what may not contain them says so in its model.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
Model = TypeVar("Model", bound=BaseModel)


def parse_json(request: Request, model: type[Model]) -> Model:
    """The request's body as `model`. Raises UnsupportedContentType, MalformedJSON or InvalidRequest."""
    if request.mimetype != "application/json":
        raise UnsupportedContentType("Send the body as application/json.")
    value = _loads(_read(request))
    if faults := [
        {"detail": "has a control character or a lone surrogate", "pointer": pointer}
        for pointer, text in islice(_forbidden(value), MAX_FAULTS)
    ]:
        raise InvalidRequest(faults)
    return validate(value, model)


def parse_query(request: Request, model: type[Model]) -> Model:
    """The query string as `model`. Raises InvalidRequest, for a parameter given twice too."""
    if twice := [name for name, values in request.args.lists() if len(values) > 1]:
        raise InvalidRequest([{"detail": "is given more than once", "pointer": name} for name in twice])
    try:
        return validate(dict(request.args.items()), model)
    except InvalidRequest as exc:
        faults = exc.extensions["errors"]
        raise InvalidRequest([fault | {"pointer": fault["pointer"].lstrip("/")} for fault in faults]) from exc


def validate(value: Any, model: type[Model]) -> Model:
    """`value` as `model`. Raises InvalidRequest with a JSON Pointer (RFC 6901) for each fault."""
    try:
        return model.model_validate(value)
    except ValidationError as exc:
        faults = exc.errors(include_url=False, include_input=False, include_context=False)
        raise InvalidRequest(
            [
                {
                    "detail": fault["msg"].removeprefix("Value error, "),
                    "pointer": _pointer(_untagged(fault["loc"], model)),
                }
                for fault in faults[:MAX_FAULTS]
            ]
        ) from exc


def _read(request: Request) -> bytes:
    try:
        return request.get_data(cache=False)
    except (ImagehostError, HTTPException):
        raise
    except Exception as exc:  # what a WSGI server raises for a damaged chunk is its own affair
        raise MalformedJSON("The body ends early, or its chunks are damaged.") from exc


def _loads(data: bytes) -> Any:
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except RecursionError as exc:
        raise MalformedJSON(f"It nests over {MAX_DEPTH} deep.") from exc
    except (ValueError, UnicodeError) as exc:
        raise MalformedJSON("The body cannot be parsed as JSON, or gives a name twice.") from exc
    if _depth(value) > MAX_DEPTH:
        raise MalformedJSON(f"It nests over {MAX_DEPTH} deep.")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name is given twice")
    return members


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError("a number is too large")
    return number


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [v for v in level if isinstance(v, dict | list)]:
        depth += 1
        if max(map(len, level)) > MAX_MEMBERS:
            raise MalformedJSON(f"An object or array has over {MAX_MEMBERS} members.")
        level = [child for v in level for child in (v.values() if isinstance(v, dict) else v)]
    return depth


def _forbidden(value: Any) -> Iterator[tuple[str, str]]:
    return ((pointer, text) for pointer, text in _texts(value) if _FORBIDDEN.search(text))


def _texts(value: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a JSON value with the pointer of where it stands; bounded by MAX_DEPTH."""
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, dict):
        for name, child in value.items():
            yield pointer, name
            yield from _texts(child, _pointer((name,), pointer))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _texts(child, f"{pointer}/{index}")


def _untagged(loc: tuple[int | str, ...], model: type[BaseModel]) -> tuple[int | str, ...]:
    """Without the union's tag, which pydantic puts before the place in a body that has alternatives."""
    return loc[1:] if issubclass(model, RootModel) else loc


def _pointer(loc: tuple[int | str, ...], prefix: str = "") -> str:
    clean = (re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", str(part)) for part in loc)
    return prefix + "".join("/" + p.replace("~", "~0").replace("/", "~1") for p in clean)
