"""Values as JSON text, for answers and log lines."""

import json
from collections.abc import Callable
from typing import Any

import orjson
from flask import Response
from flask.json.provider import DefaultJSONProvider


def to_json(value: Any, default: Callable[[Any], Any] | None = None) -> bytes:
    """Compact JSON in UTF-8, members in the order in which they stand. `default` makes something of what JSON has no
    form for; without it that is a TypeError."""
    try:
        return orjson.dumps(value, default)
    except TypeError:  # orjson writes no integer of more than 64 bits, and no half of a surrogate pair
        return json.dumps(value, default=default, separators=(",", ":")).encode()


class JSONProvider(DefaultJSONProvider):
    """What Flask and its templates write as JSON."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """The text; `kwargs` are of no concern."""
        return to_json(obj, self.default).decode()

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """An answer with the one value given."""
        return Response(to_json(self._prepare_response_obj(args, kwargs), self.default) + b"\n", mimetype=self.mimetype)
