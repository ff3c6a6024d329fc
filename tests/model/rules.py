"""The protocol's rules that look as if one could do without them. Each can be switched off, to see what it is for."""

from collections.abc import Iterator
from contextlib import contextmanager

RULES = {
    "read_once": "the staging object is read once: the bytes that are gated are the bytes that are published",
    "commit_in_bucket": "an image is published by its record in the bucket, not by the index",
    "dead_record": "a delete leaves a dead record; it does not delete the record",
    "fence": "the sweeper fences an upload that was begun before it deletes anything of it",
    "refuse_create_only": "a refusal is PUT with If-None-Match: * only",
    "by_version": "whether my PUT won is decided by the version that the record names, not by the operation",
    "checked_before": "apply_record stores as `checked` the epoch that its caller read before the record",
    "stale_ready": "a complete answers from the record when the hash is older than the epoch",
    "own_intent": "only the operation that noted an intent removes it",
    "intent": "delete and edit begin with note_intent",
    "intent_kept": "an edit whose outcome stays unknown keeps its intent",
    "keep_unknown": "a complete whose outcome stays unknown keeps its objects",
    "check_fences": "the check fences an image without a record before it removes its bytes",
    "record_first": "the sweeper reads the record before it drops a reservation",
    "derivative_look": "the writer of a derivative looks at the record after its PUT",
    "recount_ver": "recount_user changes nothing when a counter has moved since the count began",
    "timer_in_record": "the sweeper ends an image when its record says that it has expired, not when a due entry does",
    "timer_if_match": "an expired image is ended with If-Match of the record that said so",
    "clear_by_hash": "the sweeper removes an entry that it has worked off only if the hash does not need it (any more)",
    "edit_applies_end": "an edit that finds the record dead applies it before it removes its intent",
    "settle": "after a failover a shard counts as settled only when a check of it under its new epoch has ended",
    "finish_guard": "finish_rebuild declares a shard whole only if the `next` of this rebuild still stands",
    "finish_same": "finish_rebuild compares `next` with its own; that some `next` stands is not enough",
    "renew_next": "renewing the epochs after a failover removes the `next` of a wiped shard",
    "raise_next": "apply_record raises `checked` on an equal rev to `next` too, not to the epoch only",
    "renew_again": "a process that finds itself on another node renews the epochs, whoever has done so before",
    "close_first": "it closes every connection to the old node before it renews them",
    "settle_late": "the check that settles a shard begins only when an old master can take no more writes",
    "account_first": "an account's record is written before the claim of its name, which decides and is final",
    "orphans_stay": "the check removes no account that lacks its claim, however old",
}

_off: set[str] = set()


def on(rule: str) -> bool:
    return rule not in _off


@contextmanager
def without(*rules: str) -> Iterator[None]:
    """The protocol without these rules."""
    unknown = set(rules) - set(RULES)
    if unknown:
        raise ValueError(f"no such rule: {unknown}")
    _off.update(rules)
    try:
        yield
    finally:
        _off.difference_update(rules)
