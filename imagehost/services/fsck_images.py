"""What must hold of one image, judged from all that bucket and index hold of it: pure, so that every rule can be
read, and tested, by itself. The letters are those of docs/protocol.md."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from imagehost.index.mend import OF_DEAD, OF_READY, fields_of_image
from imagehost.models import DeadRecord, ImageRecord, ReadyRecord
from imagehost.services.fsck_faults import OTHER_BUCKET, REBUILD, Damaged, Fault
from imagehost.services.fsck_listing import parse_place
from imagehost.storage import object_keys
from imagehost.storage.inventory import Listed
from imagehost.storage.records import Stored

STAGING_MAX_S = 96 * 3600.0
UNREADABLE = "Restore this object from a backup of the bucket; of the image nothing else is touched meanwhile."
LOST = "Restore the object from a backup of the bucket, or delete the image."
OWN_KINDS = ("upload", "purge", "expire")  # due entries that follow from the hash


@dataclass(frozen=True, slots=True)
class ImageView:
    """All there is of one image. `places` are the lists in which it stands: uid → score; `due` its due entries: member
    → ms; `sha256` is that of the original's bytes, when they were read; `listed` the listing's entry of the record."""

    iid: str
    stored: Stored[ImageRecord] | Damaged | None
    listed: Listed | None
    fields: Mapping[str, str]
    objects: Sequence[Listed]
    due: Mapping[str, int]
    places: Mapping[str, int]
    now_ms: int
    sha256: str | None = None

    @property
    def record(self) -> ImageRecord | None:
        return self.stored.record if isinstance(self.stored, Stored) else None

    @property
    def state(self) -> str | None:
        state = self.fields.get("state")
        return state if state in ("pending", "ready", "dead") else None

    @property
    def rev(self) -> int | None:
        return to_int(self.fields.get("rev"))

    @property
    def leased(self) -> bool:
        """Whether somebody is completing it now."""
        return self.state == "pending" and (to_int(self.fields.get("lease_until")) or 0) > self.now_ms

    @property
    def moving(self) -> bool:
        """Whether somebody is at it, or will be: then the index may be behind, and will not stay so."""
        awaited = self.state == "pending" and any(
            member.startswith("upload:") and 0 < due_ms <= self.now_ms for member, due_ms in self.due.items()
        )
        return self.leased or awaited or any(member.startswith("check:") for member in self.due)


def to_int(text: str | None) -> int | None:
    """A number that may be missing, or spoilt."""
    return int(text) if text is not None and text.lstrip("-").isdecimal() else None


def judge(view: ImageView, *, now_s: float, min_age_s: float) -> list[Fault]:
    """Everything that is wrong; `now_s` is the time by which objects' ages are told."""
    if isinstance(view.stored, Damaged):
        return [Fault("F8", f"the record cannot be read: {view.stored.why}", cure=UNREADABLE)]
    index = list(_index(view))
    if any(fault.cure == OTHER_BUCKET for fault in index):
        return index
    follows = [] if index or view.moving else [*_list(view), *_due(view)]  # from a wrong hash wrong things follow
    return [*index, *follows, *_bytes(view, now_s, min_age_s), *_staging(view, now_s)]


def _index(view: ImageView) -> list[Fault]:
    """F3: the hash says what the record says."""
    record = view.record
    if record is None:
        detail = "it is published in the index and has no record in the bucket"
        return [Fault("F3", detail, cure=OTHER_BUCKET)] if view.state == "ready" else []
    if view.state is not None and view.fields.get("owner_uid") != record.uid:
        detail = f"the index has it as {view.fields.get('owner_uid')}'s, it is {record.uid}'s"
        return [Fault("F3", detail, cure=REBUILD)]
    if (view.rev or 0) > record.rev or (view.state == "dead" and isinstance(record, ReadyRecord)):
        return [_ahead(view, record)]
    if behind := _behind(view, record):
        return [] if view.moving else [Fault("F3", behind, "apply")]
    differing = _differing(view, record) if view.state is not None else []
    return [Fault("F3", f"index and record differ in {', '.join(differing)}", "rewrite")] if differing else []


def _behind(view: ImageView, record: ImageRecord) -> str:
    """How the hash is older than the record; empty when it is not. A dead image needs no hash."""
    says = "ready" if isinstance(record, ReadyRecord) else "dead"
    match view.state, says:
        case None, "ready":
            return "it is published, and the index does not know it"
        case ("pending", _) | ("ready", "dead"):
            return f"it is {says} in the bucket and {view.state} in the index"
        case "ready", "ready" if view.rev is not None and view.rev < record.rev:
            return f"the index has revision {view.rev}, the bucket {record.rev}"
    return ""


def _ahead(view: ImageView, record: ImageRecord) -> Fault:
    here = "ready" if isinstance(record, ReadyRecord) else "dead"
    detail = f"the index says {view.state}, revision {view.rev}, and the bucket only {here}, revision {record.rev}"
    return Fault("F3", detail, cure=OTHER_BUCKET)


def _differing(view: ImageView, record: ImageRecord) -> list[str]:
    expected, own = fields_of_image(record), OF_READY if isinstance(record, ReadyRecord) else OF_DEAD
    found = {name: value for name, value in view.fields.items() if name not in own}
    return sorted(name for name in expected | found if expected.get(name) != found.get(name))


def _list(view: ImageView) -> Iterator[Fault]:
    """F4: it stands in its owner's list while it is ready, at the time it was made, and in no other."""
    owner = view.fields.get("owner_uid", "")
    expected = {owner: to_int(view.fields.get("created_at"))} if view.state == "ready" else {}
    for uid in sorted(expected.keys() | view.places.keys()):
        if expected.get(uid) != view.places.get(uid):
            stands = "not as it should" if uid in expected else "though it is not published"
            mendable = uid == owner or view.state != "ready"
            how = "is missing from" if uid not in view.places else f"stands, {stands}, in"
            detail = f"it {how} the list of {uid}"
            yield Fault("F4", detail, "realign", uid) if mendable else Fault("F4", detail, cure=REBUILD)


def _due(view: ImageView) -> Iterator[Fault]:
    """F5: pending uploads, unpurged dead and expiring images have their due entries, and others have none."""
    expected = set()
    if view.state == "pending":
        expected.add(f"upload:{view.fields.get('op')}:{view.iid}")
    if "purge" in view.fields:
        expected.add(view.fields["purge"])
    if view.state == "ready" and "expires_at" in view.fields:
        expected.add(f"expire:{view.fields.get('version')}:{view.iid}")
    found = {member for member in view.due if member.split(":", 1)[0] in OWN_KINDS}
    for member in sorted(expected - found):
        yield Fault("F5", f"the due entry {member} is missing", "realign", view.fields.get("owner_uid", ""))
    for member in sorted(found - expected):
        yield Fault("F5", f"the due entry {member} is about nothing", "clear", member)


def _bytes(view: ImageView, now_s: float, min_age_s: float) -> Iterator[Fault]:
    """I1, F1 and F2: a ready image has its bytes, and whatever belongs to none goes."""
    record = view.record
    stored = {found.object_key: found for found in view.objects if not _is_staging(found)}
    if isinstance(record, ReadyRecord):
        yield from _own_bytes(view, record, stored)
        named = f"/{record.uid}/{record.iid}/{record.image.version}/"
    else:
        named = "//"  # nothing
    versions: dict[str, list[Listed]] = {}
    for object_key, found in stored.items():
        if named in object_key:
            if object_key.startswith(object_keys.UPLOADS) and object_key != record_key(record):
                yield Fault("F1", f"nothing names {object_key}", cure="Look at it, and remove it by hand.")
        else:
            versions.setdefault(object_key.split("/", 1)[1].rsplit("/", 1)[0], []).append(found)
    if record is None and (view.state in ("pending", "ready") or "purge" in view.fields):
        return
    if isinstance(record, DeadRecord) and ("purge" in view.fields or view.state in ("pending", "ready")):
        return  # being removed, or with the index's next look at the record
    for version, found_there in sorted(versions.items()):
        if not min_age_s or min(now_s - found.modified_at_s for found in found_there) >= min_age_s:
            yield _unowned(record, version, found_there)


def _unowned(record: ImageRecord | None, version: str, found: Sequence[Listed]) -> Fault:
    what = f"{len(found)} objects of {sum(each.size_bytes for each in found)} bytes in {version}"
    if isinstance(record, DeadRecord):
        return Fault("F2", f"it is dead and has {what}", "finish", version)
    if record is None:
        return Fault("F1", f"no record names {what}", "fence", version)
    return Fault("F1", f"its record names another version than {what}", "remove", version)


def record_key(record: ImageRecord | None) -> str | None:
    """The object key of a published original."""
    return record.image.key if isinstance(record, ReadyRecord) else None


def _own_bytes(view: ImageView, record: ReadyRecord, stored: Mapping[str, Listed]) -> Iterator[Fault]:
    image = record.image
    original = stored.get(image.key)
    if original is None:
        yield Fault("I1", f"its original {image.key} is missing", cure=LOST)
    elif original.size_bytes != image.size:
        yield Fault("I1", f"its original has {original.size_bytes} bytes, not {image.size}", cure=LOST)
    elif view.sha256 is not None and view.sha256 != image.sha256:
        yield Fault("I1", f"its original has the sha256 {view.sha256}, not {image.sha256}", cure=LOST)
    for name in image.variants:
        if object_keys.variant(record.uid, record.iid, image.version, name) not in stored:
            yield Fault("I1", f"its derivative {name} is missing", cure=LOST)


def _staging(view: ImageView, now_s: float) -> Iterator[Fault]:
    """F7: nothing waits in staging for ever."""
    if view.state == "pending":
        return
    old = [found for found in view.objects if _is_staging(found) and now_s - found.modified_at_s > STAGING_MAX_S]
    if old:
        yield Fault("F7", f"{len(old)} staging objects are older than 96 hours", "unstage")


def _is_staging(found: Listed) -> bool:
    return found.object_key.startswith(object_keys.INCOMING)


def owners_of(view: ImageView) -> set[str]:
    """Everybody whose it may be."""
    places = (parse_place(found.object_key) for found in view.objects)
    known = {view.record.uid} if view.record else set()
    known |= {place.uid for place in places if place} | set(view.places)
    return known | ({view.fields["owner_uid"]} if "owner_uid" in view.fields else set())
