"""The index as text, for comparing it: one line of canonical JSON for each account, followed by one for each of its
published images. Two indexes made from the same records give the same bytes.

    {"account":{"api_keys":{…},"created_at":…,"images":[[iid,score],…],"rev":…,"uid":…,"used_bytes":…,…}}
    {"image":{"created_at":…,"filename":…,"height":…,…}}

Members are sorted, as are accounts and images by shard, uid and iid. Left out is what lives in Redis alone (views,
reservations, leases, due work, tombstones), and what says when the index was made.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from imagehost.errors import IndexRebuilding
from imagehost.services.parts import Parts

NOT_FROM_RECORDS = frozenset(("views", "checked"))
NUMBERS = frozenset(("rev", "created_at", "expires_at", "size", "source_size", "width", "height", "frames", "private"))
DOCUMENTS = frozenset(("tags", "metadata"))
API_KEY = "key:"


class Dump:
    """See the module."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def lines(self) -> Iterator[str]:
        """Each line without its end. Never more is held than all ids and a few hundred images.

        What changes meanwhile is in it or not. Raises IndexRebuilding when a shard is wiped, and Unavailable when
        Redis does not answer, in the middle too."""
        if wiped := self._parts.shards.list_wiped():
            raise IndexRebuilding(f"{len(wiped)} shards have no index: run `imagehost rebuild` first.")
        iids, uids = self._parts.survey.scan()
        owned = self._parts.contents.list_owned(iids)
        iids.clear()
        for uid in sorted(uids | owned.keys()):  # every id begins with its shard
            yield _line("account", _account(uid, *self._parts.contents.read_user(uid)))
            for fields in self._parts.contents.read_images(owned.get(uid, [])):
                yield _line("image", {name: _value(name, text) for name, text in fields.items() if _is_kept(name)})


def _account(uid: str, fields: Mapping[str, str], places: Sequence[tuple[str, int]]) -> dict[str, Any]:
    kids = (name for name in fields if name.startswith(API_KEY))
    account: dict[str, Any] = {
        "uid": uid,
        "api_keys": {name.removeprefix(API_KEY): json.loads(fields[name]) for name in kids},
        "images": places,
        "used_bytes": int(fields.get("used_bytes", 0)),
        "used_count": int(fields.get("used_count", 0)),
    }
    return account | {name: _value(name, fields[name]) for name in ("username", "created_at", "rev") if name in fields}


def _is_kept(name: str) -> bool:
    return name not in NOT_FROM_RECORDS


def _value(name: str, text: str) -> Any:
    if name in NUMBERS:
        return int(text)
    return json.loads(text) if name in DOCUMENTS else text


def _line(kind: str, fields: Mapping[str, Any]) -> str:
    return json.dumps({kind: fields}, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
