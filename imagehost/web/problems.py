"""Errors as problem documents (RFC 9457), the one shape in which this API fails; as a page for people in a browser."""

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus

from flask import Flask, Response, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from imagehost.errors import ImagehostError, RequestTooLarge
from imagehost.web.context import request_id, services
from imagehost.web.headers import page_policy

log = logging.getLogger(__name__)

# What a page says where the error itself has no more to tell.
_ADVICE = {
    404: "It may have been deleted, made private, or never have been here.",
    410: "Deleted images cannot be brought back.",
    503: "Please try again in a moment.",
}

# The framework's own errors. Python's phrases change between versions, codes must not.
_CODES = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    412: "precondition-failed",
    414: "uri-too-long",
    416: "range-not-satisfiable",
    431: "header-fields-too-large",
}


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
    return _answer(to_problem(error), error.status, error.headers.items())


def _answer(members: Mapping[str, object], status: int, headers: Iterable[tuple[str, str]]) -> Response:
    if _reads_pages():
        answer = make_response(render_template("problem.html", **{"detail": _ADVICE.get(status, "")} | dict(members)))
        answer.headers["Content-Security-Policy"] = page_policy(services().delivery.s3_origin)
    else:
        answer = jsonify(members)
        answer.mimetype = "application/problem+json"
    answer.status_code = status
    answer.vary.add("Accept")
    for name, value in headers:
        if name not in ("Content-Type", "Content-Length"):
            answer.headers[name] = value
    return answer


def _reads_pages() -> bool:
    """Whether a person follows a link in a browser, rather than a program or an <img> asking."""
    if request.path.startswith(("/api/", "/health")):
        return False
    return request.accept_mimetypes.best_match(("application/problem+json", "text/html")) == "text/html"


def log_failure(error: ImagehostError) -> None:
    """Log what is no fault of the client, with its cause."""
    if error.status >= 500:
        cause = error if error.__cause__ else None
        extra = {"code": error.code, "detail": error.detail, "request_id": request_id()}
        log.warning("unavailable", extra=extra, exc_info=cause)


def _ours(error: ImagehostError) -> Response:
    log_failure(error)
    return respond(error)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return respond(RequestTooLarge())
    members = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": _CODES.get(status, f"http-{status}"),
        "request_id": request_id(),
    }
    return _answer(members, status, error.get_response().headers)


def _unexpected(error: Exception) -> Response:
    log.error("unexpected", extra={"request_id": request_id()}, exc_info=error)
    return respond(ImagehostError())


def register(app: Flask) -> None:
    """Render every error of the app."""
    app.register_error_handler(ImagehostError, _ours)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)
