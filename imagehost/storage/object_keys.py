"""Every object key, made here and nowhere else.

Where clients write or viewers read, the first segment behind the prefix is the owner, so that S3 policies can restrict
by user. `filename` in a key is a safe ASCII slug; the real Unicode name lives in the record.

    incoming/{uid}/{iid}/{filename}                  staging: the only place a client can write; lifecycle 2 days
    uploads/{uid}/{iid}/{version}/{filename}         a published original; immutable
    variants/{uid}/{iid}/{version}/{name}.{ext}      a derivative; immutable
    records/{shard}/{iid}.json                       an image's record: the commit point
    accounts/{shard}/{uid}.json, usernames/{name}.json   an account's record; a claim of a user name
    meta/doctor.json                                 doctor's cache: when this bucket was last found fit
    meta/doctor/{run}/{name}                         what one run of doctor writes, and removes again
"""

import re

from imagehost.ids import shard_of
from imagehost.mediatypes import EXTENSIONS

INCOMING = "incoming/"
UPLOADS = "uploads/"
VARIANTS = "variants/"
RECORDS = "records/"
ACCOUNTS = "accounts/"
USERNAMES = "usernames/"
META = "meta/"
DOCTOR_CACHE = f"{META}doctor.json"

SLUG_MAX = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def slug(filename: str, mime: str) -> str:
    """A safe ASCII name (`[A-Za-z0-9._-]`, at most 100 characters) with the extension of `mime`."""
    stem = filename.rsplit(".", 1)[0] if "." in filename.lstrip(".") else filename
    extension = "." + EXTENSIONS[mime]
    safe = _UNSAFE.sub("-", stem).strip("-._")[: SLUG_MAX - len(extension)].rstrip("-._")
    return (safe or "image") + extension


def incoming(uid: str, iid: str, filename: str, mime: str) -> str:
    return f"{INCOMING}{uid}/{iid}/{slug(filename, mime)}"


def upload(uid: str, iid: str, version: str, filename: str, mime: str) -> str:
    return f"{UPLOADS}{uid}/{iid}/{version}/{slug(filename, mime)}"


def variant(uid: str, iid: str, version: str, name: str) -> str:
    return f"{VARIANTS}{uid}/{iid}/{version}/{name}"


def prefix_of_staging(uid: str, iid: str) -> str:
    """Whatever clients have put there for an upload."""
    return f"{INCOMING}{uid}/{iid}/"


def prefixes_of_image(uid: str, iid: str) -> tuple[str, ...]:
    """Everything that may exist of an image beside its record."""
    return f"{UPLOADS}{uid}/{iid}/", f"{VARIANTS}{uid}/{iid}/", prefix_of_staging(uid, iid)


def prefixes_of_version(uid: str, iid: str, version: str) -> tuple[str, ...]:
    """Everything that one attempt to publish wrote."""
    return f"{UPLOADS}{uid}/{iid}/{version}/", f"{VARIANTS}{uid}/{iid}/{version}/"


def image_record(iid: str) -> str:
    return f"{RECORDS}{shard_of(iid)}/{iid}.json"


def account_record(uid: str) -> str:
    return f"{ACCOUNTS}{shard_of(uid)}/{uid}.json"


def username_claim(name: str) -> str:
    return f"{USERNAMES}{name}.json"


def doctor_probe(run: str, name: str) -> str:
    return f"{META}doctor/{run}/{name}"
