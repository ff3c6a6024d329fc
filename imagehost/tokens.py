"""Signed strings: API tokens, cursors and views (itsdangerous, HMAC-SHA256, a salt for each use).

A signature says who made a string, not that it is still wanted: whether an API key lives, what it may do and when
it ends is in its account's record. The strings are malleable (base64), so nothing may be keyed by a raw token; use
`kid`.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Any

from itsdangerous import BadData, Signer, URLSafeSerializer

from imagehost.errors import InvalidRequest, TokenInvalid
from imagehost.ids import is_id
from imagehost.models import Position

_METHOD: dict[str, Any] = {"key_derivation": "hmac", "digest_method": hashlib.sha256}


def _serializer(signing_secrets: tuple[str, ...], salt: str) -> URLSafeSerializer:
    # itsdangerous signs with the last of its secrets; ours come newest first.
    return URLSafeSerializer(list(reversed(signing_secrets)), salt=salt, signer_kwargs=_METHOD)


def new_secret() -> str:
    """The secret of an API key: 128 random bits, as 32 hex."""
    return secrets.token_hex(16)


def hash_secret(secret: str) -> str:
    """What an account's record keeps of a secret. A plain SHA-256 is enough for 128 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What an API token says, its signature verified; `secret` is still to be compared with the record."""

    uid: str
    kid: str
    secret: str


class ApiTokens:
    """Makes and reads API tokens."""

    def __init__(self, signing_secrets: tuple[str, ...]) -> None:
        self._serializer = _serializer(signing_secrets, "imagehost.api-token")

    def dumps(self, claims: TokenClaims) -> str:
        """The token, to be shown once."""
        return str(self._serializer.dumps([claims.uid, claims.kid, claims.secret]))

    def parse(self, token: str) -> TokenClaims:
        """Raises TokenInvalid unless one of our secrets signed it."""
        try:
            match self._serializer.loads(token):
                case [str(uid), str(kid), str(secret)] if is_id(uid):
                    return TokenClaims(uid, kid, secret)
        except (BadData, UnicodeError) as exc:
            raise TokenInvalid("The API token is unreadable, or was not signed by this server.") from exc
        raise TokenInvalid("The API token is unreadable.")


class Cursors:
    """Makes and reads cursors. One is good only for the list (sort and filters) that it came from."""

    def __init__(self, signing_secrets: tuple[str, ...]) -> None:
        self._serializer = _serializer(signing_secrets, "imagehost.cursor")

    def dumps(self, place: Position, query: dict[str, Any]) -> str:
        """A cursor for what follows `place` in the list that `query` (sort and filters, without limit) describes."""
        return str(self._serializer.dumps([place.created_at_ms, place.iid, query]))

    def parse(self, cursor: str, query: dict[str, Any]) -> Position:
        """Raises InvalidRequest for a cursor that is not ours, or of another list."""
        try:
            match self._serializer.loads(cursor):
                case [int(created_at_ms), str(iid), dict(of)] if of == query:
                    return Position(created_at_ms, iid)
        except (BadData, UnicodeError) as exc:
            raise _not_a_cursor() from exc
        raise _not_a_cursor()


class Views:
    """Signs leave to see an image in one way (as a variant, in a size, or for a purpose) until a time, for addresses
    that stand where no token can be sent.

    The form is `{expires_at_s}.{signature}`; what it is for is not in it, but in the address that carries it."""

    def __init__(self, signing_secrets: tuple[str, ...]) -> None:
        self._signer = Signer(list(reversed(signing_secrets)), salt="imagehost.view", **_METHOD)

    def dumps(self, iid: str, way: str, expires_at_s: int) -> str:
        """The same for the same image, way and time."""
        return f"{expires_at_s}.{self._signer.get_signature(_view(iid, way, expires_at_s)).decode()}"

    def find_end(self, signature: str, iid: str, way: str, now_s: float) -> int | None:
        """When that leave ends, in seconds; None unless one of our secrets signed it, and the time is not over."""
        moment, _, signed = signature.partition(".")
        if re.fullmatch("[0-9]{1,12}", moment) is None or int(moment) <= now_s:
            return None
        return int(moment) if self._signer.verify_signature(_view(iid, way, int(moment)), signed) else None


def _view(iid: str, way: str, expires_at_s: int) -> bytes:
    return f"{iid}.{way}.{expires_at_s}".encode()


def _not_a_cursor() -> InvalidRequest:
    return InvalidRequest([{"detail": "is not a cursor of this list", "pointer": "cursor"}])
