"""Who calls: an API token in `X-API-Key` or `Authorization: Bearer`, checked on every request."""

from flask import Request

from imagehost.errors import TokenInvalid, TokenMissing
from imagehost.services.caller import Caller
from imagehost.web.context import remember, services


def find_caller(request: Request, scope: str | None = None) -> Caller | None:
    """Who calls, their API key still to be confirmed, with `scope`; None without a token. A token that is not good is
    an error even where none is needed. Raises TokenInvalid."""
    token = request.headers.get("X-API-Key")
    if token is None and (sent := request.headers.get("Authorization")) is not None:
        scheme, _, token = sent.partition(" ")
        if scheme.lower() != "bearer":
            raise TokenInvalid("Send the API token as Authorization: Bearer <token>.")
    if token is None:
        return None
    caller = services().accounts.find_caller(token.strip(), scope)
    remember(caller)
    return caller


def get_caller(request: Request, scope: str | None) -> Caller:
    """Who calls; raises TokenMissing too."""
    if (caller := find_caller(request, scope)) is None:
        raise TokenMissing("Send an API token as X-API-Key or as Authorization: Bearer.")
    return caller
