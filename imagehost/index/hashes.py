"""The image hash and back: what each state's fields are called (keyspace.py has the legend) and how values are written.

What an image's own id tells is not written, nor what nearly all images have (USUAL); of other fields absent means None
or empty. So a hash stays small: Redis keeps it as a listpack while its values are short (the embedded stack allows 512
bytes).
"""

import json
from collections.abc import Mapping
from typing import Any, get_args

from imagehost.models import (
    DeadRecord,
    Details,
    Entry,
    Image,
    Published,
    ReadyRecord,
    Reason,
    Reservation,
    Tombstone,
)

# What nearly every image has: an absent field of these means that.
USUAL = {"private": "0", "frames": "1", "status": "generated", "variants": "thumb.webp"}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if value else ""


def _present(fields: Mapping[str, Any]) -> list[str | int]:
    """Field, value… of those that say something: USUAL ones that are not as usual, others that are not empty."""
    return [
        part
        for name, value in fields.items()
        if value is not None and str(value) != USUAL.get(name, "")
        for part in (name, value)
    ]


def _details(details: Details) -> dict[str, Any]:
    return {
        "filename": details.filename,
        "mime": details.mime,
        "private": int(details.private),
        "title": details.title,
        "tags": _json(details.tags),
        "metadata": _json(details.metadata),
        "kind": details.kind,
    }


def from_request(
    details: Details, sha256: str | None, image_expires_in_s: int | None, keep_metadata: bool = False
) -> list[str | int]:
    """Field, value… of a reservation, beside those that the script itself writes."""
    asked = {"source_sha256": sha256, "expires_in": image_expires_in_s, "keep_metadata": int(keep_metadata) or None}
    return _present(_details(details) | asked)


def from_record(record: ReadyRecord | DeadRecord) -> list[str | int]:
    """Field, value… of a record, beside those that apply_record writes."""
    if isinstance(record, DeadRecord):
        return _present({"reason": record.reason, "code": record.code, "detail": record.detail})
    image = record.image
    return _present(
        _details(image)
        | {
            "key": image.key.replace(_own(image.uid, image.iid, image.version), "//", 1),
            "created_at": image.created_at_ms,
            "size": image.size,
            "sha256": image.sha256,
            "source_size": image.source_size if image.source_size != image.size else None,
            "source_sha256": image.source_sha256 if image.source_sha256 != image.sha256 else None,
            "width": image.width,
            "height": image.height,
            "frames": image.frames,
            "version": image.version,
            "status": image.status,
            "placeholder": image.placeholder,
            "variants": ",".join(image.variants),
            "expires_at": image.expires_at_ms,
        }
    )


def _own(uid: str, iid: str, version: str) -> str:
    """What stands between the first and the last segment of an image's object key."""
    return f"/{uid}/{iid}/{version}/"


def whole(iid: str, h: Mapping[str, str]) -> dict[str, str]:
    """A ready image's hash with all that it leaves out, but what is None or empty. One that has lost fields, for a
    check to mend, stays without them."""
    found = {**USUAL, **h, "id": iid}
    if {"key", "owner_uid", "version"} <= h.keys():
        found["key"] = h["key"].replace("//", _own(h["owner_uid"], iid, h["version"]), 1)
    return found


def to_entry(iid: str, h: Mapping[str, str]) -> Entry | None:
    """What the hash of this image says; None for an empty one (or one on which a late view is being counted after a
    wipe)."""
    if "state" not in h:
        return None
    uid = h["owner_uid"]
    if h["state"] == "dead":
        (reason,) = (r for r in get_args(Reason) if r == h["reason"])
        return Tombstone(
            iid=iid,
            uid=uid,
            rev=int(h["rev"]),
            reason=reason,
            code=h.get("code"),
            detail=h.get("detail"),
            purged="purge" not in h,
        )
    if h["state"] == "ready":
        h = whole(iid, h)
    details: dict[str, Any] = {
        "filename": h["filename"],
        "mime": h["mime"],
        "private": h.get("private") == "1",
        "title": h.get("title"),
        "tags": tuple(json.loads(h["tags"])) if "tags" in h else (),
        "metadata": json.loads(h["metadata"]) if "metadata" in h else {},
        "kind": h.get("kind"),
    }
    if h["state"] == "pending":
        return Reservation(
            iid=iid,
            uid=uid,
            op=h["op"],
            size=int(h["size"]),
            sha256=h.get("source_sha256"),
            image_expires_in_s=int(h["expires_in"]) if "expires_in" in h else None,
            keep_metadata=h.get("keep_metadata") == "1",
            begun=h["begun"] == "1",
            created_at_ms=int(h["created_at"]),
            deadline_ms=int(h["deadline"]),
            **details,
        )
    image = Image(
        iid=iid,
        uid=uid,
        version=h["version"],
        rev=int(h["rev"]),
        key=h["key"],
        size=int(h["size"]),
        sha256=h["sha256"],
        source_size=int(h.get("source_size", h["size"])),
        source_sha256=h.get("source_sha256", h["sha256"]),
        width=int(h["width"]),
        height=int(h["height"]),
        frames=int(h["frames"]),
        variants=tuple(filter(None, h["variants"].split(","))),
        placeholder=h.get("placeholder"),
        status=h["status"],
        created_at_ms=int(h["created_at"]),
        expires_at_ms=int(h["expires_at"]) if "expires_at" in h else None,
        **details,
    )
    return Published(image=image, views=int(h.get("views", 0)), checked=h["checked"])
