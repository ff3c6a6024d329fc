"""What a listing of one shard shows: records, accounts, everybody's bytes, and keys that imagehost never makes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imagehost.ids import is_id, shard_of
from imagehost.storage import object_keys
from imagehost.storage.inventory import Listed

BYTES = (object_keys.UPLOADS, object_keys.VARIANTS, object_keys.INCOMING)
PREFIXES = (object_keys.ACCOUNTS, object_keys.RECORDS, *BYTES)


@dataclass(frozen=True, slots=True)
class Place:
    """Whose bytes an object key names; `version` is empty for a staging object."""

    uid: str
    iid: str
    version: str


def parse_place(object_key: str) -> Place | None:
    """The place that a key under one of BYTES names; None for a key that imagehost never makes."""
    prefix, *segments = object_key.split("/")
    if len(segments) != (3 if prefix + "/" == object_keys.INCOMING else 4) or not all(segments):
        return None
    uid, iid = segments[0], segments[1]
    if not is_id(uid) or not is_id(iid) or shard_of(uid) != shard_of(iid):
        return None
    return Place(uid, iid, segments[2] if len(segments) == 4 else "")


@dataclass(frozen=True, slots=True)
class Listing:
    """One shard of the bucket: records by iid, accounts by uid, bytes by iid, and keys that have no place here."""

    records: Mapping[str, Listed]
    accounts: Mapping[str, Listed]
    objects: Mapping[str, Sequence[Listed]]
    strangers: Sequence[str]
    count: int
    size_bytes: int

    @classmethod
    def of(cls, found: Mapping[str, Sequence[Listed]]) -> "Listing":
        """Sorts out what was listed below each of PREFIXES; a prefix that is missing had nothing."""
        objects: dict[str, list[Listed]] = {}
        strangers: list[str] = []
        for prefix in BYTES:
            for listed in found.get(prefix, ()):
                place = parse_place(listed.object_key)
                if place is None:
                    strangers.append(listed.object_key)
                else:
                    objects.setdefault(place.iid, []).append(listed)
        everything = [listed for prefix in PREFIXES for listed in found.get(prefix, ())]
        return cls(
            records=_named(found.get(object_keys.RECORDS, ()), strangers),
            accounts=_named(found.get(object_keys.ACCOUNTS, ()), strangers),
            objects=objects,
            strangers=strangers,
            count=len(everything),
            size_bytes=sum(listed.size_bytes for listed in everything),
        )


def _named(found: Sequence[Listed], strangers: list[str]) -> dict[str, Listed]:
    """By the id in their names; what is not named as a record is becomes a stranger."""
    named: dict[str, Listed] = {}
    for listed in found:
        any_id = listed.object_key.rsplit("/", 1)[1].removesuffix(".json")
        is_account = listed.object_key.startswith(object_keys.ACCOUNTS)
        place = object_keys.account_record if is_account else object_keys.image_record
        if is_id(any_id) and place(any_id) == listed.object_key:
            named[any_id] = listed
        else:
            strangers.append(listed.object_key)
    return named
