"""Accounts and their API keys. An account's record holds its keys, so every change of one is an edit of the record,
durable before it is answered; the index follows."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from imagehost import faults, ids
from imagehost.errors import (
    ConditionFailed,
    EditConflict,
    ImagehostError,
    IndexRebuilding,
    InsufficientScope,
    KeyNotFound,
    NameTaken,
    NotFound,
    OutcomeUnknown,
    TokenInvalid,
    TooManyKeys,
)
from imagehost.models import SCOPES, USERNAME_PATTERN, AccountRecord, ApiKey, Claim, Profile, append_op
from imagehost.services.caller import Caller
from imagehost.services.freshness import Freshness
from imagehost.services.parts import Parts
from imagehost.storage import object_keys
from imagehost.tokens import TokenClaims, hash_secret, new_secret

MERGES = 5
API_KEYS_MAX = 100  # all of an account's are in one record, and go to the index in one script


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new API key; its token is shown now and never again."""

    uid: str
    api_key: ApiKey
    token: str


class Accounts:
    """See the module. Every method raises Unavailable when bucket or index do not answer."""

    def __init__(self, parts: Parts, freshness: Freshness, *, clock: Callable[[], float] = time.time) -> None:
        self._parts = parts
        self._freshness = freshness
        self._clock = clock

    def find_caller(self, token: str, scope: str | None = None) -> Caller:
        """Who calls, by a token that is ours and an API key that is still to be confirmed, with `scope`. Raises
        TokenInvalid."""
        return Caller(self._parts.tokens.parse(token), scope, self._freshness.find_key, self._now_ms)

    def authenticate(self, token: str) -> Caller:
        """Who calls, confirmed. Raises TokenInvalid or TokenExpired."""
        caller = self.find_caller(token)
        caller.confirm()
        return caller

    def create(self, username: str | None = None) -> AccountRecord:
        """A new account without API keys. Raises NameTaken.

        The record comes first; the claim of the user name, which decides, is never changed or removed. So a claim
        always leads to an account, and one that died or lost before its claim is nobody's and harms nobody."""
        if username is not None and self._parts.records.find_claim(username) is not None:
            raise NameTaken(f"The user name {username} is taken.")
        uid, op = ids.new_uid(), ids.new_op()
        epoch = self._epoch(uid)
        account = AccountRecord(op=op, ops=(op,), uid=uid, rev=1, username=username, created_at_ms=self._now_ms())
        try:
            self._parts.records.write_account(account)
        except (ConditionFailed, OutcomeUnknown) as exc:
            if (stored := self._parts.records.find_account(uid)) is None:
                raise OutcomeUnknown("The storage did not say whether it has written.") from exc
            account = stored.record
        faults.reached("after_account")
        if username is not None:
            self._claim(Claim(op=op, name=username, uid=uid, created_at_ms=self._now_ms()))
        faults.reached("after_claim")
        self._parts.accounts.apply(account, epoch)
        return account

    def issue_key(
        self,
        uid: str,
        name: str,
        *,
        scopes: tuple[str, ...] = SCOPES,
        expires_in_s: int | None = None,
        issuer: ApiKey | None = None,
    ) -> IssuedKey:
        """Add an API key to an account. One that another key (`issuer`) asks for gets no more than that key has: raises
        InsufficientScope for a scope that it lacks, and ends when it ends. Raises TooManyKeys, and NotFound for an
        unknown account."""
        now_ms, secret = self._now_ms(), new_secret()
        expires_at_ms = now_ms + expires_in_s * 1000 if expires_in_s is not None else None
        if issuer is not None:
            if lacking := [scope for scope in scopes if scope not in issuer.scopes]:
                raise InsufficientScope(f"Your own API key lacks {', '.join(lacking)}.", scope=" ".join(lacking))
            expires_at_ms = min(filter(None, (expires_at_ms, issuer.expires_at_ms)), default=None)
        api_key = ApiKey(
            kid=ids.new_kid(),
            name=name,
            secret_sha256=hash_secret(secret),
            scopes=scopes,
            created_at_ms=now_ms,
            expires_at_ms=expires_at_ms,
        )

        def with_it(account: AccountRecord) -> AccountRecord:
            if issuer is not None and issuer.kid not in {k.kid for k in account.api_keys}:
                raise TokenInvalid("The API key was revoked.")
            if len(account.api_keys) >= API_KEYS_MAX:
                raise TooManyKeys(f"The account has {API_KEYS_MAX} API keys; revoke one first.", allowed=API_KEYS_MAX)
            return replace(account, api_keys=(*account.api_keys, api_key))

        self._edit(uid, with_it)
        return IssuedKey(uid, api_key, self._parts.tokens.dumps(TokenClaims(uid, api_key.kid, secret)))

    def revoke_key(self, uid: str, kid: str) -> None:
        """Remove an API key; durable when this returns. Raises KeyNotFound when the account has no such key."""

        def without(account: AccountRecord) -> AccountRecord:
            left = tuple(k for k in account.api_keys if k.kid != kid)
            if left == account.api_keys:
                raise KeyNotFound()
            return replace(account, api_keys=left)

        self._edit(uid, without)

    def get_profile(self, uid: str) -> Profile:
        """An account with its usage and API keys, from the index. Raises NotFound."""
        if (profile := self._parts.accounts.find_profile(uid)) is None:
            raise NotFound("There is no such account.")
        return profile

    def list_uids(self) -> Iterator[str]:
        """The uid of every account, as the bucket has them."""
        for listed in self._parts.inventory.list_below(object_keys.ACCOUNTS):
            uid = listed.object_key.rpartition("/")[2].removesuffix(".json")
            if ids.is_id(uid):
                yield uid

    def find_uid(self, user: str) -> str | None:
        """The uid of the account that a user name, or a uid, names; None when there is no such account."""
        is_name = re.fullmatch(USERNAME_PATTERN, user) is not None
        claim = self._parts.records.find_claim(user) if is_name else None  # a name may have the form of a uid
        uid = claim.record.uid if claim else user
        return uid if ids.is_id(uid) and self._parts.records.find_account(uid) else None

    def _claim(self, claim: Claim) -> None:
        """Claim a name; NameTaken when somebody else has it. It counts as ours by its uid: a check may have claimed it
        for the account that it found."""
        for _ in range(MERGES):
            try:
                self._parts.records.write_claim(claim)
                return
            except (ConditionFailed, OutcomeUnknown):
                stored = self._parts.records.find_claim(claim.name)
            if stored is not None and stored.record.uid == claim.uid:
                return
            if stored is not None:
                raise NameTaken(f"The user name {claim.name} is taken.")
        raise OutcomeUnknown("The storage did not say whether it has written.")

    def _edit(self, uid: str, change: Callable[[AccountRecord], AccountRecord]) -> None:
        epoch, op = self._epoch(uid), ids.new_op()
        failed: ImagehostError = EditConflict("The account was changed too often by others meanwhile; try again.")
        for writes_left in range(MERGES, -1, -1):  # one look more than writes, which decides what became of the last
            if (stored := self._parts.records.find_account(uid)) is None:
                raise NotFound("There is no such account.")
            account = stored.record
            self._parts.accounts.apply(account, epoch)  # an earlier edit may have died before this
            if op in account.ops:
                return
            if not writes_left:
                break
            changed = change(account)
            account = replace(changed, op=op, ops=append_op(account.ops, op), rev=account.rev + 1)
            try:
                self._parts.records.write_account(account, etag=stored.etag)
            except (ConditionFailed, OutcomeUnknown) as exc:
                failed = exc if isinstance(exc, OutcomeUnknown) else failed
            else:
                faults.reached("after_account")
                self._parts.accounts.apply(account, epoch)
                return
        raise failed

    def _epoch(self, uid: str) -> str:
        if (epoch := self._parts.shards.find_epoch(ids.shard_of(uid))) is None:
            raise IndexRebuilding()
        return epoch

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)
