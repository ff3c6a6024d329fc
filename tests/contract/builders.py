"""Records and reservations for contract tests, with what a test cares about named and everything else sensible."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from imagehost import ids
from imagehost.index.images import KeyCheck, Reserved
from imagehost.models import AccountRecord, ApiKey, DeadRecord, Details, Image, ReadyRecord, append_op
from imagehost.services.parts import Parts
from imagehost.storage import object_keys

SHA256 = "ab" * 32


def reserve(
    parts: Parts, uid: str, iid: str, *, op: str = "op", size_bytes: int = 10, hold_ms: int = 60_000
) -> Reserved:
    """Reserve an upload under roomy limits."""
    reserved = try_to_reserve(parts, uid, iid, op=op, size_bytes=size_bytes, hold_ms=hold_ms)
    assert reserved is not None
    return reserved


def try_to_reserve(
    parts: Parts,
    uid: str,
    iid: str,
    *,
    op: str = "op",
    size_bytes: int = 10,
    hold_ms: int = 60_000,
    api_key: KeyCheck | None = None,
) -> Reserved | None:
    """The same; None when `api_key` is not found good."""
    return parts.images.reserve(
        iid,
        uid,
        op,
        Details(filename="a.png", mime="image/png"),
        size_bytes=size_bytes,
        sha256=None,
        hold_ms=hold_ms,
        quota_bytes=1_000,
        quota_images=10,
        max_pending=5,
        api_key=api_key,
    )


def account(uid: str, rev: int, *kids: str, expires_at_ms: int | None = None) -> AccountRecord:
    """The record of an account with these API keys, which may read and upload."""
    keys = tuple(
        ApiKey(
            kid=kid,
            name=f"n {kid}",
            secret_sha256=SHA256,
            scopes=("read", "upload"),
            created_at_ms=rev,
            expires_at_ms=expires_at_ms,
        )
        for kid in kids
    )
    return AccountRecord(
        op=f"op{rev}", ops=(f"op{rev}",), uid=uid, rev=rev, username="ann", created_at_ms=3, api_keys=keys
    )


def ready(uid: str, iid: str, *, rev: int = 1, size: int = 7, created_at_ms: int = 1_000, **change: Any) -> ReadyRecord:
    """A ready record."""
    version = ids.new_version()
    facts: Mapping[str, Any] = {
        "iid": iid,
        "uid": uid,
        "version": version,
        "rev": rev,
        "key": object_keys.upload(uid, iid, version, "a.png", "image/png"),
        "filename": "a.png",
        "mime": "image/png",
        "size": size,
        "sha256": SHA256,
        "source_size": size,
        "source_sha256": SHA256,
        "width": 2,
        "height": 3,
        "frames": 1,
        "status": "generated",
        "created_at_ms": created_at_ms,
    }
    op = ids.new_op()
    return ReadyRecord(op=op, ops=(op,), image=Image(**{**facts, **change}))


def edited(record: ReadyRecord, **change: Any) -> ReadyRecord:
    """The record that an edit writes after `record`."""
    op = ids.new_op()
    return ReadyRecord(op=op, ops=append_op(record.ops, op), image=replace(record.image, rev=record.rev + 1, **change))


def dead(uid: str, iid: str, *, rev: int = 1) -> DeadRecord:
    """A dead record."""
    op = ids.new_op()
    return DeadRecord(op=op, ops=(op,), iid=iid, uid=uid, rev=rev, reason="deleted")
