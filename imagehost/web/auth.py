"""Who asks: an API token in `X-API-Key` or `Authorization: Bearer`, checked on every request."""

from flask import Request

from imagehost.errors import InsufficientScope, TokenInvalid, TokenMissing
from imagehost.services.accounts import Identity
from imagehost.web.context import remember, services


def find_identity(request: Request) -> Identity | None:
    """Who asks; None without a token. A token that is not good is an error even where none is needed.

    Raises TokenInvalid, TokenExpired, IndexRebuilding or Unavailable."""
    token = request.headers.get("X-API-Key")
    if token is None and (sent := request.headers.get("Authorization")) is not None:
        scheme, _, token = sent.partition(" ")
        if scheme.lower() != "bearer":
            raise TokenInvalid("Send the API token as Authorization: Bearer <token>.")
    if token is None:
        return None
    identity = services().accounts.authenticate(token.strip())
    remember(identity)
    return identity


def get_identity(request: Request, scope: str | None) -> Identity:
    """Who asks, with `scope` (None: any API key will do). Raises TokenMissing and InsufficientScope too."""
    if (identity := find_identity(request)) is None:
        raise TokenMissing("Send an API token as X-API-Key or as Authorization: Bearer.")
    require_scope(identity, scope)
    return identity


def require_scope(identity: Identity, scope: str | None) -> None:
    """Raises InsufficientScope when the API key lacks it."""
    if scope is not None and scope not in identity.api_key.scopes:
        raise InsufficientScope(f"This needs the scope {scope}.", scope=scope)
