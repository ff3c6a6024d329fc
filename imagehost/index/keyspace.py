"""Every Redis key, made here and nowhere else. The shard stands in braces, Redis Cluster's hash tag, so all that one
script touches is in one slot.

    user:{4k}Xy…         hash   an account: uid username created_at rev checked, `key:{kid}` = an API key as JSON;
                                counters used_bytes used_count reserved_bytes reserved_count, ver (moves with them)
    user:{4k}Xy…:images  zset   its ready images: member iid, score created_at in ms
    img:{4k}9a…          hash   an image (hashes.py tells what an absent field means):
        always                  owner_uid state
        pending                 op filename mime private created_at size deadline begun; title tags metadata kind
                                source_sha256 expires_in (s) keep_metadata as asked for; lease_version lease_until
                                while one completes
        ready                   key (`//`: /{uid}/{iid}/{version}/) filename mime private created_at size width
                                height frames sha256 version rev checked status variants; source_size source_sha256
                                (where they differ), expires_at (ms) title tags metadata kind placeholder (where there
                                are any), views
        dead                    rev checked reason code detail; counted (the size that still counts) purge (until its
                                bytes are gone)
    due:{4k}             zset   due work: member {kind}:{op}:{iid}, score ms; kind upload, check, purge, or expire
                                (whose op is the image's version)
    meta:{4k}            hash   epoch: random, new after each failover; absent while the shard is wiped
                                next: the epoch that a rebuild will declare
                                node: which run of which Redis server the epoch was made on; renewed_at: when (ms)
                                settled: the last epoch in which a check of the whole shard came to its end
                                checked_at: when a check last did, ms; check_op check_until: who checks now, until when
    lease:{4k}9a…:preview.webp  string   who makes this derivative of the image; lapses by itself
"""

import re

from imagehost.ids import shard_of

_SHARD = re.compile(r"[a-z]+:\{([^{}]{2})\}")


def _tagged(any_id: str) -> str:
    return f"{{{any_id[:2]}}}{any_id[2:]}"


def user(uid: str) -> str:
    return f"user:{_tagged(uid)}"


def user_images(uid: str) -> str:
    return f"user:{_tagged(uid)}:images"


def image(iid: str) -> str:
    return f"img:{_tagged(iid)}"


def due(shard: str) -> str:
    return f"due:{{{shard}}}"


def meta(shard: str) -> str:
    return f"meta:{{{shard}}}"


def lease(iid: str, variant: str) -> str:
    """The lease on making one derivative of an image; `variant` is the name of its file."""
    return f"lease:{_tagged(iid)}:{variant}"


def due_of(iid: str) -> str:
    """The due queue in which work on this image stands."""
    return due(shard_of(iid))


def due_member(kind: str, op: str, iid: str) -> str:
    return f"{kind}:{op}:{iid}"


def parse(name: str) -> tuple[str, str]:
    """The kind of a Redis key (img, user, due, meta, …) and the id or shard in it; the id of a user's list, or of a key
    that belongs to an image, is the user's or image's, its kind `user:images` or the like."""
    kind, _, rest = name.partition(":")
    any_id, _, suffix = rest.replace("{", "").replace("}", "").partition(":")
    return f"{kind}:{suffix}" if suffix else kind, any_id


def find_shard(name: object) -> str | None:
    """The shard of a Redis key; None for anything else."""
    found = _SHARD.match(name) if isinstance(name, str) else None
    return found[1] if found else None


def api_key_field(kid: str) -> str:
    """The field of the user hash that holds one API key."""
    return f"key:{kid}"
