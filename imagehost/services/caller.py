"""Who calls: a token that is ours by its signature names an account and one of its API keys. Whether that key still
lives, and what it may do, is looked up once, together with what is asked for wherever that is one round trip."""

import hmac
from collections.abc import Callable

from imagehost.errors import InsufficientScope, TokenExpired, TokenInvalid, Unauthorized
from imagehost.ids import shard_of
from imagehost.index.images import KeyCheck
from imagehost.models import ApiKey, KeyLookup
from imagehost.tokens import TokenClaims, hash_secret

FindKey = Callable[[str, str, KeyLookup | None], KeyLookup]


class Caller:
    """See the module. Of one request: not to be shared between threads."""

    def __init__(self, claims: TokenClaims, scope: str | None, find_key: FindKey, now_ms: Callable[[], int]) -> None:
        self.uid, self.kid = claims.uid, claims.kid
        self._secret_sha256 = hash_secret(claims.secret)
        self._scope = scope
        self._find_key = find_key
        self._now_ms = now_ms
        self._api_key: ApiKey | None = None
        self._refused: Unauthorized | None = None

    def confirm(self, found: KeyLookup | None = None) -> ApiKey:
        """The API key, good and with the scope that is needed; nothing may be answered before. `found`: as the index
        showed it just now, or None to look it up.

        Raises TokenInvalid, TokenExpired, InsufficientScope or Unavailable."""
        if self._refused is not None:
            raise self._refused
        if self._api_key is None:
            try:
                self._api_key = self._checked(self._find_key(self.uid, self.kid, found).api_key)
            except Unauthorized as refused:
                self._refused = refused
                raise
        _require_scope(self._api_key, self._scope)
        return self._api_key

    def _checked(self, api_key: ApiKey | None) -> ApiKey:
        if api_key is None:
            raise TokenInvalid("The API key was revoked.")
        if not hmac.compare_digest(api_key.secret_sha256, self._secret_sha256):
            raise TokenInvalid("The API token is not the one that was issued.")
        if api_key.expires_at_ms is not None and api_key.expires_at_ms <= self._now_ms():
            raise TokenExpired("The API key has expired.")
        return api_key

    def require_scope(self, scope: str) -> None:
        """Raises InsufficientScope when the API key lacks it, and what `confirm` raises."""
        _require_scope(self.confirm(), scope)

    @property
    def is_known(self) -> bool:
        """Whether the API key was found good."""
        return self._api_key is not None

    def api_key_beside(self, iid: str) -> tuple[str, str] | None:
        """The API key's uid and kid, to be looked up together with this image: where it still has to be, and is on the
        same server."""
        return (self.uid, self.kid) if self._api_key is None and shard_of(iid) == shard_of(self.uid) else None

    def to_check(self) -> KeyCheck | None:
        """What a script is to find of the API key; None once it is confirmed, or where no scope is asked for."""
        if self._api_key is not None or self._scope is None:
            return None
        return KeyCheck(self.kid, self._secret_sha256, self._scope, self._now_ms())


def _require_scope(api_key: ApiKey, scope: str | None) -> None:
    if scope is not None and scope not in api_key.scopes:
        raise InsufficientScope(f"This needs the scope {scope}.", scope=scope)
