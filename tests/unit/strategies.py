"""Values as Hypothesis draws them: what the schemas let through, and no more."""

from typing import Any

from hypothesis import strategies as st

from imagehost.ids import BASE62, SHARDS
from imagehost.mediatypes import EXTENSIONS
from imagehost.models import (
    SCOPES,
    USERNAME_PATTERN,
    AccountRecord,
    ApiKey,
    Claim,
    DeadRecord,
    Image,
    ReadyRecord,
    Reservation,
)

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60)
LINE = TEXT.map(str.strip).filter(bool)
MIMES = st.sampled_from(sorted(EXTENSIONS))
SHARD = st.sampled_from(SHARDS)
TIMES_MS = st.integers(0, 2**45)
SIZES = st.integers(1, 10**15)


def hexes(length: int) -> st.SearchStrategy[str]:
    return st.binary(min_size=length // 2, max_size=length // 2).map(bytes.hex)


def base62(length: int) -> st.SearchStrategy[str]:
    def to_text(number: int) -> str:
        return "".join(BASE62[number // 62**place % 62] for place in range(length))

    return st.integers(0, 62**length - 1).map(to_text)


OPS = hexes(32)
OPS_LISTS = st.lists(OPS, min_size=1, max_size=4).map(tuple)
IDS = st.tuples(SHARD, base62(22)).map("".join)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(TEXT, children, max_size=3),
    max_leaves=8,
)
DETAILS: dict[str, Any] = {
    "filename": LINE,
    "mime": MIMES,
    "private": st.booleans(),
    "title": st.none() | LINE,
    "tags": st.lists(LINE, max_size=4, unique=True).map(tuple),
    "metadata": st.dictionaries(TEXT, JSON, max_size=4),
    "kind": st.none() | st.from_regex(r"\A[a-z0-9][a-z0-9_-]{0,31}\Z"),
}
IMAGES = st.builds(
    Image,
    iid=IDS,
    uid=IDS,
    version=OPS,
    rev=st.integers(1, 10**6),
    key=IDS.map(lambda i: f"uploads/{i}/name.png"),
    size=SIZES,
    sha256=hexes(64),
    source_size=SIZES,
    source_sha256=hexes(64),
    width=st.integers(1, 50_000),
    height=st.integers(1, 50_000),
    frames=st.integers(1, 500),
    variants=st.sampled_from([(), ("thumb.webp",), ("thumb.webp", "preview.webp")]),
    placeholder=st.none() | base62(30),
    status=st.sampled_from(["generated", "printed", "deleted"]),
    created_at_ms=TIMES_MS,
    expires_at_ms=st.none() | TIMES_MS,
    **DETAILS,
)
RESERVATIONS = st.builds(
    Reservation,
    iid=IDS,
    uid=IDS,
    op=OPS,
    size=SIZES,
    sha256=st.none() | hexes(64),
    image_expires_in_s=st.none() | st.integers(1, 10**6),
    keep_metadata=st.booleans(),
    begun=st.booleans(),
    created_at_ms=TIMES_MS,
    deadline_ms=TIMES_MS,
    **DETAILS,
)
SMALLEST = ReadyRecord(
    op="0" * 32,
    ops=("0" * 32,),
    image=Image(
        iid="4k" + "i" * 22,
        uid="4k" + "u" * 22,
        version="f" * 32,
        rev=1,
        key=f"uploads/4k{'u' * 22}/4k{'i' * 22}/{'f' * 32}/a.png",
        filename="a.png",
        mime="image/png",
        size=1,
        sha256="a" * 64,
        source_size=1,
        source_sha256="a" * 64,
        width=1,
        height=1,
        frames=1,
        status="generated",
        created_at_ms=1,
    ),
)
READY = st.builds(ReadyRecord, op=OPS, ops=OPS_LISTS, image=IMAGES)
DEAD = st.builds(
    DeadRecord,
    op=OPS,
    ops=OPS_LISTS,
    iid=IDS,
    uid=IDS,
    rev=st.integers(1, 10**6),
    reason=st.sampled_from(["deleted", "cancelled", "refused", "fenced", "expired"]),
    code=st.none() | st.sampled_from(["unreadable-image", "size-mismatch"]),
    detail=st.none() | LINE,
)
API_KEYS = st.builds(
    ApiKey,
    kid=base62(12),
    name=LINE,
    secret_sha256=hexes(64),
    scopes=st.lists(st.sampled_from(SCOPES), min_size=1, unique=True).map(tuple),
    created_at_ms=TIMES_MS,
    expires_at_ms=st.none() | TIMES_MS,
)
USERNAMES = st.from_regex(USERNAME_PATTERN.replace("$", r"\Z"))
ACCOUNTS = st.builds(
    AccountRecord,
    op=OPS,
    ops=OPS_LISTS,
    uid=IDS,
    rev=st.integers(1, 10**6),
    username=st.none() | USERNAMES,
    created_at_ms=TIMES_MS,
    api_keys=st.lists(API_KEYS, max_size=3).map(tuple),
)
CLAIMS = st.builds(Claim, op=OPS, name=USERNAMES, uid=IDS, created_at_ms=TIMES_MS)
