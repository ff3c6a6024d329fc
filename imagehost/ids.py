"""Identifiers. Every id of a user or an image begins with its shard, so an id alone tells where its data lies.

A shard is two characters of Crockford's base32 (1,024 shards, fixed for ever); `uid` and `iid` are that shard and 22
random base62 characters (131 bits); a user's images share the user's shard. Everything random comes from `secrets`.
"""

import re
import secrets

CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"  # https://www.crockford.com/base32.html, lower case
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SHARDS: tuple[str, ...] = tuple(a + b for a in CROCKFORD for b in CROCKFORD)

_ID = re.compile(rf"[{CROCKFORD}]{{2}}[0-9A-Za-z]{{22}}")


def random_text(length: int) -> str:
    """So many random base62 characters."""
    number, text = secrets.randbelow(62**length), ""  # one draw: a draw for each character costs ten times as much
    for _ in range(length):
        number, digit = divmod(number, 62)
        text += BASE62[digit]
    return text


def new_uid() -> str:
    """A new user's id, in a shard drawn at random."""
    return secrets.choice(SHARDS) + random_text(22)


def new_iid(uid: str) -> str:
    """A new image's id, in the shard of its owner."""
    return shard_of(uid) + random_text(22)


def new_kid() -> str:
    """A new API key's id; unique within its account, and not secret."""
    return random_text(12)


def new_version() -> str:
    """One attempt to publish an image: 128 random bits. It names the objects and is the token of the lease."""
    return secrets.token_hex(16)


def new_op() -> str:
    """One operation that writes a record or an intent: 128 random bits."""
    return secrets.token_hex(16)


def is_id(text: str) -> bool:
    """Whether `text` has the form of a uid or iid."""
    return _ID.fullmatch(text) is not None


def shard_of(any_id: str) -> str:
    """The shard of a uid or iid."""
    return any_id[:2]
