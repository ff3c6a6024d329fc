"""Mending the index where it disagrees with itself or with a record of the same revision: what checks correct.

What is merely behind its record is not mended here, but by applying the record.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict

from imagehost.index import hashes, keyspace
from imagehost.index.client import translated
from imagehost.index.scripts import Scripts
from imagehost.models import AccountRecord, ImageRecord, ReadyRecord, Usage

# What only the index knows of a ready image, a dead image and an account.
OF_READY = frozenset({"checked", "views"})
OF_DEAD = frozenset({"checked", "views", "counted", "purge"})
OF_USER = frozenset({"checked", "ver", "used_bytes", "used_count", "reserved_bytes", "reserved_count"})


def fields_of_image(record: ImageRecord) -> dict[str, str]:
    """What an image's hash must say, beside what only the index knows."""
    state = "ready" if isinstance(record, ReadyRecord) else "dead"
    fields = {"owner_uid": record.uid, "state": state, "rev": str(record.rev)}
    pairs = [str(part) for part in hashes.from_record(record)]
    return fields | dict(zip(pairs[::2], pairs[1::2], strict=True))


def fields_of_account(record: AccountRecord) -> dict[str, str]:
    """What a user's hash must say, beside what only the index knows."""
    fields = {"uid": record.uid, "rev": str(record.rev), "created_at": str(record.created_at_ms)}
    if record.username:
        fields["username"] = record.username
    for api_key in record.api_keys:
        fields[keyspace.api_key_field(api_key.kid)] = json.dumps(asdict(api_key), separators=(",", ":"))
    return fields


class Mender:
    """Each method is one atomic round trip, and safe to repeat. All raise Unavailable when Redis does not answer."""

    def __init__(self, scripts: Scripts) -> None:
        self._redis = scripts.client
        self._scripts = scripts

    @translated
    def recount(self, uid: str, ver: str, usage: Usage) -> bool:
        """Set a user's counters to what was counted; False, and nothing changed, when anything that they count has
        moved since the hash said `ver` (empty when it said nothing)."""
        counted = (usage.used_bytes, usage.used_count, usage.reserved_bytes, usage.reserved_count)
        return bool(self._scripts("recount_user", [keyspace.user(uid)], ver, *counted) == "ok")

    @translated
    def realign(self, iid: str, uid: str) -> None:
        """Bring an image's place in the list of `uid`, and its due entries, in line with its own hash."""
        keys = [keyspace.image(iid), keyspace.user_images(uid), keyspace.due_of(iid)]
        self._scripts("realign_image", keys, iid)

    @translated
    def rewrite_image(self, record: ImageRecord) -> bool:
        """Write what the record says over a hash of its state; False when the hash has moved on."""
        fields, kept = fields_of_image(record), OF_READY if isinstance(record, ReadyRecord) else OF_DEAD
        return self._rewrite(keyspace.image(record.iid), fields["state"], record.rev, kept, fields)

    @translated
    def rewrite_account(self, record: AccountRecord) -> bool:
        """Write what the record says over the user's hash; False when the hash has moved on."""
        return self._rewrite(keyspace.user(record.uid), "", record.rev, OF_USER, fields_of_account(record))

    def _rewrite(self, name: str, state: str, rev: int, kept: frozenset[str], fields: Mapping[str, str]) -> bool:
        pairs = [part for pair in fields.items() for part in pair]
        return bool(self._scripts("rewrite_hash", [name], state, rev, len(kept), *sorted(kept), *pairs) == "ok")
