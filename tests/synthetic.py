"""Records of accounts and images that never were, put straight into a bucket: as many as a test or a measurement wants,
in the shapes that the service writes. Their objects do not exist."""

import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from imagehost import ids
from imagehost.models import AccountRecord, ApiKey, DeadRecord, Image, ImageRecord, ReadyRecord
from imagehost.services.parts import Parts
from imagehost.storage import object_keys

THREADS = 16
BORN_MS = 1_700_000_000_000


def account(images: int = 0, dead: int = 0) -> tuple[AccountRecord, list[ImageRecord]]:
    """An account with an API key and a user name, so many published images and so many deleted ones."""
    uid, op = ids.new_uid(), ids.new_op()
    api_key = ApiKey(
        kid=ids.new_kid(),
        name="made up",
        secret_sha256=secrets.token_hex(32),
        scopes=("read", "upload"),
        created_at_ms=BORN_MS,
    )
    record = AccountRecord(
        op=op, ops=(op,), uid=uid, rev=2, username=f"u-{uid[:8].lower()}", created_at_ms=BORN_MS, api_keys=(api_key,)
    )
    records: list[ImageRecord] = [published(uid, number) for number in range(images)]
    return record, records + [deleted(uid) for _ in range(dead)]


def published(uid: str, number: int = 0) -> ReadyRecord:
    """The record of a published image; they differ by their number."""
    iid, version, op = ids.new_iid(uid), ids.new_version(), ids.new_op()
    return ReadyRecord(
        op=op,
        ops=(op,),
        image=Image(
            iid=iid,
            uid=uid,
            version=version,
            rev=1 + number % 3,
            key=object_keys.upload(uid, iid, version, "picture.jpg", "image/jpeg"),
            filename="Ünïcode picture.jpg",
            mime="image/jpeg",
            private=number % 4 == 0,
            title=f"Picture № {number}" if number % 2 else None,
            tags=("sea", "sommer")[: number % 3],
            metadata={"order": number} if number % 5 == 0 else {},
            size=1_000 + number,
            sha256=secrets.token_hex(32),
            source_size=1_100 + number,
            source_sha256=secrets.token_hex(32),
            width=800,
            height=600,
            frames=1,
            variants=("preview.webp", "thumb.webp"),
            placeholder="GIoKDYSlqIdPUXd3eEeHh9N/YIkI",
            status="generated",
            created_at_ms=BORN_MS + number,
            expires_at_ms=4_000_000_000_000 if number % 7 == 0 else None,
        ),
    )


def deleted(uid: str) -> DeadRecord:
    """The record of a deleted image."""
    op = ids.new_op()
    return DeadRecord(op=op, ops=(op,), iid=ids.new_iid(uid), uid=uid, rev=2, reason="deleted")


def store(parts: Parts, accounts: Sequence[AccountRecord], images: Sequence[ImageRecord]) -> None:
    """Write records into the bucket, several at once, and nothing into the index."""
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(parts.records.write_account, accounts):
            pass
        for _ in pool.map(parts.records.write_image, images):
            pass
