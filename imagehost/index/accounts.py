"""Accounts in the index: the API keys that authenticate, and the user's counters. The record in the bucket is the
truth."""

import json
from dataclasses import asdict
from typing import cast

import redis

from imagehost.ids import shard_of
from imagehost.index import keyspace
from imagehost.index.client import translated
from imagehost.index.scripts import Scripts
from imagehost.models import AccountRecord, ApiKey, KeyLookup, Profile, Usage


class AccountIndex:
    """Each method is one atomic round trip; all raise Unavailable when Redis does not answer."""

    def __init__(self, client: "redis.Redis", scripts: Scripts) -> None:
        self._redis = client
        self._scripts = scripts

    @translated
    def apply(self, record: AccountRecord, epoch: str) -> None:
        """Bring the index up to `record`; `epoch` is the one that was read before the record was read or written."""
        fields: list[str | int] = ["uid", record.uid, "created_at", record.created_at_ms]
        if record.username:
            fields += ["username", record.username]
        for api_key in record.api_keys:
            fields += [keyspace.api_key_field(api_key.kid), json.dumps(asdict(api_key), separators=(",", ":"))]
        keys = [keyspace.user(record.uid), keyspace.meta(shard_of(record.uid))]
        self._scripts("apply_account", keys, record.rev, epoch, *fields)

    @translated
    def find_key(self, uid: str, kid: str) -> KeyLookup:
        """One API key, and the epoch of the shard."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hmget(keyspace.user(uid), keyspace.api_key_field(kid), "checked")
        pipe.hget(keyspace.meta(shard_of(uid)), "epoch")
        (value, checked), epoch = pipe.execute()
        return to_key_lookup(value, checked, epoch)

    @translated
    def find_profile(self, uid: str) -> Profile | None:
        """Everything that the index knows of an account."""
        fields = cast(dict[str, str], self._redis.hgetall(keyspace.user(uid)))
        if "rev" not in fields:
            return None
        counters = ("used_bytes", "used_count", "reserved_bytes", "reserved_count")
        api_keys = (_to_api_key(value) for name, value in fields.items() if name.startswith(keyspace.api_key_field("")))
        return Profile(
            username=fields.get("username"),
            created_at_ms=int(fields["created_at"]),
            usage=Usage(**{name: int(fields.get(name, 0)) for name in counters}),
            api_keys=tuple(sorted(api_keys, key=lambda k: (k.created_at_ms, k.kid))),
        )

    @translated
    def any_known(self) -> bool:
        """Whether the index knows of any account at all."""
        return next(iter(self._redis.scan_iter(match="user:*", count=1000)), None) is not None


def to_key_lookup(value: str | None, checked: str | None, epoch: str | None) -> KeyLookup:
    """From the fields `key:{kid}` and `checked` of the user hash, and the epoch of the shard."""
    return KeyLookup(_to_api_key(value) if value else None, epoch, epoch is not None and checked == epoch)


def _to_api_key(value: str) -> ApiKey:
    fields = json.loads(value)
    return ApiKey(**fields | {"scopes": tuple(fields["scopes"])})
