"""Errors as problem documents (RFC 9457), the one shape in which this API fails."""

import logging
from http import HTTPStatus

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from imagehost.errors import ImagehostError, RequestTooLarge
from imagehost.web.context import request_id

log = logging.getLogger(__name__)


def to_problem(error: ImagehostError) -> dict[str, object]:
    """The members of an error's problem document. `type` is a name, not an address: api.md
    explains each code."""
    members: dict[str, object] = {
        "type": f"urn:imagehost:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "code": error.code,
        "request_id": request_id(),
    }
    if error.detail:
        members["detail"] = error.detail
    return members | error.extensions


def respond(error: ImagehostError) -> Response:
    """The answer that an error becomes."""
    answer = jsonify(to_problem(error))
    answer.status_code = error.status
    answer.mimetype = "application/problem+json"
    answer.headers.extend(error.headers)
    return answer


def _ours(error: ImagehostError) -> Response:
    if error.status >= 500:
        log.warning("unavailable", extra={"code": error.code, "request_id": request_id()}, exc_info=error)
    return respond(error)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return respond(RequestTooLarge())
    original = error.get_response()
    if status < 400:
        return Response(original.get_data(), status, original.headers)
    phrase = HTTPStatus(status).phrase
    answer = jsonify(
        type="about:blank",
        title=phrase,
        status=status,
        code=phrase.lower().replace(" ", "-"),
        request_id=request_id(),
    )
    answer.status_code = status
    answer.mimetype = "application/problem+json"
    for name, value in original.headers:
        if name not in ("Content-Type", "Content-Length"):
            answer.headers[name] = value
    return answer


def _unexpected(error: Exception) -> Response:
    log.error("unexpected", extra={"request_id": request_id()}, exc_info=error)
    return respond(ImagehostError())


def register(app: Flask) -> None:
    """Render every error of the app."""
    app.register_error_handler(ImagehostError, _ours)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)
